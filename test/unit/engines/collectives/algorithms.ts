// The algorithms of collectives over an exchange in memory: every size, every root, the same result on every rank.
import * as assert from 'uvu/assert';
import { allReduce } from '../../../../engines/collectives/all-reduce.ts';
import { allToAll } from '../../../../engines/collectives/all-to-all.ts';
import { broadcast, children, isPiped } from '../../../../engines/collectives/broadcast.ts';
import { allGather, barrier, gather, scatter } from '../../../../engines/collectives/gather.ts';
import type { Group } from '../../../../engines/collectives/group.ts';
import { combine } from '../../../../engines/collectives/operation.ts';
import { reduce } from '../../../../engines/collectives/reduce.ts';
import { reduceScatter } from '../../../../engines/collectives/reduce-scatter.ts';
import { goesRound, type ReductionKind } from '../../../../engines/collectives/ring.ts';
import { type LinkCosts, rootSeconds, treeSeconds } from '../../../../engines/peers/link-costs.ts';
import { Mailbox } from '../../../../engines/peers/mailbox.ts';
import { type Body, decodeBody, encodeBody, type Revivers } from '../../../../src/protocol/codec.ts';
import { range, tensor } from '../../../../src/tensor/convert.ts';
import { block } from '../../../../src/tensor/partition.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
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
    for (const isOneMachine of [() => false, () => true]) {
      const seen = await all(size, (group) => allGather({ ...group, isOneMachine }, group.rank * 10));
      assert.equal(seen, new Array(size).fill(values));
    }
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

test('reduce-scatter: a list gives each rank its item, by any associative function in the order of ranks', async () => {
  for (const size of SIZES) {
    const items = (rank: number) => range(size).map((i) => `${rank}${i} `);
    const join = (a: string, b: string) => a + b;
    assert.equal(
      await all(size, (group) => reduceScatter(group, items(group.rank), join)),
      range(size).map((i) =>
        range(size)
          .map((rank) => `${rank}${i} `)
          .join(''),
      ),
    );
    const lists = await all(size, (group) => reduceScatter(group, range(size), 'max'));
    assert.equal(lists, range(size));
  }
});

test('reduce-scatter: arrays and tensors give blocks along axis 0, by the tree and round the ring', async () => {
  for (const size of SIZES) {
    for (const rows of [0, 1, 7, 30_001]) {
      const mine = (rank: number) =>
        new Tensor(
          'float32',
          [rows, 3],
          Float32Array.from({ length: rows * 3 }, (_, i) => (i % 1000) + rank),
        );
      const whole = new Tensor(
        'float32',
        [rows, 3],
        Float32Array.from({ length: rows * 3 }, (_, i) => size * (i % 1000) + (size * (size - 1)) / 2),
      );
      const parts = (await all(size, (group) => reduceScatter(group, mine(group.rank), 'sum'))) as Tensor[];
      parts.forEach((part, rank) => {
        const { lo, hi } = block(rows, size, rank);
        assert.equal(part.shape, [hi - lo, 3]);
        assert.ok(part.equals(whole.rows(lo, hi)), `${rows} rows, rank ${rank} of ${size}`);
      });
    }
  }
  const bytes = (await all(3, (group) => reduceScatter(group, Buffer.alloc(7, group.rank), 'max'))) as Buffer[];
  assert.equal(
    bytes.map((part) => [...part]),
    [
      [2, 2, 2],
      [2, 2],
      [2, 2],
    ],
  );
});

test('all-to-all: part j of rank i goes to rank j, in the order of ranks', async () => {
  for (const size of SIZES) {
    const lists = await all(size, (group) =>
      allToAll(
        group,
        range(size).map((to) => `${group.rank}>${to}`),
      ),
    );
    assert.equal(
      lists,
      range(size).map((to) => range(size).map((from) => `${from}>${to}`)),
    );
    // Ranks have arrays of different lengths, some empty: a transposition of blocks.
    const arrays = await all(size, (group) =>
      allToAll(
        group,
        Int32Array.from(range(3 * group.rank), (i) => 100 * group.rank + i),
      ),
    );
    arrays.forEach((got, to) => {
      const wanted = range(size).flatMap((from) => {
        const { lo, hi } = block(3 * from, size, to);
        return range(lo, hi).map((i) => 100 * from + i);
      });
      assert.equal(got, Int32Array.from(wanted));
    });
    const tensors = (await all(size, (group) =>
      allToAll(
        group,
        new Tensor('float64', [size, 2]).map(() => group.rank),
      ),
    )) as Tensor[];
    for (const got of tensors)
      assert.equal(
        got.toNested(),
        range(size).map((from) => [from, from]),
      );
  }
});

/** Ranks whose values do not fit: the first error, and the bytes that were posted until all had failed. */
async function misfit(run: (group: Group) => Promise<unknown>): Promise<{ message: string; largest: number }> {
  let largest = 0;
  const ends = groups(3).ranks.map((group) => {
    const post: Group['post'] = (to, step, body) => {
      largest = Math.max(largest, ...body.map((part) => part.byteLength));
      return group.post(to, step, body);
    };
    const take: Group['take'] = (from, step) => group.take(from, step);
    return run({ ...group, post, take });
  });
  const message = await new Promise<string>((resolve) => {
    for (const end of ends) end.catch((error: Error) => error instanceof TypeError && resolve(error.message));
    // Ranks that wait for those give up after a second.
    void Promise.allSettled(ends).then(() => resolve('no TypeError'));
  });
  return { message, largest };
}

const second = (rank: number): number => (rank === 1 ? 1 : 0);
const MISFITS: [string, (group: Group) => Promise<unknown>, RegExp][] = [
  [
    'reduce, by a function',
    (group) => reduce(group, new Float64Array(LARGE + second(group.rank)), (a: number, b: number) => a + b, 2),
    /reduced: Float64Array\[100000\] and Float64Array\[100001\]/,
  ],
  [
    'reduce-scatter',
    (group) => reduceScatter(group, new Float32Array(LARGE + second(group.rank)), 'sum'),
    /reduced: Float32Array\[100000\] and Float32Array\[100001\]/,
  ],
  [
    'all-reduce, one with a text',
    (group) => allReduce(group, group.rank === 1 ? 'text' : new Float64Array(LARGE), (a: string) => a),
    /reduced: Float64Array\[100000\] and text/,
  ],
  [
    'all-to-all, of other columns',
    (group) => allToAll(group, new Tensor('float32', [LARGE, 2 + second(group.rank)])),
    /exchanged: Tensor float32\[\*×2\] and Tensor float32\[\*×3\]/,
  ],
  [
    'all-to-all, one with a list',
    (group) => allToAll(group, group.rank === 1 ? [1, 2, 3] : new Float32Array(LARGE)),
    /exchanged: Float32Array\[\*\] and a list/,
  ],
  ['all-to-all, a short list', (group) => allToAll(group, range(2)), /a list of 3 values, .* not 2 items/],
  ['all-to-all, a number', (group) => allToAll(group, 5), /a list of 3 values, .* not number/],
  ['reduce-scatter, a short list', (group) => reduceScatter(group, [1, 2], 'sum'), /list of 3 values, .* not 2 items/],
  ['reduce-scatter, a text', (group) => reduceScatter(group, 'abc', 'sum'), /not string/],
  ['reduce-scatter, a Tensor without axes', (group) => reduceScatter(group, tensor(5), 'sum'), /not Tensor/],
];

for (const [name, run, says] of MISFITS) {
  test(`values that do not fit are refused before data leave: ${name}`, async () => {
    const { message, largest } = await misfit(run);
    assert.match(message, says);
    assert.ok(largest < 10_000, `${largest} bytes were posted`);
  });
}

test('sums of floats depend on the number of ranks, not on who is late', async () => {
  const values = (rank: number) => Float32Array.from({ length: LARGE }, (_, i) => Math.sin(i + 1000 * rank) * 1e3);
  const slowly = (late: number) => (group: Group) => {
    const take: Group['take'] = async (from, step) => {
      const body = await group.take(from, step);
      if (group.rank === late) await new Promise((resolve) => setImmediate(resolve));
      return body;
    };
    return allReduce({ ...group, take }, values(group.rank), 'sum') as Promise<Float32Array>;
  };
  const [first] = await all(5, slowly(0));
  for (const late of range(1, 5)) {
    for (const total of await all(5, slowly(late)))
      assert.ok(Buffer.from(total.buffer).equals(Buffer.from(first!.buffer)));
  }
});

test('a reduction leaves its input alone, a Buffer too', async () => {
  const inputs = range(4).map((rank) => Buffer.alloc(300_000, rank + 1));
  const totals = (await all(4, (group) => allReduce(group, inputs[group.rank], 'sum'))) as Uint8Array[];
  for (const total of totals) assert.is(total[299_999], 10);
  for (const [rank, input] of inputs.entries()) assert.ok(input.every((byte) => byte === rank + 1));
});

test('a chain of chunks carries large bodies to some engines, a tree small ones, or middling ones to many', () => {
  for (const [size, bytes, chain] of [
    [2, 1e9, false],
    [3, 1e5, false],
    [8, 1e6, false],
    [8, 1e8, true],
    [64, 8e6, false],
    [64, 1e8, true],
  ] as const)
    assert.is(isPiped(size, bytes), chain, `${bytes} to ${size}`);
});

test('the costs of links decide between chain and tree, and between ring and tree', () => {
  const MIB = 2 ** 20;
  const [slow, quick] = [
    { mail: 0.01, between: 1e-9 },
    { mail: 1e-6, between: 1e-8 },
  ];
  assert.equal([isPiped(8, 16 * MIB, slow), isPiped(8, 16 * MIB, quick)], [false, true]);
  assert.equal([isPiped(2, 16 * MIB, quick), isPiped(8, MIB, quick)], [false, false]);
  const round = (links: LinkCosts | undefined, size: number, bytes: number) =>
    goesRound({ ...(groups(1).ranks[0] as Group), size, links }, new Uint8Array(bytes), 'sum', 'all-reduce');
  assert.equal([round(slow, 8, MIB), round(quick, 8, MIB)], [false, true]);
  assert.equal([round(quick, 2, MIB), round(quick, 8, MIB / 8)], [false, false]);
  assert.is(round(undefined, 4, MIB), true);
});

test('engines that share cores take the tree: its few messages at once are quicker than those of all engines', () => {
  const MIB = 2 ** 20;
  const links = { mail: 1e-3, between: 2e-9 };
  const alone = { ...links, mailAlone: 1e-4, betweenAlone: 5e-10 };
  const round = (costs: LinkCosts, bytes: number) =>
    goesRound({ ...(groups(1).ranks[0] as Group), size: 4, links: costs }, new Uint8Array(bytes), 'sum', 'all-reduce');
  assert.equal([round(links, 10 * MIB), round(alone, 10 * MIB)], [true, false]);
  assert.equal([isPiped(4, 10 * MIB, links), isPiped(4, 10 * MIB, alone)], [true, false]);
  // One message, and two at once: a third of the way from one alone to all four.
  near(treeSeconds(alone, 4, 1000), 1e-4 + 1000 * 5e-10 + 4e-4 + 1000 * 1e-9);
  near(treeSeconds(links, 5, 1000), 3 * (1e-3 + 1000 * 2e-9));
});

test('a part on each rank favours the ring, which leaves it there; all of it on one rank favours the tree', () => {
  const MIB = 2 ** 20;
  // A round of the ring takes as long as the way up the tree.
  const links = { mail: 1e-9, between: 4e-10, mailAlone: 1e-9, betweenAlone: 1e-10 };
  const round = (reduction: ReductionKind) =>
    goesRound({ ...(groups(1).ranks[0] as Group), size: 4, links }, new Uint8Array(16 * MIB), 'sum', reduction);
  assert.equal([round('reduce-scatter'), round('reduce')], [true, false]);
  near(rootSeconds(links, 4, 4000), 3 * (1e-9 + 1000 * 1e-10));
  near(rootSeconds({ mail: 1e-4, between: 1e-9 }, 3, 3000), 2 * (1e-4 + 1000 * 1e-9));
});

const near = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-9 * b, `${a} is not ${b}`);

test('all-reduce gives all ranks the same by the way that their costs choose', async () => {
  for (const links of [
    { mail: 1, between: 1e-12 },
    { mail: 1e-9, between: 1e-6 },
  ]) {
    const sums = (await all(4, (group) =>
      allReduce({ ...group, links }, new Float64Array(LARGE).fill(group.rank), 'sum'),
    )) as Float64Array[];
    for (const sum of sums) assert.ok(sum.every((x) => x === 6));
  }
});

test.run();
