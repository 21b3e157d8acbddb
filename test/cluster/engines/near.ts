// Engines on tcp that share a machine: values go from one to the other without the network.
import { existsSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { EngineError } from '../../../src/errors.ts';
import { type Rig, startRig, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('engines/near');
const SIZE = 4;
let rig: Rig;
test.before(async () => {
  rig = await startRig(SIZE, { device: 'none', listen: 'tcp://127.0.0.1' });
});
test.after(() => rig.stop());

declare const engine: {
  readonly id: number;
  readonly rank: number;
  broadcast(value: unknown, options?: { root?: number }): Promise<Float64Array>;
  allReduce(value: unknown): Promise<Float64Array>;
};

/** Links at each engine's socket for its machine; the listener is one more entry. */
function nearLinks(rc: Client): number[] {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return rc.engines.map(
    ({ near = '' }) => lines.filter((one) => one.endsWith(near.slice('unix://'.length))).length - 1,
  );
}

const isTold = existsSync('/proc/sys/kernel/random/boot_id') && existsSync('/proc/net/unix');

test('engines say where those of their machine reach them', () => {
  if (!isTold) return;
  const machines = new Set(rig.rc.engines.map(({ machine }) => machine));
  assert.is(machines.size, 1);
  assert.not(machines.has(undefined));
  for (const { near, peers } of rig.rc.engines) {
    assert.match(peers, /^tcp:/);
    assert.match(String(near), /^unix:\/.*\.near$/);
  }
});

test('a broadcast from the client: one engine passes it on to the others beside the network', async () => {
  const data = Float64Array.from({ length: 2 ** 20 }, (_, i) => i);
  const view = rig.rc.broadcast();
  await view.push({ data });
  const sums = await view.apply(() =>
    (globalThis as unknown as { data: Float64Array }).data.reduce((sum, x) => sum + x, 0),
  );
  assert.equal(sums, new Array(SIZE).fill((2 ** 20 * (2 ** 20 - 1)) / 2));
  if (isTold) assert.equal(nearLinks(rig.rc), [0, 1, 1, 1]);
});

test('a broadcast and an all-reduce of engines, small and large', async () => {
  const ends = await rig.v.apply(async () => {
    const small = await engine.broadcast(Float64Array.of(engine.rank), { root: 1 });
    const large = await engine.broadcast(new Float64Array(2 ** 20).fill(engine.rank), { root: 2 });
    const sum = await engine.allReduce(new Float64Array(2 ** 17).fill(engine.rank));
    return [small[0], large.every((x) => x === 2), sum.every((x) => x === 6)];
  });
  assert.equal(ends, new Array(SIZE).fill([1, true, true]));
});

test('a value that a task changes at once has gone to the others as it was', async () => {
  const view = rig.rc.broadcast();
  const data = new Float64Array(2 ** 20).fill(1);
  const ends = await view.apply((mine: Float64Array) => {
    const isWhole = mine.every((x) => x === 1);
    mine.fill(engine.id);
    return isWhole;
  }, data);
  assert.equal(ends, new Array(SIZE).fill(true));
});

test('so it has where one of the others computes meanwhile, for longer than the task waits', async () => {
  const busy = rig.rc.view(2).apply(() => {
    for (const end = performance.now() + 1500; performance.now() < end; );
  });
  await untilRunning(rig.rc, [2]);
  const ends = await rig.rc.broadcast().apply(
    (mine: Float64Array) => {
      const isWhole = mine.every((x) => x === 1);
      mine.fill(engine.id);
      return isWhole;
    },
    new Float64Array(2 ** 20).fill(1),
  );
  await busy;
  assert.equal(ends, new Array(SIZE).fill(true));
});

test('the engine that passes a value on dies: the others get it from the client', async () => {
  const { pid } = rig.rc.engines[0] as { pid: number };
  const pushed = rig.rc.broadcast().push({ data: new Float64Array(2 ** 21).fill(4) });
  process.kill(pid, 'SIGKILL');
  const ends = await pushed.get({ returnErrors: true });
  assert.instance(ends[0], EngineError);
  assert.equal(ends.slice(1), [undefined, undefined, undefined]);
  const lengths = await rig.rc
    .view([1, 2, 3])
    .apply(() => (globalThis as unknown as { data: Float64Array }).data.length);
  assert.equal(lengths, [2 ** 21, 2 ** 21, 2 ** 21]);
});

test.run();
