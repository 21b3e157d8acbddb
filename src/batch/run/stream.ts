import { randomUUID } from 'node:crypto';
import type { Client } from '../../client/client.ts';
import type { ItemStream } from '../../client/load-balanced/item-stream.ts';
import type { RemoteFunction } from '../../client/remote.ts';
import type { RemoteError } from '../../errors.ts';
import { Fifo } from '../../util/fifo.ts';
import { MOST_IN_GROUP } from './group-size.ts';

/**
 * Tasks per engine that are sent or done and not yet taken. The stream is ordered, so that this many may pass a slow one
 * before an engine has to wait for it.
 */
const AHEAD = 8;
/** Pictures of a group that are under way at once: one is computed, others are read, encoded and written. */
const LANES = 4;

/** The limits of a stream of jobs. */
export interface StreamLimits {
  /** Tasks per engine that are sent or done and not yet taken. */
  readonly ahead?: number | undefined;
  /** Ends the stream with AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/** How jobs make tasks: so many in each, and so many of them under way at once. */
interface Chunks {
  readonly chunkSize: number;
  readonly concurrency: number;
}

/**
 * Calls `fn` with each job, on the engines of `rc`: results in the order of the jobs, errors in their places. Jobs are
 * read only as fast as results are taken, and the client keeps nothing of what was taken. Each engine gets one task at a
 * time: if it dies, that one fails and no other.
 */
export function streamJobs<J, R>(
  rc: Client,
  fn: RemoteFunction<[J], R>,
  jobs: Iterable<J> | AsyncIterable<J>,
  { ahead = AHEAD, signal }: StreamLimits = {},
  chunks: Chunks = { chunkSize: 1, concurrency: 1 },
): ItemStream<Awaited<R> | RemoteError> {
  const maxOutstanding = ahead * Math.max(1, rc.length);
  const view = rc.loadBalanced().with({ hwm: 1, signal });
  return view.imap(fn, jobs, { returnErrors: true, maxOutstanding, ...chunks });
}

/** A job that may share its task with others. */
export interface GroupedJob {
  readonly group?: string | undefined;
}

/**
 * As `streamJobs`, with a task for each group of at most MOST_IN_GROUP jobs, which overlap. If an engine dies, all jobs of
 * its group fail. `fn` is called with null for the empty places of a group.
 */
export async function* streamGroups<J extends GroupedJob, R>(
  rc: Client,
  fn: RemoteFunction<[J | null], Promise<R | null>>,
  groups: Iterable<readonly J[]> | AsyncIterable<readonly J[]>,
  limits: StreamLimits = {},
): AsyncGenerator<R | RemoteError, void, undefined> {
  const isTaken = new Fifo<boolean>();
  const chunks = { chunkSize: MOST_IN_GROUP, concurrency: LANES };
  for await (const end of streamJobs(rc, fn, placesOf(groups, isTaken), limits, chunks)) {
    if (isTaken.shift()) yield end as R | RemoteError;
  }
}

/** The jobs, and null for the places that a group leaves empty: tasks have a fixed number of places. */
async function* placesOf<J extends GroupedJob>(
  groups: Iterable<readonly J[]> | AsyncIterable<readonly J[]>,
  isTaken: Fifo<boolean>,
): AsyncGenerator<J | null, void, undefined> {
  for await (const jobs of groups) {
    const group = jobs.length > 1 ? randomUUID() : undefined;
    for (let place = 0; place < MOST_IN_GROUP; place++) {
      const job = jobs[place];
      isTaken.push(job !== undefined);
      yield job === undefined ? null : { ...job, group };
    }
  }
}
