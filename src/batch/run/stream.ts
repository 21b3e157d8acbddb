import type { Client } from '../../client/client.ts';
import type { ItemStream } from '../../client/load-balanced/item-stream.ts';
import type { RemoteFunction } from '../../client/remote.ts';
import type { RemoteError } from '../../errors.ts';

/**
 * Jobs per engine that are sent or done and not yet taken. The stream is ordered, so that this many pictures may pass a
 * slow one before an engine has to wait for it.
 */
const AHEAD = 8;

/** The limits of a stream of jobs. */
export interface StreamLimits {
  /** Jobs per engine that are sent or done and not yet taken. */
  readonly ahead?: number | undefined;
  /** Ends the stream with AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls `fn` with each job, on the engines of `rc`: results in the order of the jobs, errors in their places. Jobs are
 * read only as fast as results are taken, and the client keeps nothing of what was taken. Each engine gets one job at a
 * time: if it dies, that job fails and no other. A second job on its way (`hwm: 2`, or chunks with `concurrency`) would
 * hide a round trip per job, and would be lost with the first. Measured with two engines on two cores: no difference.
 */
export function streamJobs<J, R>(
  rc: Client,
  fn: RemoteFunction<[J], R>,
  jobs: Iterable<J> | AsyncIterable<J>,
  { ahead = AHEAD, signal }: StreamLimits = {},
): ItemStream<Awaited<R> | RemoteError> {
  const maxOutstanding = ahead * Math.max(1, rc.length);
  return rc.loadBalanced().with({ hwm: 1, signal }).imap(fn, jobs, { returnErrors: true, maxOutstanding });
}
