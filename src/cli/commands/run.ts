// `directview run`: a batch script with a connected client.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CompositeError, RemoteError } from '../../errors.ts';
import { count, deviceOptions } from '../arguments.ts';
import { INTERRUPTED, onInterrupt } from '../interrupt.ts';
import { installHooks } from '../script/hooks.ts';
import { runScript } from '../script/script.ts';
import { type ClusterFlags, openSession, type Session } from '../session.ts';

const HELP = `
The script is an ES module, TypeScript or JavaScript. It gets a connected client:
  export async function main(rc, args) { … }   is called (as is a default export that is a function), or
  globalThis.rc, globalThis.view               are there when it has no such export.
process.argv has the arguments, and 'directview' can be imported wherever the script lies.
A running cluster is reused (--cluster, else 'default', else the only one); else one is started and stopped
afterwards. Exit code: 0 done, 1 the script failed, 130 Ctrl-C (the engines are interrupted).

Example:
  directview run -n 4 --device cpu sweep.ts 1000
`;

export function define(command: Command): void {
  // Options after the script's name are the script's.
  command.parent?.enablePositionalOptions();
  command.passThroughOptions();
  command.argument('<script>', 'a .ts, .mts, .js or .mjs file').argument('[args...]', 'for the script');
  command.option('--cluster <name>', 'reuse this cluster, or start one of that name');
  command.option('-n, --n <engines>', 'engines of a cluster that is started', count);
  for (const option of deviceOptions()) command.addOption(option);
  command.addHelpText('after', HELP);
  command.action((script: string, args: string[], flags: ClusterFlags) => run(resolve(script), args, flags));
}

async function run(script: string, args: readonly string[], flags: ClusterFlags): Promise<void> {
  installHooks(script);
  const session = await openSession(flags);
  let leaving: Promise<void> | undefined;
  const interrupted = onInterrupt(() => {
    leaving = leave(session);
  });
  try {
    await runScript(script, session.rc, args);
  } catch (error) {
    // After Ctrl-C the script's awaits fail because of that: nothing to report.
    if (leaving === undefined) fail(error);
  } finally {
    await leaving;
    interrupted();
    await session.close();
  }
}

function fail(error: unknown): void {
  process.stderr.write(`${shown(error)}\n`);
  process.exitCode = 1;
}

// The script cannot be stopped from outside, its process can: engines first, so that a reused cluster is idle again.
async function leave({ rc, close }: Session): Promise<void> {
  process.stderr.write('Received Keyboard Interrupt. Sending signal SIGINT to engines...\n');
  await Promise.allSettled([rc.abort(), rc.interrupt()]);
  await close();
  process.exit(INTERRUPTED);
}

/** Of a local error its stack, which names the script's line; of a remote one what the engines said. */
function shown(error: unknown): string {
  if (error instanceof CompositeError) return `${error.message}\n\n${error.render()}`.trimEnd();
  if (error instanceof RemoteError) return `${error.message}\n${error.traceback}`.trimEnd();
  return error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`;
}
