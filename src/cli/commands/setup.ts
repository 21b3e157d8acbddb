// `directview setup`: gets what npm does not bring.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Argument, type Command } from 'commander';

/** The things that can be set up, by their scripts in the package. */
const SCRIPTS: Readonly<Record<string, string>> = { tensorflow: 'setup-tensorflow.mjs' };

const HELP = `
tensorflow  the native library behind --device tensorflow. It does nothing where npm has brought it already; else it needs
            python3 with pip, a C++17 compiler and Node's headers, and downloads about 275 MB. npm must have installed
            @tensorflow/tfjs-node before: npm install --ignore-scripts @tensorflow/tfjs-node
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.addArgument(new Argument('<what>', 'what to set up').choices(Object.keys(SCRIPTS)));
  command.addHelpText('after', HELP);
  command.action((what: string) => setUp(SCRIPTS[what] as string));
}

async function setUp(script: string): Promise<void> {
  const path = fileURLToPath(new URL(`../../../../scripts/${script}`, import.meta.url));
  const [code] = await once(spawn(process.execPath, [path], { stdio: 'inherit' }), 'exit');
  process.exitCode = typeof code === 'number' ? code : 1;
}
