// The command line as commander's program.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { COMMANDS } from './commands.ts';

/** Builds the program for these arguments. It loads only the file of the command that they call. */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('directview').description(
    'Multiplexes numeric work over engines with a GPU context each.',
  );
  program.version(version()).exitOverride().showHelpAfterError('(directview --help, directview <command> --help)');
  const wanted = calledCommand(args);
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(summary).allowExcessArguments(false);
    if (name === wanted) (await load()).define(command);
  }
  return program;
}

function version(): string {
  const path = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The command's name; `help px` is about px. */
function calledCommand(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}
