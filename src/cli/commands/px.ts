// `directview px`: runs source text on the engines and prints their output.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Task } from '../../client/links/task.ts';
import type { PxOptions, PxRun } from '../../client/px/px-run.ts';
import type { GroupBy } from '../../client/results/output/grouping.ts';
import { AbortError, TimeoutError } from '../../errors.ts';
import type { MimeBundle } from '../../protocol/methods.ts';
import { javaScriptOf } from '../../util/user-modules/typed-source.ts';
import { seconds, TARGETS_HELP, targets } from '../arguments.ts';
import { addClusterOptions, asksForEngines, type ClusterFlags } from '../engine-flags.ts';
import { INTERRUPTED, onInterrupt } from '../interrupt.ts';
import { type Session, withCluster } from '../with-cluster.ts';

interface Flags extends ClusterFlags {
  readonly targets: string;
  readonly stream: boolean;
  readonly groupOutputs: GroupBy;
  readonly verbose?: true;
  /** Milliseconds; -1: never. */
  readonly progressAfter: number;
  readonly json?: true;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.argument('<code>', "JavaScript or TypeScript; '-' reads it from stdin");
  command.option('-t, --targets <engines>', TARGETS_HELP, targets, 'all');
  command.option('--no-stream', 'print at the end, grouped, instead of as it arrives');
  const groups = new Option('--group-outputs <how>', 'with --no-stream').choices(['type', 'engine', 'order']);
  command.addOption(groups.default('type'));
  command.option('-v, --verbose', 'print where the code runs');
  const after = new Option('--progress-after <seconds>', 'show a progress bar after this time; -1: never');
  command.addOption(after.argParser(progressAfter).default(2000, '2'));
  command.option('--timeout <seconds>', 'then interrupt the engines and fail', seconds);
  command.option('--json', 'as JSON, at the end: per engine its output, value and error');
  addClusterOptions(command);
  command.addHelpText('after', "\nExample:\n  directview px -t ::2 'a = 5; console.log(engine.id); a ** 2'\n");
  command.action((argument: string, flags: Flags, self: Command) => {
    const isGrouped = self.getOptionValueSource('groupOutputs') === 'cli';
    if (isGrouped && flags.stream) self.error('error: --group-outputs needs --no-stream');
    const code = argument === '-' ? readFileSync(0, 'utf8') : argument;
    return withCluster(flags, (session) => px(code, flags, session));
  });
}

/** Reads seconds as milliseconds. @throws InvalidArgumentError */
function progressAfter(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0 || seconds === -1)) {
    throw new InvalidArgumentError('It must be a number of seconds, or -1.');
  }
  return seconds === -1 ? -1 : seconds * 1000;
}

async function px(code: string, flags: Flags, { rc, isOwn }: Session): Promise<void> {
  if (isOwn && !asksForEngines(flags)) process.stderr.write(NOT_KEPT);
  const { timeout, json } = flags;
  const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
  const options = json ? SILENT : showing(flags);
  const run = rc.view(flags.targets).px.with({ ...options, signal })(javaScriptOf(code));
  try {
    await finish(run);
  } catch (error) {
    if (!signal?.aborted || !(error instanceof AbortError)) throw error;
    throw new TimeoutError(`the code did not end within ${(timeout ?? 0) / 1000} s: its engines were interrupted`);
  } finally {
    if (json) process.stdout.write(`${JSON.stringify(run.result.tasks.map(jsonOf), null, 2)}\n`);
  }
}

function showing({ stream, groupOutputs, verbose, progressAfter }: Flags): PxOptions {
  return { stream, resultOrder: 'target', groupOutputs, verbose: verbose === true, progressAfter };
}

const NOWHERE = { write: () => true };
const SILENT: PxOptions = { stream: false, stdout: NOWHERE, stderr: NOWHERE };

/** One engine's answer, as `--json` prints it. */
function jsonOf({ engine, status, stdout, stderr, outputs, executed, outcome }: Task) {
  const error = outcome?.ok === false ? outcome.error : undefined;
  const { ename, evalue, traceback } = error ?? {};
  return {
    engine: engine?.id ?? null,
    status,
    stdout,
    stderr,
    outputs: outputs.map(plainBundle),
    value: executed?.data ? plainBundle(executed.data) : null,
    error: error === undefined ? null : { ename, evalue, traceback },
  };
}

/** Pictures are base64, as in notebooks. */
function plainBundle(bundle: MimeBundle): Record<string, unknown> {
  const plain = (data: unknown) => (data instanceof Uint8Array ? Buffer.from(data).toString('base64') : data);
  return Object.fromEntries(Object.entries(bundle).map(([type, data]) => [type, plain(data)]));
}

/** Names that the code assigns are lost with the engines, which a user of several px commands would not expect. */
const NOT_KEPT =
  'directview: no cluster is running: the engines of this command end with it (directview start keeps some)\n';

// After Ctrl-C the exit code is that of an interrupt, however the tasks ended.
async function finish(run: PxRun): Promise<void> {
  const interrupted = onInterrupt(() => run.interrupt());
  const error = await run.then(
    () => undefined,
    (reason: Error) => reason,
  );
  if (interrupted()) process.exitCode = INTERRUPTED;
  else if (error !== undefined) throw error;
}
