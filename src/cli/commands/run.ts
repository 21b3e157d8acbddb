// `directview run`: runs a batch script with a connected client.
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { CompositeError, RemoteError } from '../../errors.ts';
import { optimizeEarly } from '../../util/diagnostics/early-optimization.ts';
import { installHooks } from '../../util/user-modules/hooks.ts';
import { seconds } from '../arguments.ts';
import { addClusterOptions, addOldCount, addRunOptions, type ClusterFlags } from '../engine-flags.ts';
import { INTERRUPTED, onInterrupt } from '../interrupt.ts';
import { inspectorLines } from '../script/inspectors.ts';
import { keepFreedMemory } from '../script/keep-freed-memory.ts';
import { checkRecord, type RecordFlags, RunRecord } from '../script/run-record.ts';
import { runScript } from '../script/script.ts';
import { type Session, withCluster } from '../with-cluster.ts';

interface Flags extends ClusterFlags, RecordFlags {
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

const SIGINT = 'Received Keyboard Interrupt. Sending signal SIGINT to engines...\n';

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
  addRunOptions(command);
  command.option('--report <file>', 'write a page about the run: tasks, sums by label, errors');
  command.option('--profile <folder>', 'write CPU profiles of the engines: engine-ID.cpuprofile, speedscope.json');
  command.option('--timeout <seconds>', 'then interrupt the engines and fail', seconds);
  command.addHelpText('after', HELP);
  command.action(async (name: string, args: string[], flags: Flags) => {
    const script = resolve(name);
    checkRecord(flags);
    installHooks(script);
    await keepFreedMemory();
    return withCluster(flags, (session) => {
      optimizeEarly();
      return new ScriptRun(session, script, args).go(flags);
    });
  });
}

/** One run of a script. */
class ScriptRun {
  readonly #session: Session;
  readonly #script: string;
  readonly #args: readonly string[];
  #record: RunRecord | undefined;
  #leaving: Promise<void> | undefined;

  constructor(session: Session, script: string, args: readonly string[]) {
    this.#session = session;
    this.#script = script;
    this.#args = args;
  }

  async go({ timeout, inspect, inspectBrk, ...files }: Flags): Promise<void> {
    if (inspect || inspectBrk) process.stderr.write(await inspectorLines(this.#session.rc));
    const interrupted = onInterrupt(() => this.#leave(SIGINT, INTERRUPTED));
    // A script cannot be stopped from outside, but its process can.
    const late = () =>
      this.#leave(
        `directview: the script did not end within ${Number(timeout) / 1000} s: its engines are interrupted\n`,
        1,
      );
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
    const title = [basename(this.#script), ...this.#args].join(' ');
    this.#record = await RunRecord.open(title, this.#session.rc, files);
    if (this.#record !== undefined) process.on('uncaughtException', this.#onUncaught);
    try {
      await runScript(this.#script, this.#session.rc, this.#args);
    } catch (error) {
      // After Ctrl-C the script fails because its tasks were interrupted; that is not reported.
      if (this.#leaving === undefined) fail(error);
    } finally {
      await this.#leaving;
      clearTimeout(timer);
      interrupted();
      await this.#record?.finish();
      process.off('uncaughtException', this.#onUncaught);
    }
  }

  /** An error in a timer, or a rejection that nobody handles, ends the script; its files are written first. */
  readonly #onUncaught = (error: unknown): void => {
    fail(error);
    void this.#record?.finish().finally(() => process.exit(1));
  };

  // The engines come first, so that a running cluster is idle again.
  #leave(why: string, code: number): void {
    this.#leaving ??= this.#left(why, code);
  }

  async #left(why: string, code: number): Promise<void> {
    const { rc, close } = this.#session;
    process.stderr.write(why);
    await Promise.allSettled([rc.abort(), rc.interrupt()]);
    await this.#record?.finish();
    await close();
    process.exit(code);
  }
}

function fail(error: unknown): void {
  process.stderr.write(`${shown(error)}\n`);
  process.exitCode = 1;
}

/** Local errors print their stack, which names the script's line; remote errors print the engines' tracebacks. */
function shown(error: unknown): string {
  if (error instanceof CompositeError) return `${error.message}\n\n${error.render()}`.trimEnd();
  if (error instanceof RemoteError) return `${error.message}\n${error.traceback}`.trimEnd();
  return error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`;
}
