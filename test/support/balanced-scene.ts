// A load-balanced view over engines in the test's process, and what the remote functions of those tests see.

import type { Metadata } from '../../src/client/links/task.ts';
import { LoadBalancedView } from '../../src/client/load-balanced/balanced-view.ts';
import { Balancer } from '../../src/client/load-balanced/balancer.ts';
import type { AsyncResult } from '../../src/client/results/async-result.ts';
import { FakeSession, here } from './fake-engines.ts';

export interface Scene {
  readonly session: FakeSession;
  readonly lview: LoadBalancedView;
  readonly balancer: Balancer;
}

/** `noEngineGrace`: milliseconds. */
export function scene(engines = 4, noEngineGrace = 50): Scene {
  const session = new FakeSession(engines);
  const balancer = new Balancer(session, session.jobs, { noEngineGrace });
  return { session, balancer, lview: new LoadBalancedView(balancer, 'all') };
}

/** The globals of remote functions: they run in this process, but by their source. */
export const world = globalThis as unknown as {
  here: typeof here;
  gate: Promise<void>;
  open: () => void;
  runs: number;
};
world.here = here;
declare const gate: Promise<void>;

/** The id of the engine that runs it. */
export const where = () => (globalThis as unknown as { here: { current: number } }).here.current;

export const fail = () => {
  throw new RangeError('no good');
};

/** Runs until `world.open()`, if `hold()` came before. */
export const held = async () => {
  await gate;
  return 'held';
};

export function hold(): void {
  world.gate = new Promise((resolve) => {
    world.open = resolve;
  });
}

export function enginesOf(results: readonly AsyncResult<unknown, unknown>[]): (number | null)[] {
  return results.map((result) => (result.metadata as Metadata).engineId);
}
