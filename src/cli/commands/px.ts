// `directview px`: runs source text on the engines of a running cluster and prints what each says.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PxOptions, PxRun } from '../../client/px/px-run.ts';
import type { GroupBy } from '../../client/results/output/grouping.ts';
import { INTERRUPTED, onInterrupt } from '../interrupt.ts';
import { connectSession } from '../session.ts';

interface Flags {
  readonly targets: string;
  readonly cluster?: string;
  readonly stream: boolean;
  readonly groupOutputs: GroupBy;
  readonly verbose?: true;
  /** Milliseconds. */
  readonly progressAfter?: number;
}

export function define(command: Command): void {
  command.argument('<code>', "JavaScript; '-' reads it from stdin");
  command.option('-t, --targets <engines>', 'which engines: 0, -1, 0,2, ::2, all', 'all');
  command.option('--cluster <name>', 'the cluster (default: `default`, or the only one)');
  command.option('--no-stream', 'print at the end, grouped, instead of as it arrives');
  const groups = new Option('--group-outputs <how>', 'with --no-stream').choices(['type', 'engine', 'order']);
  command.addOption(groups.default('type'));
  command.option('-v, --verbose', 'say where the code runs');
  command.option('--progress-after <seconds>', 'when a progress bar appears; -1: never (default: 2)', progressAfter);
  command.addHelpText('after', "\nExample:\n  directview px -t ::2 'a = 5; console.log(engine.id); a ** 2'\n");
  command.action((code: string, flags: Flags) => px(code === '-' ? readFileSync(0, 'utf8') : code, flags));
}

/** Seconds on the command line, milliseconds in the API. @throws InvalidArgumentError */
export function progressAfter(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0 || seconds === -1)) {
    throw new InvalidArgumentError('It must be a number of seconds, or -1.');
  }
  return seconds === -1 ? -1 : seconds * 1000;
}

async function px(code: string, { targets, cluster, stream, groupOutputs, verbose, ...more }: Flags): Promise<void> {
  const session = await connectSession(cluster);
  const options: PxOptions = {
    stream,
    groupOutputs,
    verbose: verbose === true,
    ...(more.progressAfter === undefined ? {} : { progressAfter: more.progressAfter }),
  };
  try {
    await finish(session.rc.view(targets).px.with(options)(code));
  } finally {
    await session.close();
  }
}

// After Ctrl-C the exit code says that, whatever became of the tasks.
async function finish(run: PxRun): Promise<void> {
  const interrupted = onInterrupt(() => run.interrupt());
  const error = await run.then(
    () => undefined,
    (reason: Error) => reason,
  );
  if (interrupted()) process.exitCode = INTERRUPTED;
  else if (error !== undefined) throw error;
}
