// Golden tables B1 to B4: what engines hold after a scatter, and what gather makes of it.
import * as assert from 'uvu/assert';
import { join } from '../../../../src/client/calls/gathering.ts';
import {
  flattenPart,
  iteratorOf,
  materialise,
  partsOf,
  type Sequence,
  sequenceOf,
} from '../../../../src/client/calls/sequences.ts';
import { range, tensor } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/scatter-gather');
const Q = 4;
const ENGINES = [0, 1, 2, 3];
const flat = (value: unknown) => partsOf(sequenceOf(value), Q).map(flattenPart);

const BLOCKS: [number, number[][]][] = [
  [0, [[], [], [], []]],
  [1, [[0], [], [], []]],
  [2, [[0], [1], [], []]],
  [3, [[0], [1], [2], []]],
  [5, [[0, 1], [2], [3], [4]]],
  [6, [[0, 1], [2, 3], [4], [5]]],
  [7, [[0, 1], [2, 3], [4, 5], [6]]],
  [
    9,
    [
      [0, 1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ],
  ],
  [
    10,
    [
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
      [8, 9],
    ],
  ],
  [16, [range(0, 4), range(4, 8), range(8, 12), range(12, 16)]],
];

for (const [n, parts] of BLOCKS) {
  test(`${n} items in blocks, and back`, () => {
    assert.equal(partsOf(range(n), Q), parts);
    assert.equal(join(parts, ENGINES), range(n));
    const typed = partsOf(Float64Array.from(range(n)), Q);
    assert.equal(join(typed, ENGINES), Float64Array.from(range(n)));
  });
}

test('a Buffer that is dealt round robin stays as it was', () => {
  const bytes = Buffer.from(range(10));
  assert.equal(
    partsOf(bytes, Q, 'r').map((part) => [...(part as Buffer)]),
    [
      [0, 4, 8],
      [1, 5, 9],
      [2, 6],
      [3, 7],
    ],
  );
  assert.equal([...bytes], range(10));
});

const ROUND_ROBIN: [number, number[][], number[]][] = [
  [5, [[0, 4], [1], [2], [3]], [0, 4, 1, 2, 3]],
  [
    9,
    [
      [0, 4, 8],
      [1, 5],
      [2, 6],
      [3, 7],
    ],
    [0, 4, 8, 1, 5, 2, 6, 3, 7],
  ],
];

for (const [n, parts, chained] of ROUND_ROBIN) {
  test(`${n} items by round robin`, () => {
    assert.equal(partsOf(range(n), Q, 'r'), parts);
    assert.equal(join(parts, ENGINES, 'r'), range(n));
    assert.equal(join(parts, ENGINES, 'b'), chained);
  });
}

test('round robin keeps the dtype of arrays', () => {
  const parts = partsOf(Int16Array.from(range(10)), Q, 'r');
  assert.equal(parts, [Int16Array.of(0, 4, 8), Int16Array.of(1, 5, 9), Int16Array.of(2, 6), Int16Array.of(3, 7)]);
  assert.equal(join(parts, ENGINES, 'r'), Int16Array.from(range(10)));
});

test('round robin loses nothing when part 0 is not the longest', () => {
  assert.equal(join([[1], [2, 3], [4]], ENGINES, 'r'), [1, 2, 4, 3]);
});

test('a list that is longer than any without holes is refused at once', () => {
  for (const length of [2 ** 32 - 1, 2 ** 27])
    throws(() => sequenceOf(new Array(length)), RangeError, new RegExp(`a list of ${length} items, holes included`));
});

test('an unknown dist is refused', () => throws(() => partsOf([1], 2, 'x' as never), RangeError, /unknown dist x/));

test('flatten unwraps parts of exactly one item', () => {
  assert.equal(flat([0]), [0, [], [], []]);
  assert.equal(flat([0, 1, 2]), [0, 1, 2, []]);
  assert.equal(flat(range(4)), [0, 1, 2, 3]);
  assert.equal(flat(range(5)), [[0, 1], 2, 3, 4]);
  assert.equal(flat(Float64Array.of(0, 1, 2, 3)), [0, 1, 2, 3]);
});

test('flattened rows of a 4×3 matrix gather to a 1-D array of 12', () => {
  const rows = flat(new Tensor('float32', [4, 3], Float32Array.from(range(12))));
  assert.equal((rows[0] as Tensor).shape, [3]);
  const back = join(rows, ENGINES) as Tensor;
  assert.equal(back.shape, [12]);
  assert.equal([...back.data], range(12));
});

test('flattened scalars gather to the list of the parts', () => {
  assert.equal(join([0, 1, 2, 3], ENGINES), [0, 1, 2, 3]);
  assert.equal(join([0, [1], 2, [3]], ENGINES), [0, [1], 2, [3]]);
  assert.equal(join([6, 22, 38, 54], ENGINES), [6, 22, 38, 54]);
});

for (const shape of [
  [16, 4],
  [4, 16],
  [3, 2],
]) {
  test(`a matrix ${shape} comes back as it was`, () => {
    const matrix = new Tensor('int32', shape, Int32Array.from(range((shape[0] ?? 0) * (shape[1] ?? 0))));
    const parts = partsOf(matrix, Q);
    assert.ok((join(parts, ENGINES) as Tensor).equals(matrix));
    assert.ok((join(partsOf(matrix, Q, 'r'), ENGINES, 'r') as Tensor).equals(matrix));
  });
}

test('block parts of arrays are windows, not copies', () => {
  const whole = new Float32Array(8);
  for (const part of partsOf(whole, Q)) assert.is((part as Float32Array).buffer, whole.buffer);
});

test('strings, Sets, Maps and objects are dealt by characters, elements and keys', () => {
  assert.equal(partsOf(sequenceOf('abcdefghij'), Q), ['abc', 'def', 'gh', 'ij']);
  assert.equal(join(['abc', 'def'], ENGINES), ['abc', 'def']);
  assert.equal(sequenceOf(new Set([1, 2])), [1, 2]);
  assert.equal(sequenceOf(new Map([['a', 1]])), ['a']);
  assert.equal(sequenceOf({ x: 1, y: 2 }), ['x', 'y']);
});

test('what has no length is refused', () => {
  for (const value of [5, null, undefined, [1][Symbol.iterator](), () => 1]) {
    throws(() => sequenceOf(value), TypeError, /something with a length/);
  }
});

const MISFITS: [string, unknown[], RegExp][] = [
  ['a list and a scalar', [[1], 2], /engine 1 is number.*a list/],
  ['arrays and a list', [Float32Array.of(1), [2]], /engine 1 is Array.*Float32Array/],
  ['tensors of unequal rows', [tensor([[1, 2]]), tensor([[1]])], /engine 1 is a Tensor float64\[1,1\]/],
  ['0-d tensors', [tensor(1), tensor(2)], /engine 0 is a Tensor float64\[\]/],
];

for (const [name, parts, message] of MISFITS) {
  test(`${name} do not join: an error, never a hang`, () => throws(() => join(parts, ENGINES), TypeError, message));
}

test('one part joins the same way', () => {
  assert.equal(join([[1, 2, 3]], [0]), [1, 2, 3]);
  assert.equal(join([5], [0]), [5]);
});

test('every kind of part survives its window', () => {
  const sequences: Sequence[] = [range(9), new BigInt64Array(9), new Uint8Array(9), 'abcdefghi'];
  for (const sequence of sequences)
    assert.is(
      partsOf(sequence, Q).reduce((n, part) => n + part.length, 0),
      9,
    );
});

// Semantics B3: one rule for what map and scatter take.
const ALIKE: readonly [string, unknown, readonly unknown[]][] = [
  [
    'holes are undefined, and the length stays',
    Object.assign(new Array(5), { 0: 1, 2: 3, 4: 5 }),
    [1, undefined, 3, undefined, 5],
  ],
  ['a hole at the end', Object.assign([1], { length: 3 }), [1, undefined, undefined]],
  ['a string gives its characters', '👍a👍b', ['👍', 'a', '👍', 'b']],
  ['a lone surrogate is a character', 'a\ud83d', ['a', '\ud83d']],
  ['a Map gives its keys', new Map([['a', 1]]), ['a']],
  ['a Set gives its elements', new Set([2, 1]), [2, 1]],
  ['the arguments of a function', argumentsOf(1, 2), [1, 2]],
  ['BigInts', BigInt64Array.of(1n, 2n), [1n, 2n]],
];

function argumentsOf(..._: unknown[]): unknown {
  // biome-ignore lint/complexity/noArguments: this is what users pass
  return arguments;
}

const itemsOf = (sequence: Sequence) => Array.from(sequence as Iterable<unknown>);

for (const [what, value, items] of ALIKE) {
  test(`map and scatter alike: ${what}`, () => {
    assert.equal(itemsOf(sequenceOf(value)), items);
    assert.equal(itemsOf(materialise(value)), items);
    assert.equal([...iterable(iteratorOf(value))], items);
    // Array.from fills holes: no part may have one.
    for (const part of partsOf(sequenceOf(value), 2))
      if (Array.isArray(part)) assert.is(Object.keys(part).length, part.length);
  });
}

function iterable(iterator: Iterator<unknown> | undefined): Iterable<unknown> {
  return { [Symbol.iterator]: () => iterator as Iterator<unknown> };
}

async function* later() {
  yield 1;
}

const NEITHER: readonly [string, unknown, RegExp][] = [
  ['an array-like object', { length: 1, 0: 'a' }, /an array-like object: Array\.from\(it\)/],
  ['an async iterable', later(), /an async iterable: imap reads one/],
  ['an ArrayBuffer', new ArrayBuffer(4), /an ArrayBuffer: new Uint8Array/],
  ['a Promise', Promise.resolve([1]), /not Promise/],
  ['a DataView', new DataView(new ArrayBuffer(4)), /not DataView/],
  ['a WeakMap', new WeakMap(), /not WeakMap/],
];

for (const [what, value, message] of NEITHER) {
  test(`neither map nor scatter takes ${what}`, () => {
    throws(() => sequenceOf(value), TypeError, message);
    throws(() => materialise(value), TypeError, message);
  });
}

test('characters of two code units are never cut', () => {
  assert.equal(partsOf('👍👍a👍', 2), ['👍👍', 'a👍']);
  assert.equal(partsOf('👍👍a👍', 3, 'r'), ['👍👍', '👍', 'a']);
  assert.equal(partsOf('👍b', 2).map(flattenPart), ['👍', 'b']);
});

test('gather keeps the places of holes that engines made', () => {
  const holes = (...at: number[]) => Object.assign(new Array(3), Object.fromEntries(at.map((i) => [i, i])));
  assert.equal(join([holes(0), holes(2)], ENGINES), [0, undefined, undefined, undefined, undefined, 2]);
  assert.equal(join([holes(0), holes(2)], ENGINES, 'r'), [0, undefined, undefined, undefined, undefined, 2]);
});

test('gather joins lists of billions of holes by their keys', () => {
  const sparse = (length: number, ...at: number[]) => {
    const list: unknown[] = [];
    list.length = length;
    return Object.assign(list, Object.fromEntries(at.map((i) => [i, i])));
  };
  const keysOf = (list: unknown) => Object.entries(list as unknown[]);
  const [a, b] = [sparse(2e9, 3, 1.5e9), sparse(1e9, 0, 7)];
  const joined = join([a, b], ENGINES) as unknown[];
  assert.is(joined.length, 3e9);
  assert.equal(keysOf(joined), [
    ['3', 3],
    ['1500000000', 1.5e9],
    ['2000000000', 0],
    ['2000000007', 7],
  ]);
  const dealt = join([a, b], ENGINES, 'r') as unknown[];
  assert.is(dealt.length, 3e9);
  assert.equal(keysOf(dealt), [
    ['1', 0],
    ['6', 3],
    ['15', 7],
    ['2500000000', 1.5e9],
  ]);
  throws(() => join([sparse(4e9), sparse(4e9)], ENGINES), RangeError, /the lists have 8000000000 items/);
});

test('lists with many holes, and with fewer, are dealt alike', () => {
  const some = Array.from({ length: 70_000 }, (_, i) => i).filter((i) => i % 1000 === 7);
  const of = (length: number) => Object.assign(new Array(length), Object.fromEntries(some.map((i) => [i, i])));
  const few = (list: readonly unknown[]) => Array.from(list);
  for (const dist of ['b', 'r'] as const) {
    const wanted = join([few(of(70_000)), few(of(69_500))], ENGINES, dist) as unknown[];
    const joined = join([of(70_000), of(69_500)], ENGINES, dist) as unknown[];
    assert.equal(
      joined.filter((item) => item !== undefined),
      wanted.filter((item) => item !== undefined),
    );
    assert.ok(some.every((i) => joined.indexOf(i) === wanted.indexOf(i)));
    assert.is(joined.length, wanted.length);
  }
});

test('a Tensor gives its rows to imap', () => {
  const rows = [
    ...iterable(
      iteratorOf(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
    ),
  ] as Tensor[];
  assert.equal(
    rows.map((row) => row.toNested()),
    [
      [1, 2],
      [3, 4],
    ],
  );
  assert.equal([...iterable(iteratorOf(tensor([1, 2])))], [1, 2]);
});

test.run();
