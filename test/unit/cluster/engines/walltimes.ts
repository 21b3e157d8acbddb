// Successors of engines whose places end at a known time.
import * as assert from 'uvu/assert';
import { type WalltimeHost, Walltimes } from '../../../../src/cluster/engines/walltimes.ts';
import { type Deferred, deferred } from '../../../../src/util/deferred.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cluster/engines/walltimes');

/** A cluster of two engines that is asked for more. */
class Host implements WalltimeHost {
  readonly there = new Set([0, 1]);
  readonly arrivals = new Map<number, Deferred<void>>();
  readonly retired: string[] = [];
  readonly failures: string[] = [];
  /** Resolves when more are asked for. */
  readonly asked = deferred();
  staying(slots: readonly number[]): number[] {
    return slots.filter((slot) => this.there.has(slot));
  }
  grow(n: number): Map<number, Promise<void>> {
    for (let i = 0; i < n; i++) this.arrivals.set(10 + i, deferred<void>());
    this.asked.resolve();
    return new Map([...this.arrivals].map(([slot, { promise }]) => [slot, promise]));
  }
  retire(slot: number, reason: string): void {
    this.retired.push(`${slot} ${reason}`);
  }
  failed(slot: number, error: Error): void {
    this.failures.push(`${slot} ${error.message}`);
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const due = async (host: Host) => {
  const walltimes = new Walltimes(host, 10);
  walltimes.end([0, 1, 2], Date.now() + 50);
  const alive = setInterval(() => {}, 1000); // its own timers keep no process
  await host.asked.promise;
  clearInterval(alive);
};

test('an engine ends when its successor is there; those that are gone get none', async () => {
  const host = new Host();
  await due(host);
  assert.equal([...host.arrivals.keys()], [10, 11]);
  assert.equal(host.retired, []);
  host.arrivals.get(11)?.resolve();
  await settled();
  assert.equal(host.retired, ['1 was shut down: the time of its place ends, and engine 11 is there']);
  host.there.delete(0); // it has died
  host.arrivals.get(10)?.resolve();
  await settled();
  assert.is(host.retired.length, 1);
});

test('a successor that does not come is told, and the engine stays', async () => {
  const host = new Host();
  await due(host);
  host.arrivals.get(10)?.reject(new Error('no place'));
  await settled();
  assert.equal([host.retired, host.failures], [[], ['10 no place']]);
});

test('a place that ends at once, one whose time is over, and a cluster that is stopped: nothing is asked for', async () => {
  const host = new Host();
  const walltimes = new Walltimes(host, 10);
  walltimes.end([0], Date.now() + 5);
  walltimes.end([0], Date.now() - 1000);
  walltimes.end([0], Date.now() + 30);
  walltimes.end([0], Date.now() + 2 ** 33);
  walltimes.stop();
  await due(new Host()); // a timer that was set after those
  assert.is(host.arrivals.size, 0);
});

test.run();
