// The algorithms of collectives over an exchange in memory: every size, every root, the same result on every rank.
import * as assert from 'uvu/assert';
import { allReduce } from '../../../../engines/collectives/all-reduce.ts';
import { broadcast, children } from '../../../../engines/collectives/broadcast.ts';
import { allGather, barrier, gather, scatter } from '../../../../engines/collectives/gather.ts';
import type { Group } from '../../../../engines/collectives/group.ts';
import { combine } from '../../../../engines/collectives/operation.ts';
import { reduce } from '../../../../engines/collectives/reduce.ts';
import { Mailbox } from '../../../../engines/peers/mailbox.ts';
import { type Body, decodeBody, encodeBody, type Revivers } from '../../../../src/protocol/codec.ts';
import { range, tensor } from '../../../../src/tensor/convert.ts';
import type { Tensor } from '../../../../src/tensor/tensor.ts';
import { type Deferred, deferred } from '../../../../src/util/deferred.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('algorithms of collectives');
const SIZES = range(1, 8);
const LARGE = 100_000;
const refuse = (): never => {
  throw new Error('numbers only');
};
const revivers: Revivers = { fn: refuse, ref: refuse, module: refuse };

/** The ranks of one collective, as each of them sees it; `sent` counts the bodies that were posted. */
function groups(size: number): { ranks: Group[]; sent: () => number } {
  const boxes = Array.from({ length: size }, (_, rank) => new Mailbox(() => `engine ${rank}`, refuse));
  const pipes = Array.from({ length: size }, () => deferred<Body>());
  let sent = 0;
  const ranks = boxes.map(
    (mailbox, rank): Group => ({
      rank,
      size,
      post: async (to, step, body) => {
        sent += 1;
        // Bytes that travel are no longer the sender's.
        boxes[to]?.deliver(
          rank,
          step,
          body.map((part) => part.slice()),
        );
      },
      take: (from, step) => mailbox.take({ from, tag: step, timeout: 1000, what: `for ${step}` }),
      pipe: async (_, body) => {
        for (const pipe of pipes) pipe.resolve(body.map((part) => part.slice()));
      },
      piped: () => (pipes[rank] as Deferred<Body>).promise,
      encode: encodeBody,
      decode: (body) => decodeBody(body, revivers),
    }),
  );
  return { ranks, sent: () => sent };
}

const all = <T>(size: number, run: (group: Group) => Promise<T>): Promise<T[]> =>
  Promise.all(groups(size).ranks.map(run));

test('broadcast gives the root’s value to every rank, small or large', async () => {
  for (const size of SIZES) {
    for (const root of range(size)) {
      const seen = await all(size, (group) => broadcast(group, group.rank === root ? `of ${root}` : 'other', root));
      assert.equal(seen, new Array(size).fill(`of ${root}`));
    }
  }
  const value = new Float64Array(2 ** 20).fill(3);
  const seen = (await all(4, (group) => broadcast(group, group.rank === 2 ? value : undefined, 2))) as Float64Array[];
  assert.equal(
    seen.map((data) => [data.length, data.at(-1)]),
    new Array(4).fill([2 ** 20, 3]),
  );
});

test('a broadcast sends one body for each other rank', async () => {
  for (const size of SIZES) {
    const { ranks, sent } = groups(size);
    await Promise.all(ranks.map((group) => broadcast(group, 1, 0)));
    assert.is(sent(), size - 1);
  }
});

test('the children of a binomial tree reach each place once', () => {
  for (const size of SIZES) {
    const reached = [0];
    for (const place of reached) reached.push(...children(place, size));
    assert.equal(
      reached.sort((a, b) => a - b),
      range(size),
    );
  }
});

test('gather, all-gather and scatter keep the order of ranks', async () => {
  for (const size of SIZES) {
    const values = range(size).map((rank) => rank * 10);
    for (const root of range(size)) {
      const gathered = await all(size, (group) => gather(group, group.rank * 10, root));
      assert.equal(
        gathered,
        range(size).map((rank) => (rank === root ? values : undefined)),
      );
      const list = (rank: number) => (rank === root ? values : undefined);
      assert.equal(await all(size, (group) => scatter(group, list(group.rank), root)), values);
    }
    assert.equal(await all(size, (group) => allGather(group, group.rank * 10)), new Array(size).fill(values));
  }
});

test('reduce keeps the order of ranks, so that any associative function will do', async () => {
  for (const size of SIZES) {
    for (const root of range(size)) {
      const joined = await all(size, (group) => reduce(group, `${group.rank}`, (a: string, b: string) => a + b, root));
      assert.equal(
        joined,
        range(size).map((rank) => (rank === root ? range(size).join('') : undefined)),
      );
    }
  }
});

test('all-reduce gives all ranks the same, by the tree and round the ring', async () => {
  for (const size of SIZES) {
    const sum = (size * (size - 1)) / 2;
    assert.equal(await all(size, (group) => allReduce(group, group.rank, 'sum')), new Array(size).fill(sum));
    const large = await all(size, (group) => {
      const mine = Float32Array.from({ length: LARGE }, (_, i) => group.rank + i / LARGE);
      return allReduce(group, tensor(mine), 'sum') as Promise<Tensor>;
    });
    for (const { data } of large) assert.equal(data, large[0]?.data);
    assert.ok(Math.abs((large[0]?.at(0) as number) - sum) < 1e-3);
  }
});

test('ranks whose arrays differ fail, and say how', async () => {
  const { ranks } = groups(3);
  const reduced = ranks.map(({ ...group }) =>
    allReduce(group, new Float64Array(LARGE + (group.rank === 1 ? 1 : 0)), 'sum'),
  );
  for (const failed of reduced) failed.catch(() => {});
  const error = await rejects(
    () => Promise.any(reduced).catch((e: AggregateError) => Promise.reject(e.errors[0])),
    Error,
  );
  assert.match(error.message, /ranks cannot be reduced: Float64Array\[100000\] and Float64Array\[100001\]/);
});

test('no rank leaves a barrier before the last one has come', async () => {
  for (const size of SIZES) {
    let come = 0;
    await all(size, async (group) => {
      await new Promise((resolve) => setTimeout(resolve, 2 * group.rank));
      come += 1;
      await barrier(group);
      assert.is(come, size);
    });
  }
});

test('values that do not fit together name the ranks', () => {
  assert.throws(() => combine('sum', 1, 'a', '0 and 1'), /ranks 0 and 1 cannot be reduced: number and a/);
  assert.is(combine('max', 2, 3, '0 and 1'), 3);
});

test.run();
