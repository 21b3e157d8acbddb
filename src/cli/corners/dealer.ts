// Deals a batch out over load-balanced engines. Unlike `imap`, what fails is given like what succeeds, with its job.
import type { AsyncResult } from '../../client/async-result.ts';
import type { Client } from '../../client/client.ts';
import type { LoadBalancedView } from '../../client/load-balanced/view.ts';
import { RemoteError } from '../../errors.ts';

/** One that computes and one that waits, so that no engine idles while answers travel. */
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
  const view = rc.loadBalanced().with({ hwm: PER_ENGINE });
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
  while (running.size > 0) {
    await Promise.race(running);
    yield* ended.splice(0);
  }
}

/** An engine that dies takes other pictures than its murderer with it: those get a second chance. */
async function settle<J, T>(rc: Client, job: J, submit: () => AsyncResult<T, unknown>): Promise<Settled<J, T>> {
  for (let attempt = 1; ; attempt++) {
    try {
      const result = submit();
      const value = await result;
      for (const task of result.tasks) rc.jobs.forget(task);
      return { job, value };
    } catch (error) {
      const died = error instanceof RemoteError && error.ename === 'EngineError';
      if (!died || attempt > 1) return { job, error: error as Error };
    }
  }
}
