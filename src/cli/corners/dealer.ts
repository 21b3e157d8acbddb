// Deals a batch out over load-balanced engines. Unlike `imap`, what fails is given like what succeeds, with its job.

import type { Client } from '../../client/client.ts';
import type { LoadBalancedView } from '../../client/load-balanced/balanced-view.ts';
import type { AsyncResult } from '../../client/results/async-result.ts';

/** Ready to be sent the moment that an engine is free: one that each computes, and one more. */
const PER_ENGINE = 2;

/** What came of one job. */
export type Settled<J, T> = { readonly job: J; readonly value: T } | { readonly job: J; readonly error: Error };

/**
 * Submits every job and yields what came of it, as it arrives. Jobs are read only as fast as results are taken, and
 * nothing is kept of what was given.
 */
export async function* deal<J, T>(
  rc: Client,
  jobs: Iterable<J>,
  submit: (view: LoadBalancedView, job: J) => AsyncResult<T, unknown>,
): AsyncGenerator<Settled<J, T>, void, undefined> {
  // One at a time: an engine that dies fails the job that it was on, and no other.
  const view = rc.loadBalanced().with({ hwm: 1 });
  const running = new Set<Promise<void>>();
  const ended: Settled<J, T>[] = [];
  const start = (job: J) => {
    const run = settle(rc, job, () => submit(view, job)).then((end) => {
      running.delete(run);
      ended.push(end);
    });
    running.add(run);
  };
  for (const job of jobs) {
    start(job);
    while (running.size >= PER_ENGINE * Math.max(1, rc.length)) await Promise.race(running);
    yield* ended.splice(0);
  }
  // While the caller was busy with one result, the last ones may have ended.
  while (running.size > 0 || ended.length > 0) {
    if (ended.length === 0) await Promise.race(running);
    yield* ended.splice(0);
  }
}

async function settle<J, T>(rc: Client, job: J, submit: () => AsyncResult<T, unknown>): Promise<Settled<J, T>> {
  try {
    const result = submit();
    const value = await result;
    for (const task of result.tasks) rc.jobs.forget(task);
    return { job, value };
  } catch (error) {
    return { job, error: error as Error };
  }
}
