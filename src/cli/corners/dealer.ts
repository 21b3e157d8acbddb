// Deals tasks out to engines: each engine computes one and has one waiting, so that none idles while answers travel.
import type { AsyncResult } from '../../client/async-result.ts';
import type { Client } from '../../client/client.ts';
import { NoEnginesRegistered } from '../../errors.ts';

const PER_ENGINE = 2;

/** What came of one job; an engine that dies fails its jobs, not the batch. */
export type Settled<J, T> = { readonly job: J; readonly value: T } | { readonly job: J; readonly error: Error };

/**
 * Runs `submit` for every job, on the engine that has least to do, and yields results as they arrive. Reads the jobs only as fast as they are
 * done.
 * @throws NoEnginesRegistered when no engine is left
 */
export async function* deal<J, T>(
  rc: Client,
  jobs: Iterable<J>,
  submit: (engine: number, job: J) => AsyncResult<T, unknown>,
): AsyncGenerator<Settled<J, T>, void, undefined> {
  const load = new Map<number, number>();
  const running = new Set<Promise<Settled<J, T>>>();
  const start = (job: J) => {
    const engine = leastLoaded(rc.ids, load);
    load.set(engine, (load.get(engine) ?? 0) + 1);
    const run = settled(job, submit(engine, job)).then((end) => {
      load.set(engine, (load.get(engine) ?? 1) - 1);
      running.delete(run);
      ended.push(end);
      return end;
    });
    running.add(run);
  };
  const ended: Settled<J, T>[] = [];
  for (const job of jobs) {
    start(job);
    while (running.size >= PER_ENGINE * rc.length && running.size > 0) await Promise.race(running);
    yield* ended.splice(0);
  }
  while (running.size > 0 || ended.length > 0) {
    if (ended.length === 0) await Promise.race(running);
    yield* ended.splice(0);
  }
}

function leastLoaded(ids: readonly number[], load: ReadonlyMap<number, number>): number {
  const [first, ...rest] = ids;
  if (first === undefined) throw new NoEnginesRegistered('corners');
  const of = (id: number) => load.get(id) ?? 0;
  return rest.reduce((least, id) => (of(id) < of(least) ? id : least), first);
}

async function settled<J, T>(job: J, result: AsyncResult<T, unknown>): Promise<Settled<J, T>> {
  try {
    return { job, value: await result };
  } catch (error) {
    return { job, error: error as Error };
  }
}
