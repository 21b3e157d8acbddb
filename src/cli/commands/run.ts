// `directview run`: runs a batch script with a connected client.
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { Observer } from '../../dashboard/observer.ts';
import { writeReport } from '../../dashboard/report.ts';
import { CompositeError, RemoteError } from '../../errors.ts';
import { installHooks } from '../../util/user-modules/hooks.ts';
import { seconds } from '../arguments.ts';
import { addClusterOptions, addOldCount, type ClusterFlags } from '../engine-flags.ts';
import { INTERRUPTED, onInterrupt } from '../interrupt.ts';
import { keepFreedMemory } from '../script/keep-freed-memory.ts';
import { runScript } from '../script/script.ts';
import { type Session, withCluster } from '../with-cluster.ts';

interface Flags extends ClusterFlags {
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  /** The file of a report of the run. */
  readonly report?: string | undefined;
}

/** Tasks that a report shows. */
const REPORTED_TASKS = 100_000;

const HELP = `
The script is an ES module, TypeScript or JavaScript. It gets a connected client:
  export async function main(rc, args) { … }   is called (as is a default export that is a function), or
  globalThis.rc, globalThis.view               are there when it has no such export.
process.argv has the arguments, and 'directview' can be imported from any folder.
Exit code: 0 done, 1 the script failed, 130 Ctrl-C (the engines are interrupted).

Example:
  directview run -n 4 --device cpu sweep.ts 1000
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  // Options after the script's name belong to the script.
  command.parent?.enablePositionalOptions();
  command.passThroughOptions();
  command.argument('<script>', 'a .ts, .mts, .js or .mjs file').argument('[args...]', 'for the script');
  addClusterOptions(command);
  addOldCount(command);
  command.option('--report <file>', 'write a page about the run: tasks, sums by label, errors');
  command.option('--timeout <seconds>', 'then interrupt the engines and fail', seconds);
  command.addHelpText('after', HELP);
  command.action(async (name: string, args: string[], flags: Flags) => {
    const script = resolve(name);
    installHooks(script);
    await keepFreedMemory();
    return withCluster(flags, (session) =>
      within(flags.timeout, session, () => reported(flags.report, script, args, session)),
    );
  });
}

// A script cannot be stopped from outside, but its process can.
async function within(timeout: number | undefined, session: Session, run: () => Promise<void>): Promise<void> {
  if (timeout === undefined) return run();
  const text = `directview: the script did not end within ${timeout / 1000} s: its engines are interrupted\n`;
  const timer = setTimeout(() => void leave(session, text, 1), timeout);
  await run();
  clearTimeout(timer);
}

/** Runs it, and writes the report whatever came of it. */
async function reported(
  file: string | undefined,
  script: string,
  args: readonly string[],
  session: Session,
): Promise<void> {
  if (file === undefined) return run(script, args, session);
  const path = resolve(file);
  const observer = new Observer(session.rc, { history: REPORTED_TASKS });
  const first = await observer.look();
  const off = observer.on(() => {});
  try {
    await run(script, args, session);
  } finally {
    off();
    const last = await observer.look();
    await writeReport(path, { title: [basename(script), ...args].join(' '), observer, first, last });
  }
}

async function run(script: string, args: readonly string[], session: Session): Promise<void> {
  let leaving: Promise<void> | undefined;
  const interrupted = onInterrupt(() => {
    leaving = leave(session, 'Received Keyboard Interrupt. Sending signal SIGINT to engines...\n', INTERRUPTED);
  });
  try {
    await runScript(script, session.rc, args);
  } catch (error) {
    // After Ctrl-C the script fails because its tasks were interrupted; that is not reported.
    if (leaving === undefined) fail(error);
  } finally {
    await leaving;
    interrupted();
  }
}

function fail(error: unknown): void {
  process.stderr.write(`${shown(error)}\n`);
  process.exitCode = 1;
}

// The engines come first, so that a running cluster is idle again.
async function leave({ rc, close }: Session, why: string, code: number): Promise<void> {
  process.stderr.write(why);
  await Promise.allSettled([rc.abort(), rc.interrupt()]);
  await close();
  process.exit(code);
}

/** Local errors print their stack, which names the script's line; remote errors print the engines' tracebacks. */
function shown(error: unknown): string {
  if (error instanceof CompositeError) return `${error.message}\n\n${error.render()}`.trimEnd();
  if (error instanceof RemoteError) return `${error.message}\n${error.traceback}`.trimEnd();
  return error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`;
}
