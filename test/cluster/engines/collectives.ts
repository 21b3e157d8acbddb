// Collectives between the running tasks of five real engines, and what ends them when one does not take part.
import * as assert from 'uvu/assert';
import { CompositeError, RemoteError } from '../../../src/errors.ts';
import { range, tensor } from '../../../src/tensor/convert.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

type Options = { root?: number; ranks?: number[]; timeout?: number; tag?: string };
type Op = string | ((a: never, b: never) => unknown);
declare const engine: {
  readonly rank: number;
  readonly size: number;
  broadcast(value: unknown, options?: Options): Promise<unknown>;
  scatter(values: unknown, options?: Options): Promise<unknown>;
  gather(value: unknown, options?: Options): Promise<unknown[] | undefined>;
  allGather(value: unknown, options?: Options): Promise<unknown[]>;
  reduce(value: unknown, op?: Op, options?: Options): Promise<unknown>;
  allReduce(value: unknown, op?: Op, options?: Options): Promise<unknown>;
  reduceScatter(value: unknown, op?: Op, options?: Options): Promise<unknown>;
  allToAll(values: unknown, options?: Options): Promise<unknown>;
  barrier(options?: Options): Promise<void>;
  publish(data: unknown): void;
};

const SIZE = 5;
const RANKS = range(SIZE);
const test = suite('collectives');
let rig: Rig;
let first: [number, number][] = [];
test.before(async () => {
  rig = await startRig(SIZE);
  first = await rig.v.apply(() => [engine.rank, engine.size] as [number, number]);
});
test.after(() => rig.stop());

test('the very first task knows rank and size', () => {
  assert.equal(
    first,
    RANKS.map((rank) => [rank, SIZE]),
  );
});

test('broadcast: from every root, small, and large enough for the chain of chunks', async () => {
  const small = await rig.v.apply(async () => {
    const seen: unknown[] = [];
    for (let root = 0; root < engine.size; root++) {
      seen.push(await engine.broadcast(engine.rank === root ? { root } : undefined, { root }));
    }
    return seen;
  });
  for (const seen of small) {
    assert.equal(
      seen,
      RANKS.map((root) => ({ root })),
    );
  }
  const large = await rig.v.apply(async (n: number) => {
    const mine = new Float64Array(n).fill(engine.rank);
    mine[n - 1] = 7;
    const got = (await engine.broadcast(mine, { root: 3 })) as Float64Array;
    return [got.length, got[0], got[n >> 1], got[n - 1]];
  }, 2 ** 21);
  for (const seen of large) assert.equal(seen, [2 ** 21, 3, 3, 7]);
});

test('gather, all-gather and scatter keep the order of ranks', async () => {
  const gathered = await rig.v.apply(() => engine.gather(`r${engine.rank}`, { root: 2 }));
  assert.equal(gathered, [undefined, undefined, ['r0', 'r1', 'r2', 'r3', 'r4'], undefined, undefined]);
  const all = await rig.v.apply(() => engine.allGather(new Int16Array([engine.rank, 9])));
  for (const seen of all) {
    assert.equal(
      seen,
      RANKS.map((rank) => new Int16Array([rank, 9])),
    );
  }
  const dealt = await rig.v.apply(() => engine.scatter(engine.rank === 1 ? [10, 11, 12, 13, 14] : null, { root: 1 }));
  assert.equal(dealt, [10, 11, 12, 13, 14]);
});

test('reduce and all-reduce: operations, kinds of values, functions in the order of ranks', async () => {
  const ops = await rig.v.apply(async () => {
    const { rank } = engine;
    return [
      await engine.allReduce(rank + 1),
      await engine.allReduce(rank + 1, 'prod'),
      await engine.allReduce(rank, 'min'),
      await engine.allReduce([rank, -rank], 'max'),
      await engine.allReduce(`${rank}`, (a: string, b: string) => a + b),
      await engine.reduce(BigInt(rank), 'sum', { root: 4 }),
    ];
  });
  ops.forEach((seen, rank) => {
    assert.equal(seen, [15, 120, 0, [4, 0], '01234', rank === 4 ? 10n : undefined]);
  });
  const sums = (await rig.v.apply(async (t: Tensor) => engine.allReduce(t), tensor([[1, 2, 3]]))) as Tensor[];
  for (const sum of sums) assert.ok(sum.equals(tensor([[5, 10, 15]])));
});

test('all-reduce of a large array goes round the ring: exact, and equal on all ranks', async () => {
  const n = 200_003;
  const sums = (await rig.v.apply(async (length: number) => {
    const mine = Float32Array.from({ length }, (_, i) => (i % 100) + engine.rank);
    const total = (await engine.allReduce(mine)) as Float32Array;
    return [total, mine[0]];
  }, n)) as [Float32Array, number][];
  const expected = Float32Array.from({ length: n }, (_, i) => SIZE * (i % 100) + 10);
  sums.forEach(([total, own], rank) => {
    assert.ok(Buffer.from(total.buffer, total.byteOffset, total.byteLength).equals(Buffer.from(expected.buffer)));
    assert.is(own, rank, 'the input is left alone');
  });
});

test('reduce-scatter and all-to-all: small and large, lists, arrays and tensors', async () => {
  const n = 100_003;
  const got = (await rig.v.apply(async (length: number) => {
    const { rank, size } = engine;
    const large = Float64Array.from({ length }, (_, i) => i + rank);
    const columns = new Float32Array(size * 2).fill(rank);
    return [
      await engine.reduceScatter(Array.from({ length: size }, (_, i) => 10 * i + rank)),
      await engine.reduceScatter(large),
      await engine.allToAll(Array.from({ length: size }, (_, to) => `${rank}>${to}`)),
      await engine.allToAll(columns),
      large[0],
    ];
  }, n)) as [number, Float64Array, string[], Float32Array, number][];
  let next = 0;
  got.forEach(([item, block, list, columns, own], rank) => {
    assert.is(item, 50 * rank + 10);
    for (const value of block) assert.is(value, SIZE * next++ + 10);
    assert.equal(
      list,
      RANKS.map((from) => `${from}>${rank}`),
    );
    assert.equal(
      columns,
      Float32Array.from({ length: 10 }, (_, i) => i >> 1),
    );
    assert.is(own, rank, 'the input is left alone');
  });
  assert.is(next, n);
});

test('barrier: nobody passes before the last has come', async () => {
  const times = await rig.v.apply(async () => {
    await new Promise((resolve) => setTimeout(resolve, 40 * engine.rank));
    const came = performance.timeOrigin + performance.now();
    await engine.barrier();
    return [came, performance.timeOrigin + performance.now()] as [number, number];
  });
  const last = Math.max(...times.map(([came]) => came));
  // Clocks of processes of one machine differ by less than a millisecond.
  for (const [, passed] of times) assert.ok(passed > last - 2);
});

test('a subset of ranks, in an order of its own; other engines do something else', async () => {
  const some = await rig.rc.view([4, 1, 3]).apply(() => engine.allGather(engine.rank, { ranks: [4, 1, 3] }));
  assert.equal(some, [
    [4, 1, 3],
    [4, 1, 3],
    [4, 1, 3],
  ]);
  await rejects(
    () => rig.rc.view(0).apply(() => engine.barrier({ ranks: [1, 2] })),
    RemoteError,
    /rank 0\) is not one of \[1,2\]/,
  );
  await rejects(() => rig.v.apply(() => engine.broadcast(1, { root: 9 })), CompositeError, /there is no root 9/);
});

test('tasks of several calls meet under a tag; without one they are told so', async () => {
  const sum = (x: number) => engine.allReduce(x, 'sum', { ranks: [0, 1], tag: 'pair' });
  assert.equal(await Promise.all([rig.rc.view(0).apply(sum, 5), rig.rc.view(1).apply(sum, 6)]), [11, 11]);
  await rejects(
    () => rig.e0.apply(() => engine.barrier()),
    RemoteError,
    /one call on a view of all of them.*\{ tag \}/,
  );
});

test('a rank that is late, or computes, for longer than the others ask: those that have done their part may have ended', async () => {
  const gathered = rig.v.apply(async () => {
    if (engine.rank === 2) await new Promise((resolve) => setTimeout(resolve, 1500));
    return engine.gather(engine.rank);
  });
  assert.equal((await gathered)[0], RANKS);
  const lengths = rig.v.apply(async () => {
    const value = engine.broadcast(new Float64Array(2 ** 20));
    if (engine.rank === 2) for (const end = performance.now() + 1500; performance.now() < end; );
    return ((await value) as Float64Array).length;
  });
  assert.equal(await lengths, new Array(SIZE).fill(2 ** 20));
  const second = rig.v.apply(async () => {
    await engine.gather(1);
    return engine.rank === 1 ? 'ended' : engine.allGather(1);
  });
  await rejects(async () => await second, CompositeError, /the task of engine 1 ended before this collective/);
});

test('a deadlock names who waits for whom, on every engine, and the next call is not disturbed', async () => {
  const stuck = rig.v.apply(async () => {
    // Its task goes on: one that has ended is named as such.
    if (engine.rank === 2) return new Promise((resolve) => setTimeout(() => resolve('elsewhere'), 1500));
    return engine.allReduce(1, 'sum', { timeout: 300 });
  });
  const results = await stuck.get({ returnErrors: true });
  assert.is(results[2], 'elsewhere');
  for (const rank of [0, 1, 3, 4]) {
    const error = results[rank];
    assert.instance(error, RemoteError);
    assert.match(
      (error as RemoteError).evalue,
      /engine \d waited in allReduce for rank \d \(engine \d\): nothing came in 300 ms/,
    );
  }
  assert.equal(
    await rig.v.apply(() => engine.allReduce(1)),
    RANKS.map(() => 5),
  );
});

test('a task that fails, or is interrupted, ends the collectives of the others', async () => {
  const failing = rig.v.apply(async () => {
    await engine.barrier();
    if (engine.rank === 1) throw new RangeError('of its own');
    return engine.allReduce(1);
  });
  const ends = (await failing.get({ returnErrors: true })) as RemoteError[];
  assert.is(ends[1]?.ename, 'RangeError');
  for (const rank of [0, 2, 3, 4]) assert.match(ends[rank]?.evalue ?? '', /the task of engine 1 failed before/);

  const stuck = rig.v.apply(async () => {
    await engine.barrier();
    engine.publish({ passed: true });
    if (engine.rank !== 3) return engine.barrier();
    return new Promise((resolve) => setTimeout(() => resolve('elsewhere'), 1500));
  });
  await until('rank 0 has passed the first barrier', () => stuck.tasks[0]?.data['passed'] === true);
  await rig.rc.view(0).interrupt();
  const waits = (await stuck.get({ returnErrors: true })) as RemoteError[];
  assert.is(waits[0]?.ename, 'TaskInterrupted');
  for (const rank of [1, 2, 4]) assert.match(waits[rank]?.evalue ?? '', /the task of engine 0 failed before/);
  assert.equal(
    await rig.v.apply(() => engine.allReduce(1)),
    RANKS.map(() => 5),
  );
});

test('a task that ends without the collective that the others wait in ends it', async () => {
  const left = rig.v.apply(() => (engine.rank === 3 ? 'elsewhere' : engine.barrier()));
  const ends = (await left.get({ returnErrors: true })) as RemoteError[];
  for (const rank of [0, 1, 2, 4]) assert.match(ends[rank]?.evalue ?? '', /the task of engine 3 ended before/);
  assert.equal(
    await rig.v.apply(() => engine.allReduce(1)),
    RANKS.map(() => 5),
  );
});

test('values that do not fit fail everywhere, naming both', async () => {
  for (const length of [3, 300_000]) {
    const shapes = rig.v.apply(
      (n: number) => engine.allReduce(new Float32Array(engine.rank === 3 ? 2 : n), 'sum', { timeout: 5000 }),
      length,
    );
    const results = await shapes.get({ returnErrors: true });
    for (const error of results) {
      assert.match((error as RemoteError).evalue, /Float32Array\[2\]/);
    }
  }
  await rejects(
    () => rig.v.apply(() => engine.allReduce(1, 'sums')),
    CompositeError,
    /sum, prod, min, max or a function/,
  );
});

test('a peer that dies rejects all who take part', async () => {
  const results = await rig.v
    .apply(async () => {
      if (engine.rank === 4) process.kill(process.pid, 'SIGKILL');
      return engine.allReduce(new Float32Array(100_000), 'sum', { timeout: 20_000 });
    })
    .get({ returnErrors: true });
  for (const error of results) assert.instance(error, RemoteError);
  for (const error of results.slice(0, 4))
    assert.match((error as RemoteError).evalue, /left the cluster|engine 4|closed|gone/);
  assert.equal(await rig.rc.view('all').apply(() => engine.allReduce(1)), [4, 4, 4, 4]);
});

test.run();
