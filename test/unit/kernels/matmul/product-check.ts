// When a product counts as right: the edge of each bound, from both sides.
import * as assert from 'uvu/assert';
import { checkProduct, difference, sampledDifference } from '../../../../kernels/matmul/product-check.ts';
import { referenceMatmul } from '../../../../kernels/matmul/reference.ts';
import { ShapeError } from '../../../../src/errors.ts';
import type { DType } from '../../../../src/tensor/dtype.ts';
import { toHalf } from '../../../../src/tensor/floats/float16.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('product check');

/** A matrix of one dtype; the values of float16 are rounded to halves. */
function matrix(dtype: DType, rows: readonly (readonly number[])[]): Tensor {
  const out = new Tensor(dtype, [rows.length, rows[0]?.length ?? 0]);
  for (const [i, value] of rows.flat().entries()) out.data[i] = dtype === 'float16' ? toHalf(value) : value;
  return out;
}

const isRight = (dtype: DType, a: readonly number[], b: readonly number[], c: number): boolean =>
  checkProduct(
    matrix(dtype, [[c]]),
    matrix(dtype, [a]),
    matrix(
      dtype,
      b.map((value) => [value]),
    ),
  ).ok;

const { NaN: NOT_A_NUMBER, POSITIVE_INFINITY: INFINITY } = Number;
const TABLE: [string, DType, number[], number[], number, boolean][] = [
  // ‖[3, 4]‖ = 5, K = 2: off by at most 2 · 2⁻²³ · 25 = 50 · 2⁻²³ around 25.
  ['float32 within', 'float32', [3, 4], [3, 4], 25 + 48 * 2 ** -23, true],
  ['float32 beyond', 'float32', [3, 4], [3, 4], 25 + 64 * 2 ** -23, false],
  ['float64 within', 'float64', [3, 4], [3, 4], 25 + 48 * 2 ** -52, true],
  ['float64 beyond', 'float64', [3, 4], [3, 4], 25 + 64 * 2 ** -52, false],
  ['float32, a product that a device flushes to 0', 'float32', [2 ** -70], [1.5 * 2 ** -57], 0, true],
  ['float32, a normal product flushed to 0', 'float32', [2 ** -70], [1.5 * 2 ** -55], 0, false],
  ['float64, a product that a device flushes to 0', 'float64', [2 ** -600], [2 ** -430], 0, true],
  // Halves between 1 and 2 lie 2⁻¹⁰ apart; 1.0009765625 is the next after 1.
  ['float16, the neighbour', 'float16', [1], [1], 1 + 2 ** -10, true],
  ['float16, the neighbour but one', 'float16', [1], [1], 1 + 2 ** -9, false],
  ['float16, a subnormal neighbour', 'float16', [2 ** -10], [2 ** -13], 2 ** -24, true],
  ['float16, a subnormal neighbour but one', 'float16', [2 ** -10], [2 ** -13], 4 * 2 ** -24, false],
  ['float16, 65520 as infinity', 'float16', [4095], [16], INFINITY, true],
  ['float16, 65520 as the largest', 'float16', [4095], [16], 65_504, true],
  ['float16, 65520 as 0', 'float16', [4095], [16], 0, false],
  ['float16, 65520 as minus infinity', 'float16', [4095], [16], -INFINITY, false],
  ['float16, 65600 as the largest', 'float16', [4100], [16], 65_504, false],
  ['float16, 65600 as infinity', 'float16', [4100], [16], INFINITY, true],
  ['float16, a small number as infinity', 'float16', [100], [16], INFINITY, false],
  ['float32, overflow as infinity', 'float32', [2 ** 100], [2 ** 100], INFINITY, true],
  ['float32, overflow as the largest', 'float32', [2 ** 100], [2 ** 100], (2 - 2 ** -23) * 2 ** 127, false],
  ['NaN where NaN must be', 'float32', [INFINITY, 1], [0, 1], NOT_A_NUMBER, true],
  ['a number where NaN must be', 'float32', [INFINITY, 1], [0, 1], 1, false],
  ['NaN where a number must be', 'float32', [1, 1], [1, 1], NOT_A_NUMBER, false],
  ['infinity where it must be', 'float64', [INFINITY], [-1], -INFINITY, true],
  ['the other infinity', 'float64', [INFINITY], [-1], INFINITY, false],
  ['int32 wraps', 'int32', [65_537], [65_537], 131_073, true],
  ['int32 off by one', 'int32', [3], [5], 16, false],
];

for (const [name, dtype, a, b, c, right] of TABLE) {
  test(`${name}: ${right ? 'right' : 'wrong'}`, () => assert.is(isRight(dtype, a, b, c), right));
}

test('finite rows are held to their own bound beside rows that are not', () => {
  const a = matrix('float32', [
    [NOT_A_NUMBER, 1],
    [1, 1],
  ]);
  const b = matrix('float32', [[1], [1]]);
  assert.ok(checkProduct(matrix('float32', [[NOT_A_NUMBER], [2]]), a, b).ok);
  assert.is(difference(matrix('float32', [[NOT_A_NUMBER], [2.1]]), a, b)?.startsWith('element 1 is 2.09'), true);
});

test('the largest error, also in units of the bound, and the first wrong element', () => {
  const a = matrix('float32', [[3, 4]]);
  const b = matrix('float32', [
    [3, 3],
    [4, 4],
  ]);
  const { maxError, relative, ok, difference: text } = checkProduct(matrix('float32', [[25, 25.5]]), a, b);
  assert.equal([maxError, ok], [0.5, false]);
  assert.ok(Math.abs(relative - 0.5 / (50 * 2 ** -23)) < 1e-6 * relative);
  assert.match(text ?? '', /^element 1 is 25\.5, expected 25 ± 0\.00000596|^element 1 is 25\.5, expected 25 ± 5\.96/);
});

test('the small integers make int32; another dtype or shape is wrong', () => {
  const a = matrix('int8', [[100, 100]]);
  const b = matrix('int8', [[100], [100]]);
  assert.ok(checkProduct(matrix('int32', [[20_000]]), a, b).ok);
  const wrong = checkProduct(matrix('int8', [[32]]), a, b);
  assert.equal([wrong.ok, wrong.maxError, wrong.relative], [false, INFINITY, INFINITY]);
  assert.is(wrong.difference, 'is int8[1,1], expected int32[1,1]');
  assert.is(difference(matrix('int32', [[20_000, 0]]), a, b), 'is int32[1,2], expected int32[1,1]');
});

test('empty products and sums of nothing', () => {
  assert.ok(
    checkProduct(new Tensor('float32', [0, 3]), new Tensor('float32', [0, 2]), new Tensor('float32', [2, 3])).ok,
  );
  const [a, b] = [new Tensor('float16', [2, 0]), new Tensor('float16', [0, 1])];
  assert.ok(checkProduct(new Tensor('float16', [2, 1]), a, b).ok);
  assert.not.ok(checkProduct(matrix('float16', [[0], [1]]), a, b).ok);
});

test('operands that do not multiply are refused', () => {
  const c = new Tensor('float32', [2, 2]);
  throws(
    () => checkProduct(c, new Tensor('float32', [2, 3]), new Tensor('float32', [2, 2])),
    ShapeError,
    /inner sizes/,
  );
  throws(() => checkProduct(c, new Tensor('int32', [2, 2]), c), TypeError, /int32 and float32/);
});

test('the reference passes its own check', () => {
  for (const dtype of ['float32', 'float64', 'float16', 'int32'] as const) {
    const values = (rows: number, columns: number, salt: number) =>
      Array.from({ length: rows }, (_, i) =>
        Array.from({ length: columns }, (_, j) => ((i * 31 + j * 17 + salt) % 101) / 7 - 7),
      );
    const [a, b] = [matrix(dtype, values(9, 12, 1)), matrix(dtype, values(12, 5, 2))];
    assert.is(difference(referenceMatmul(a, b), a, b), undefined, dtype);
  }
});

test('samples: the first, the last and some rows and columns are checked', () => {
  const ones = (rows: number, columns: number) =>
    new Tensor('float32', [rows, columns], new Float32Array(rows * columns).fill(1));
  const [a, b] = [ones(9, 5), ones(5, 7)];
  const right = referenceMatmul(a, b);
  assert.is(sampledDifference(right, a, b, 3), undefined);
  for (const at of [0, 6, 8 * 7 + 6, 2 * 7, 5 * 7 + 3]) {
    const wrong = new Tensor('float32', [9, 7], right.data.slice());
    wrong.data[at] = Number.NaN;
    assert.match(String(sampledDifference(wrong, a, b, 3)), /^(row|column) \d+: element \d+ is NaN, expected 5/);
  }
  assert.match(String(sampledDifference(ones(9, 6), a, b, 3)), /is float32\[9,6\], expected float32\[9,7\]/);
  assert.is(sampledDifference(ones(0, 7), ones(0, 5), b, 3), undefined);
});

test.run();
