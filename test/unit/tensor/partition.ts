// The golden tables of semantics B1 and B2 (observed on ipyparallel), and what they generalise to.
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { assertDist, block, everyNth, ranges } from '../../../src/tensor/partition.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('partition');
const Q = 4;

const BLOCKS: Record<number, number[][]> = {
  0: [[], [], [], []],
  1: [[0], [], [], []],
  2: [[0], [1], [], []],
  3: [[0], [1], [2], []],
  5: [[0, 1], [2], [3], [4]],
  6: [[0, 1], [2, 3], [4], [5]],
  7: [[0, 1], [2, 3], [4, 5], [6]],
  9: [
    [0, 1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
  ],
  10: [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7],
    [8, 9],
  ],
  16: [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9, 10, 11],
    [12, 13, 14, 15],
  ],
};

const ROUND_ROBIN: Record<number, number[][]> = {
  5: [[0, 4], [1], [2], [3]],
  9: [
    [0, 4, 8],
    [1, 5],
    [2, 6],
    [3, 7],
  ],
  10: [
    [0, 4, 8],
    [1, 5, 9],
    [2, 6],
    [3, 7],
  ],
  16: [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
  ],
};

const items = (n: number) => Array.from({ length: n }, (_, i) => i);
const parts = (n: number, q: number) => ranges(n, q).map(({ lo, hi }) => items(n).slice(lo, hi));
const dealt = (n: number, q: number) => items(q).map((p) => everyNth(n, q, p));

for (const [n, expected] of Object.entries(BLOCKS)) {
  test(`B1: ${n} items in blocks on 4`, () => assert.equal(parts(Number(n), Q), expected));
}
for (const [n, expected] of Object.entries(ROUND_ROBIN)) {
  test(`B2: ${n} items round robin on 4`, () => assert.equal(dealt(Number(n), Q), expected));
}

test('a part outside of the parts is a RangeError', () => {
  for (const p of [-1, 4, 1.5, Number.NaN]) {
    throws(() => block(10, Q, p), RangeError, /no part/);
    throws(() => everyNth(10, Q, p), RangeError, /no part/);
  }
});

test('only b and r are dists', () => {
  assertDist('b');
  assertDist('r');
  for (const dist of ['x', '', undefined, 1]) throws(() => assertDist(dist), RangeError, /unknown dist/);
});

const sizes = [fc.nat(2000), fc.integer({ min: 1, max: 64 })] as const;

test('property: blocks follow each other without gap, lengths differ by one at most, longer ones first', () => {
  fc.assert(
    fc.property(...sizes, (n, q) => {
      const all = ranges(n, q);
      assert.equal(parts(n, q).flat(), items(n));
      const lengths = all.map(({ lo, hi }) => hi - lo);
      assert.equal(
        lengths,
        [...lengths].sort((a, b) => b - a),
      );
      assert.ok((lengths[0] as number) - (lengths.at(-1) as number) <= 1);
    }),
  );
});

test('property: round robin deals every item once, to part i mod q, as many as blocks would', () => {
  fc.assert(
    fc.property(...sizes, (n, q) => {
      const all = dealt(n, q);
      const owner = new Map(all.flatMap((part, p) => part.map((i) => [i, p] as const)));
      assert.is(all.flat().length, n);
      for (const i of items(n)) assert.is(owner.get(i), i % q);
      assert.equal(
        all.map((part) => part.length),
        ranges(n, q).map(({ lo, hi }) => hi - lo),
      );
    }),
  );
});

test.run();
