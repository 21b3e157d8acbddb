// Slices, transposes, reductions and comparisons of Tensor, against NumPy's answers.
import * as assert from 'uvu/assert';
import { ShapeError } from '../../../src/errors.ts';
import { cast, tensor } from '../../../src/tensor/convert.ts';
import { DTYPES, type DType } from '../../../src/tensor/dtype.ts';
import type { PerAxis } from '../../../src/tensor/strided.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('tensor/operations');

const counted = (...shape: number[]) =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    shape,
  );
const nestedOf = (value: number | Tensor) => (typeof value === 'number' ? value : value.toNested());

/** Slices of 3×4 counted elements, as NumPy gives them. */
const SLICES: readonly [numpy: string, args: [PerAxis?, PerAxis?, PerAxis?], expected: unknown][] = [
  [
    'a[1:]',
    [1],
    [
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ],
  ],
  ['a[0:1]', [0, 1], [[0, 1, 2, 3]]],
  ['a[-1:]', [-1], [[8, 9, 10, 11]]],
  [
    'a[0:2, 1:3]',
    [
      [0, 1],
      [2, 3],
    ],
    [
      [1, 2],
      [5, 6],
    ],
  ],
  [
    'a[::2, ::-1]',
    [[], [], [2, -1]],
    [
      [3, 2, 1, 0],
      [11, 10, 9, 8],
    ],
  ],
  [
    'a[:, -2:]',
    [[undefined, -2]],
    [
      [2, 3],
      [6, 7],
      [10, 11],
    ],
  ],
  [
    'a[2:0:-1, 3:99]',
    [
      [2, 3],
      [0, 99],
      [-1, 1],
    ],
    [[11], [7]],
  ],
  ['a[2:1]', [2, 1], []],
  [
    'a[:, 3:0:-2]',
    [
      [0, 3],
      [3, 0],
      [1, -2],
    ],
    [
      [3, 1],
      [7, 5],
      [11, 9],
    ],
  ],
  ['a[-99:99:5]', [-99, 99, 5], [[0, 1, 2, 3]]],
];

for (const [numpy, args, expected] of SLICES) {
  test(`slice: ${numpy}`, () =>
    assert.equal(
      counted(3, 4)
        .slice(...args)
        .toNested(),
      expected,
    ));
}

test('slices of long rows: columns, all of a row, every second element, backwards', () => {
  const wide = counted(3, 200);
  const rowOf = (row: number, columns: readonly number[]) => columns.map((column) => wide.at(row * 200 + column));
  const columns = Array.from({ length: 200 }, (_, i) => i);
  for (const [slice, rows, taken] of [
    [wide.slice([0, 50], [3, 150]), [0, 1, 2], columns.slice(50, 150)],
    [wide.slice([2], [undefined], [-1]), [2, 1, 0], columns],
    [wide.slice([1], [2], [1, 2]), [1], columns.filter((column) => column % 2 === 0)],
    [wide.slice([], [], [1, -1]), [0, 1, 2], columns.toReversed()],
  ] as const) {
    assert.equal(
      slice.toNested(),
      rows.map((row) => rowOf(row, taken)),
    );
    slice.data.fill(-1);
  }
  assert.ok(wide.equals(counted(3, 200)));
});

test('a slice is a copy of the same dtype', () => {
  const made = tensor([1, 2, 3], { dtype: 'float16' });
  const part = made.slice(1);
  assert.is(part.dtype, 'float16');
  part.data[0] = 0;
  assert.equal(made.toNested(), [1, 2, 3]);
  assert.is(tensor(5).slice().toNested(), 5);
  assert.equal(counted(2, 2).slice([5], [9]).shape, [0, 2]);
  throws(() => made.slice([0, 0]), RangeError, /begin has 2 entries for 1 axis/);
  throws(() => made.slice(0, 2, 0), RangeError, /strides are not 0/);
  throws(() => made.slice(0.5), TypeError, /begin is a whole number/);
});

test('transpose', () => {
  assert.equal(counted(2, 3).transpose().toNested(), [
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  const three = counted(2, 3, 4);
  assert.equal(three.transpose().shape, [4, 3, 2]);
  const moved = three.transpose([-1, 0, 1]);
  assert.equal(moved.shape, [4, 2, 3]);
  assert.is(moved.at(3, 1, 2), three.at(1, 2, 3));
  assert.equal(counted(3).transpose().toNested(), [0, 1, 2]);
  assert.is(tensor(7).transpose().toNested(), 7);
  assert.equal(counted(0, 3).transpose().shape, [3, 0]);
  throws(() => three.transpose([0, 1]), RangeError, /each of 3 axes once/);
  throws(() => three.transpose([0, 1, 1]), RangeError, /each of 3 axes once/);
  throws(() => three.transpose([0, 1, 3]), RangeError, /axis 3 is out of range for 3 axes/);
});

test('astype is a copy, also of a Buffer and to the same dtype', () => {
  const bytes = Buffer.from([1, 2, 3]);
  const copy = tensor(bytes).astype('uint8');
  bytes.fill(9);
  assert.equal([...copy.data], [1, 2, 3]);
});

test('astype converts between all dtypes, as cast does', () => {
  const made = tensor([0, 1, 3, 100]);
  for (const from of DTYPES) {
    for (const to of DTYPES) {
      const source = made.astype(from);
      const expected = from === 'bool' || to === 'bool' ? [0, 1, 1, 1] : [0, 1, 3, 100];
      const got = source.astype(to);
      assert.equal([got.dtype, [...got]], [to, expected], `${from} to ${to}`);
      assert.ok(got.equals(cast(source, to)));
      assert.is.not(got.data, source.data);
    }
  }
  assert.equal(tensor([300, -1, 2.9, Number.NaN]).astype('uint8').toNested(), [44, 255, 2, 0]);
  assert.equal(tensor([Number.NaN, 0.5, -0]).astype('bool').toNested(), [true, true, false]);
  throws(() => made.astype('complex64' as DType), TypeError, /unsupported dtype/);
});

test('large conversions take the time of the native constructor', () => {
  const wide = new Float64Array(2_000_000).fill(1.1);
  const best = (run: () => unknown) => {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const before = process.cpuUsage();
      run();
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, user + system);
    }
    return least;
  };
  const native = best(() => new Float32Array(wide));
  const ours = best(() => tensor(wide, { dtype: 'float32' }));
  // An element-wise closure takes thirty times as long.
  assert.ok(ours < 5 * native + 2000, `${ours} µs, the constructor takes ${native}`);
});

test('sum, mean, min and max along an axis, and of all', () => {
  const made = tensor([
    [1, -2, 3],
    [4, 5, -6],
  ]);
  assert.equal([made.sum(), made.mean(), made.min(), made.max()], [5, 5 / 6, -6, 5]);
  assert.equal(nestedOf(made.sum(0)), [5, 3, -3]);
  assert.equal(nestedOf(made.sum(-1)), [2, 3]);
  assert.equal(nestedOf(made.mean(1)), [2 / 3, 1]);
  assert.equal(nestedOf(made.min(0)), [1, -2, -6]);
  assert.equal(nestedOf(made.max(1)), [3, 5]);
  assert.equal([made.argMin(), made.argMax()], [5, 4]);
  assert.equal(
    [nestedOf(made.argMin(0)), nestedOf(made.argMax(1))],
    [
      [0, 0, 1],
      [2, 1],
    ],
  );
  assert.equal(nestedOf(counted(2, 3, 2).sum(1)), [
    [6, 9],
    [24, 27],
  ]);
  assert.is(nestedOf(tensor([1, 2]).sum(0)), 3);
});

test('dtypes of reductions: floats and extremes stay, sums of integers are float64, places int32', () => {
  const dtypes = (dtype: DType) => {
    const made = tensor([[1, 0]], { dtype });
    return [made.sum(0), made.mean(0), made.min(0), made.max(0), made.argMax(0)].map((value) => value.dtype);
  };
  for (const dtype of DTYPES) {
    const sums = dtype.includes('float') ? dtype : 'float64';
    assert.equal(dtypes(dtype), [sums, sums, dtype, dtype, 'int32']);
  }
  assert.is(tensor([2 ** 31, 2 ** 32 - 1], { dtype: 'uint32' }).sum(), 2 ** 31 + 2 ** 32 - 1);
  assert.is(tensor([0.5, 2048], { dtype: 'float16' }).sum(), 2048.5);
});

test('NaN wins, the first of equals counts, and empty axes have no extremes', () => {
  const made = tensor([3, Number.NaN, 1, Number.NaN]);
  assert.equal([made.min(), made.max(), made.argMin(), made.argMax()], [Number.NaN, Number.NaN, 1, 1]);
  assert.equal([tensor([2, 5, 5]).argMax(), tensor([2, 2, 5]).argMin()], [1, 0]);
  const none = new Tensor('float32', [0, 3]);
  assert.equal(nestedOf(none.sum(0)), [0, 0, 0]);
  assert.equal(none.max(1).shape, [0]);
  assert.ok(Number.isNaN(none.mean()));
  throws(() => none.min(0), RangeError, /min of no elements: axis 0 is empty/);
  throws(() => none.argMax(), RangeError, /argMax of no elements: the tensor is empty/);
  throws(() => none.sum(2), RangeError, /axis 2 is out of range for 2 axes/);
  throws(() => tensor(1).sum(0), RangeError, /axis 0 is out of range for 0 axes/);
});

test('allClose, as numpy.allclose', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  const near = (a: number, b: number, options?: Parameters<Tensor['allClose']>[1]) =>
    tensor([a]).allClose(tensor([b]), options);
  assert.equal([near(1, 1 + 1e-6), near(1, 1.001), near(0, 1e-9), near(0, 1e-7)], [true, false, true, false]);
  assert.equal([near(1e10, 1.00001e10), near(1.00001e10, 1e10)], [true, true]);
  assert.equal([near(1, 1.1, { rtol: 0.1 }), near(1, 1.5, { atol: 0.5, rtol: 0 })], [true, true]);
  assert.equal([near(inf, inf), near(inf, -inf), near(1, inf, { rtol: 1 }), near(inf, 1)], [true, false, false, false]);
  assert.equal(
    [near(nan, nan), near(nan, nan, { equalNan: true }), near(nan, 1, { equalNan: true })],
    [false, true, false],
  );
  assert.equal([near(0, -0), tensor([1], { dtype: 'float16' }).allClose(tensor([1]))], [true, true]);
  throws(() => tensor([1]).allClose(tensor([[1]])), ShapeError, /not \[1\] and \[1,1\]/);
  throws(() => near(1, 1, { rtoll: 1 } as never), TypeError, /did you mean 'rtol'/);
});

test('map keeps floats, widens integers, and makes masks', () => {
  const ints = tensor([1, 2, 3], { dtype: 'int32' });
  const halves = ints.map((x) => x / 2);
  assert.equal([halves.dtype, halves.toNested()], ['float64', [0.5, 1, 1.5]]);
  assert.equal(
    [ints.map((x) => x / 2, 'int32').toNested(), ints.map((x) => x > 1).toNested()],
    [
      [0, 1, 1],
      [false, true, true],
    ],
  );
  assert.is(tensor([1], { dtype: 'float16' }).map((x) => x).dtype, 'float16');
  assert.equal(
    tensor([
      [5, 6],
      [7, 8],
    ])
      .map((_, i) => i)
      .toNested(),
    [
      [0, 1],
      [2, 3],
    ],
  );
  throws(() => ints.map(() => 'x' as never), TypeError, /gives numbers or booleans, not 'x' \(element 0\)/);
  throws(() => ints.map((async () => 1) as never), TypeError, /not a Promise/);
});

test('iteration gives numbers of a vector, else tensors; a scalar has no items', () => {
  assert.equal([...tensor([1, 2], { dtype: 'float16' })], [1, 2]);
  const made = counted(2, 2, 2);
  const items = Array.from<unknown>(made) as Tensor[];
  assert.equal(
    items.map((item) => item.toNested()),
    made.toNested(),
  );
  assert.is(items[1]?.data.buffer, made.data.buffer);
  assert.equal(Math.max(...tensor([3, 9, 2])), 9);
  assert.equal([...new Tensor('int8', [0, 3])], []);
  throws(() => [...tensor(1)], TypeError, /scalar/);
});

test('JSON has the nested numbers', () => {
  assert.is(JSON.stringify({ a: tensor([[1, 2.5]]) }), '{"a":[[1,2.5]]}');
  assert.is(JSON.stringify(tensor([true])), '[true]');
  assert.is(JSON.stringify(tensor([0.5], { dtype: 'float16' })), '[0.5]');
  assert.is(JSON.stringify(tensor(3)), '3');
});

test.run();
