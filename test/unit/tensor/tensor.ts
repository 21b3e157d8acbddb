// Tensor: construction, windows, comparison, and how it prints.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../../src/errors.ts';
import { DTYPES, type DType, viewAs } from '../../../src/tensor/dtype.ts';
import { matrixText } from '../../../src/tensor/matrix-text.ts';
import { sizeOf } from '../../../src/tensor/shape.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('tensor');

const BYTES: Record<DType, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  bool: 1,
  bfloat16: 2,
};

for (const dtype of DTYPES) {
  test(`${dtype}: ${BYTES[dtype]} bytes an item, zeroed`, () => {
    const made = new Tensor(dtype, [2, 3]);
    assert.equal([made.rank, made.size, made.length, made.byteLength], [2, 6, 2, 6 * BYTES[dtype]]);
    assert.ok(made.data.every((x) => x === 0));
  });
}

const counting = () =>
  new Tensor(
    'int32',
    [4, 3],
    Int32Array.from({ length: 12 }, (_, i) => i),
  );

test('the data are kept, not copied; the shape is', () => {
  const data = new Float32Array(6);
  const shape = [2, 3];
  const made = new Tensor('float32', shape, data);
  shape[0] = 9;
  assert.is(made.data, data);
  assert.equal(made.shape, [2, 3]);
});

test('bad dtypes, shapes and data are refused', () => {
  throws(() => new Tensor('float128' as DType, [1]), TypeError, /unsupported dtype float128: one of float32/);
  throws(() => new Tensor('constructor' as DType, [1]), TypeError, /unsupported dtype/);
  throws(() => new Tensor('float32', [2], new Float64Array(2)), TypeError, /Float64Array does not store float32/);
  throws(() => new Tensor('float32', [2, 2], new Float32Array(3)), ShapeError, /\[2,2\] wants 4 .* has 3/);
  for (const shape of [[-1], [1.5], [Number.NaN], 3 as never]) {
    throws(() => new Tensor('float32', shape), ShapeError, /whole numbers/);
  }
});

test('rows are a window on the same data', () => {
  const rows = counting().rows(1, 3);
  assert.equal(rows.toNested(), [
    [3, 4, 5],
    [6, 7, 8],
  ]);
  const whole = counting();
  whole.rows(2, 4).data[0] = 99;
  assert.is(whole.at(6), 99);
  assert.equal(whole.rows(2, 2).shape, [0, 3]);
  assert.equal(whole.rows(3, 50).shape, [1, 3]);
});

test('take copies rows in the order asked', () => {
  assert.equal(counting().take([3, 0]).toNested(), [
    [9, 10, 11],
    [0, 1, 2],
  ]);
  assert.equal(counting().take([]).shape, [0, 3]);
});

test('reshape keeps the data and checks the size', () => {
  const made = counting();
  assert.is(made.reshape([2, 6]).data, made.data);
  throws(() => made.reshape([5]), ShapeError, /\[5\] wants 5 elements, the data has 12/);
});

test('a scalar has a value and no length', () => {
  const scalar = new Tensor('float64', [], Float64Array.of(2.5));
  assert.is(scalar.toNested(), 2.5);
  assert.is(sizeOf([]), 1);
  throws(() => scalar.length, TypeError, /scalar tensor has no length/);
});

test('equals: dtype, shape and values; NaN equals NaN, -0 is not 0', () => {
  const of = (...values: number[]) => new Tensor('float64', [values.length], Float64Array.from(values));
  assert.ok(of(1, Number.NaN).equals(of(1, Number.NaN)));
  assert.not(of(0).equals(of(-0)));
  assert.not(of(1).equals(of(2)));
  assert.not(of(1).equals(of(1).reshape([1, 1])));
  assert.not(of(1).equals(new Tensor('float32', [1], Float32Array.of(1))));
  assert.not(of(1, 2).equals(of(1)));
});

test('toNested decodes float16 and gives booleans for bool', () => {
  assert.equal(new Tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000)).toNested(), [1, -2]);
  assert.equal(new Tensor('bool', [2], Uint8Array.of(1, 0)).toNested(), [true, false]);
  assert.equal(new Tensor('int8', [2, 0]).toNested(), [[], []]);
});

test('toTF hands on what tfjs knows without a copy, and converts the rest', () => {
  const tf = { tensor: (data: ArrayLike<number>, shape: number[], dtype: string) => ({ data, shape, dtype }) };
  const expected: Partial<Record<DType, string>> = { bool: 'bool', int8: 'int32', int32: 'int32', uint16: 'int32' };
  for (const dtype of DTYPES) assert.is(new Tensor(dtype, [1]).toTF(tf).dtype, expected[dtype] ?? tfDtype(dtype));
  const floats = new Tensor('float32', [2]);
  assert.is(floats.toTF(tf).data, floats.data);
  assert.equal([...Array.from(new Tensor('float16', [1], Uint16Array.of(0x3800)).toTF(tf).data)], [0.5]);
});

const tfDtype = (dtype: DType) => (['int16', 'uint8'].includes(dtype) ? 'int32' : 'float32');

test('prints dtype, shape and corners', () => {
  assert.is(inspect(counting().rows(0, 2)), 'Tensor int32[2×3]\n[[0 1 2]\n [3 4 5]]');
  const long = new Tensor(
    'float64',
    [100],
    Float64Array.from({ length: 100 }, (_, i) => i / 3),
  );
  assert.is(String(long), matrixText(long));
  assert.match(String(long), /^Tensor float64\[100\]\n\[ 0 {11}0\.33333333 {2}0\.66666667 /);
});

test('viewAs is a window where the bytes are aligned, else a copy', () => {
  const bytes = new Uint8Array(24);
  assert.is(viewAs('float64', bytes.subarray(8, 16)).buffer, bytes.buffer);
  const odd = viewAs('float32', bytes.subarray(1, 9));
  assert.is.not(odd.buffer, bytes.buffer);
  assert.is(odd.length, 2);
});

test('rows, take and at count from the end as NumPy does', () => {
  const made = counting();
  assert.equal(made.rows(-2).toNested(), made.rows(2, 4).toNested());
  assert.equal(made.rows(1, -1).shape, [2, 3]);
  assert.equal(made.rows(0, 99).shape, [4, 3]);
  assert.equal(made.rows(3, 1).shape, [0, 3]);
  assert.equal(made.rows(-99, 1).shape, [1, 3]);
  assert.equal(made.take([-1, 0]).toNested(), [
    [9, 10, 11],
    [0, 1, 2],
  ]);
  assert.is(made.at(-1), 11);
  assert.is(made.at(1, 2), 5);
  assert.is(made.at(-1, -3), 9);
});

test('an index out of range is a RangeError, never invented data', () => {
  const made = counting();
  for (const index of [12, -13, 99, 1.5, Number.NaN])
    throws(() => made.at(index), RangeError, /out of range for 12 items/);
  for (const index of [4, -5, 0.5]) throws(() => made.take([index]), RangeError, /out of range for 4 items/);
  throws(() => made.at(4, 0), RangeError, /index 4 is out of range for 4 items/);
  throws(() => made.at(0, 3), RangeError, /index 3 is out of range for 3 items/);
  throws(() => made.at(0, 0, 0), TypeError, /one for each of 2 axes, not 3/);
  throws(() => made.at('0' as never), TypeError, /an index is a whole number/);
  throws(() => made.take(['x'] as never), TypeError, /an index is a whole number/);
  throws(() => made.take(new Array(1)), TypeError, /an index is a whole number, not undefined/);
  throws(() => new Tensor('int8', [0]).at(0), RangeError, /out of range for 0 items/);
});

test('reshape completes one length of -1, and takes lengths or a list of them', () => {
  const made = counting();
  assert.equal(made.reshape([2, -1]).shape, [2, 6]);
  assert.equal(made.reshape(-1).shape, [12]);
  assert.equal(made.reshape(12).shape, [12]);
  assert.equal(new Tensor('int8', [0, 3]).reshape([-1, 3]).shape, [0, 3]);
  throws(() => made.reshape([5, -1]), ShapeError, /leaves no whole number for −1: the data has 12/);
  throws(() => made.reshape([-1, -1]), ShapeError);
  throws(() => new Tensor('int8', [0]).reshape([0, -1]), ShapeError, /−1/);
  assert.equal(made.reshape(6, 2).shape, [6, 2]);
  assert.equal(made.reshape(-1, 2, 3).shape, [2, 2, 3]);
  const loose = made.reshape as (...args: unknown[]) => unknown;
  throws(() => loose.call(made, [6], 2), TypeError, /one list of lengths, and 2 came after it/);
  throws(() => loose.call(made, 6, '2'), TypeError, /argument 2 is a length, not '2'/);
});

test.run();
