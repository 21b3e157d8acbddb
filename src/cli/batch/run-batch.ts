import type { BatchOptions } from '../../batch/batch-options.ts';
import { BatchSession, summaryLine } from '../../batch/batch-session.ts';
import { type BatchSummary, isClean } from '../../batch/batch-summary.ts';
import type { OperationReference } from '../../batch/plan/operation-reference.ts';
import type { ClusterFlags } from '../engine-flags.ts';
import { withCluster } from '../with-cluster.ts';
import { BatchDisplay } from './batch-display.ts';
import type { BatchFlags } from './batch-flags.ts';
import { EndSignals } from './end-signals.ts';
import { pictureNames } from './picture-list.ts';

/** Failures that stderr lists; the others are in the results. */
const MOST_LISTED = 100;
/** The exit code of a program whose reader has gone: 128 and SIGPIPE. */
const READER_GONE = 141;

/** A batch as a command wants it. */
export interface BatchRequest {
  readonly label: string;
  readonly operation: OperationReference;
  readonly pictures: readonly string[];
  readonly flags: BatchFlags;
  readonly options: BatchOptions;
}

/**
 * Does a batch on the engines of the flags, and prints its progress and its summary on stderr.
 * @returns the exit code
 * @throws ClusterError when an output cannot be written, before any work starts, or when no engine starts
 */
export async function runBatch({ label, operation, pictures, flags, options }: BatchRequest): Promise<number> {
  const ends = new EndSignals();
  const stdout = { before: () => display?.before(), after: () => display?.after() };
  let display: BatchDisplay | undefined;
  try {
    const names = pictureNames(pictures, flags);
    const all = { ...options, signal: ends.signal, onProgress: () => display?.show() };
    const session = await BatchSession.open(operation, names, all, stdout);
    const { done, work } = session.plan;
    if (done.length > 0) say(`${done.length} pictures are there already`);
    display = new BatchDisplay(label, () => session.progress);
    if (work.length > 0) await onEngines(session, fewEngines(flags, work.length), ends);
    display.close();
    const summary = await session.finish();
    print(summary, flags);
    return ends.code ?? (summary.readerGone ? READER_GONE : isClean(summary) ? 0 : 1);
  } finally {
    display?.close();
    ends.close();
  }
}

/** Starts no engine that would get no picture. */
function fewEngines(flags: ClusterFlags, pictures: number): ClusterFlags {
  return flags.engines === undefined ? flags : { ...flags, engines: Math.min(flags.engines, pictures) };
}

async function onEngines(session: BatchSession, flags: ClusterFlags, { signal }: EndSignals): Promise<void> {
  try {
    await withCluster(flags, ({ rc }) => session.run(rc), signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    session.stop(signal.reason);
  }
}

const say = (line: string) => process.stderr.write(`${line}\n`);

function print(summary: BatchSummary, flags: BatchFlags): void {
  if (summary.readerGone) return;
  say(summaryLine(summary));
  const { failures, failedBefore, notes, errors, stopped } = summary;
  for (const { image, reason } of failures.slice(0, MOST_LISTED)) say(`failed: ${image}: ${reason}`);
  const more = failures.length - MOST_LISTED;
  if (more > 0) say(`… and ${more} more failed${flags.json === undefined ? '' : `: see ${flags.json}`}`);
  if (failedBefore > 0)
    say(`${failedBefore} pictures failed before and have not changed: --retry-failed tries them again`);
  for (const note of notes) say(note);
  for (const error of errors) say(`directview: ${error}`);
  if (stopped !== undefined) say(`directview: ${stoppedText(summary, flags)}`);
}

function stoppedText({ stopped, pictures, done, failed }: BatchSummary, flags: BatchFlags): string {
  const left = pictures - done - failed;
  const resumable = flags.out !== undefined || (flags.json !== undefined && flags.json !== '-');
  const remedy = resumable ? `resume with: ${resumeCommand()}` : 'with --json FILE a later run can go on from here';
  return `stopped: ${stopped}. ${left} pictures are not done; ${remedy}`;
}

function resumeCommand(): string {
  const args = process.argv.slice(2);
  const all = args.includes('--skip-existing') ? args : [...args, '--skip-existing'];
  return ['directview', ...all].map(quoted).join(' ');
}

const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
