// `directview px`: runs source text on the engines and prints their output.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PxRun } from '../../client/px/px-run.ts';
import type { GroupBy } from '../../client/results/output/grouping.ts';
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
}

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.argument('<code>', "JavaScript; '-' reads it from stdin");
  command.option('-t, --targets <engines>', 'which engines: 0, -1, 0,2, ::2, all', 'all');
  command.option('--no-stream', 'print at the end, grouped, instead of as it arrives');
  const groups = new Option('--group-outputs <how>', 'with --no-stream').choices(['type', 'engine', 'order']);
  command.addOption(groups.default('type'));
  command.option('-v, --verbose', 'print where the code runs');
  const after = new Option('--progress-after <seconds>', 'show a progress bar after this time; -1: never');
  command.addOption(after.argParser(progressAfter).default(2000, '2'));
  addClusterOptions(command);
  command.addHelpText('after', "\nExample:\n  directview px -t ::2 'a = 5; console.log(engine.id); a ** 2'\n");
  command.action((argument: string, flags: Flags) => {
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
  const { targets, stream, groupOutputs, verbose = false, progressAfter } = flags;
  if (isOwn && !asksForEngines(flags)) process.stderr.write(NOT_KEPT);
  await finish(rc.view(targets).px.with({ stream, groupOutputs, verbose, progressAfter })(code));
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
