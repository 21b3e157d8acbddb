// Values that users hand in: nested arrays, typed arrays, tf.Tensor, tensors.
import * as assert from 'uvu/assert';
import { NotSerializableError, ShapeError } from '../../../src/errors.ts';
import { cast, isTFTensor, range, type TensorLike, tensor } from '../../../src/tensor/convert.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('convert');

const ACCEPTED: [string, TensorLike, DType, number[], unknown][] = [
  [
    'nested numbers are float64',
    [
      [1, 2.5],
      [3, 4],
    ],
    'float64',
    [2, 2],
    [
      [1, 2.5],
      [3, 4],
    ],
  ],
  ['nested booleans are bool', [[true], [false]], 'bool', [2, 1], [[true], [false]]],
  ['a number is a scalar', 3, 'float64', [], 3],
  ['an empty list', [], 'float64', [0], []],
  ['empty rows', [[], []], 'float64', [2, 0], [[], []]],
  ['Float32Array', Float32Array.of(1, 2), 'float32', [2], [1, 2]],
  ['Float64Array', Float64Array.of(0.1), 'float64', [1], [0.1]],
  ['Uint8ClampedArray', Uint8ClampedArray.of(300), 'uint8', [1], [255]],
  ['Int16Array', Int16Array.of(-1), 'int16', [1], [-1]],
];

for (const [name, value, dtype, shape, nested] of ACCEPTED) {
  test(name, () => {
    const made = tensor(value);
    assert.equal([made.dtype, made.shape, made.toNested()], [dtype, shape, nested]);
  });
}

const RAGGED: [string, unknown, RegExp][] = [
  ['rows of different lengths', [[1, 2], [3]], /ragged nested array: 1 items where axis 1 has 2/],
  ['a number among rows', [[1, 2], 3], /ragged nested array: number where axis 1 has 2/],
  ['a row among numbers', [1, [2]], /ragged nested array: a list where a number/],
  ['text', ['a'], /a tensor holds numbers, not string/],
  ['an object', [{}], /a tensor holds numbers, not object/],
  ['a bigint', [1n], /a tensor holds numbers, not bigint/],
  ['a hole', new Array(1), /a tensor holds numbers, not undefined/],
];

for (const [name, value, message] of RAGGED) {
  test(`refused: ${name}`, () => {
    throws(() => tensor(value as TensorLike), NotSerializableError, message);
  });
}

test('an unsupported dtype is a TypeError that lists the known ones', () => {
  for (const dtype of ['complex64', 'int64', 'toString', 5]) {
    throws(() => tensor([1], { dtype: dtype as DType }), TypeError, /unsupported dtype .*: one of float32, float64/);
  }
});

test('typed arrays and tensors are not copied', () => {
  const data = new Float32Array(6);
  assert.is(tensor(data, { shape: [2, 3] }).data, data);
  const made = tensor(data);
  assert.is(tensor(made), made);
  assert.is(tensor(data, { dtype: 'float32' }).data, data);
});

test('a shape that does not fit is a ShapeError', () => {
  throws(() => tensor([1, 2, 3], { shape: [2, 2] }), ShapeError, /\[2,2\] wants 4 elements, the data has 3/);
});

test('cast: integers wrap, floats truncate, float16 rounds, bool is truth', () => {
  const from = tensor([0, 1.7, -1, 300, 0.1]);
  assert.equal(cast(from, 'uint8').toNested(), [0, 1, 255, 44, 0]);
  assert.equal(cast(from, 'bool').toNested(), [false, true, true, true, true]);
  assert.equal(cast(tensor([0.1, 65520]), 'float16').toNested(), [0.0999755859375, Number.POSITIVE_INFINITY]);
  assert.is(tensor([1], { dtype: 'float32' }).dtype, 'float32');
  assert.equal(tensor([[0.5]], { dtype: 'float16' }).data, Uint16Array.of(0x3800));
});

test('a tf.Tensor is told by its shape, and read', async () => {
  const tf = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  const made = tf.tensor([
    [1, 2],
    [3, 4],
  ]);
  assert.ok(isTFTensor(made));
  assert.ok(tensor(made).equals(new Tensor('float32', [2, 2], Float32Array.of(1, 2, 3, 4))));
  assert.equal(tensor(tf.tensor([true, false])).toNested(), [true, false]);
  for (const not of [null, undefined, 5, {}, [1], new Tensor('int8', [1])]) assert.not(isTFTensor(not));
});

const RANGES: [number[], number[]][] = [
  [[4], [0, 1, 2, 3]],
  [[0], []],
  [
    [2, 5],
    [2, 3, 4],
  ],
  [
    [0, 10, 4],
    [0, 4, 8],
  ],
  [
    [5, 0, -2],
    [5, 3, 1],
  ],
  [[5, 2], []],
];
for (const [args, expected] of RANGES) {
  test(`range(${args})`, () => assert.equal(range(...(args as [number, number, number])), expected));
}

test('range wants whole numbers and a step', () => {
  for (const args of [[1.5], [0, 3, 0], [Number.NaN], [0, Number.POSITIVE_INFINITY]]) {
    throws(() => range(...(args as [number])), RangeError, /whole numbers/);
  }
});

test('tensor(values, shape, dtype), as tf.tensor', () => {
  const made = tensor([1, 2, 3, 4], [2, 2], 'int32');
  assert.equal(
    [made.dtype, made.shape, made.toNested()],
    [
      'int32',
      [2, 2],
      [
        [1, 2],
        [3, 4],
      ],
    ],
  );
  assert.equal(tensor([1, 2, 3, 4], [-1, 2]).shape, [2, 2]);
  assert.is(tensor([1, 2], undefined, 'float32').dtype, 'float32');
  assert.equal(tensor(5, []).shape, []);
});

test('options that are unknown, of the wrong kind, or contradict each other are refused', () => {
  throws(() => tensor([1], { shap: [1] } as never), TypeError, /unknown option 'shap' \(did you mean 'shape'\?\)/);
  throws(
    () => tensor([1, 2], 'float32' as never),
    TypeError,
    /the dtype is the third, or an option: \{ dtype: 'float32' \}/,
  );
  throws(() => tensor([1, 2], { shape: [2] } as never, 'int8'), TypeError, /not both/);
  throws(() => tensor([1, 2], 2 as never), TypeError, /shape is a list such as \[2, 3\], not 2/);
  throws(() => tensor([1], [1], 'complex64' as never), TypeError, /unsupported dtype/);
  throws(
    () => (tensor as (...args: unknown[]) => unknown)([1], [1], 'int8', true),
    TypeError,
    /one more was given: true/,
  );
});

test('booleans among numbers are numbers, whatever comes first', () => {
  assert.equal([tensor([true, 2]).dtype, tensor([true, 2]).toNested()], ['float64', [1, 2]]);
  assert.equal(tensor([2, true]).toNested(), [2, 1]);
  assert.equal(
    tensor([
      [true, false],
      [3, true],
    ]).toNested(),
    [
      [1, 0],
      [3, 1],
    ],
  );
  assert.equal(tensor([true, 2], { dtype: 'bool' }).toNested(), [true, true]);
  assert.is(tensor([[], []]).dtype, 'float64');
});

test('range of more numbers than an Array holds is refused: it ended the process', () => {
  for (const args of [[4e9], [-4e9, 0], [0, 4e11, 100], [2 ** 27 - 63]])
    throws(() => range(...(args as [number])), RangeError, /an Array holds 134217664 at most/);
});

test('range refuses what is no number, and a fourth argument', () => {
  for (const args of [['3'], [null], [0, '3'], [0, 3, '1'], [[3]]]) {
    throws(() => range(...(args as [number])), RangeError, /whole numbers/);
  }
  throws(() => (range as (...args: number[]) => unknown)(0, 3, 1, 1), TypeError, /3 at most/);
  // Its source text is whole: it may be called on engines.
  assert.equal((new Function(`return ${range.toString()}`)() as typeof range)(2), [0, 1]);
});

test.run();
