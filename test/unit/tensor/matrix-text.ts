// The text of tensors against what NumPy 2 prints for the same values. NumPy writes a bare point behind whole numbers,
// which stand here without one.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { tensor } from '../../../src/tensor/convert.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { elementTexts, matrixText } from '../../../src/tensor/matrix-text.ts';
import type { Nested } from '../../../src/tensor/nested.ts';
import { suite } from '../../support/suite.ts';

const test = suite('tensor/matrix-text');

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const counted = (n: number, by: number) => Array.from({ length: n }, (_, i) => i / by);

/** Arrays, and the text that NumPy prints. */
const PRINTED: readonly [dtype: DType, values: Nested, text: string][] = [
  ['float64', [123456.789, 1234567.5, -0], '[ 123456.789 1234567.5        -0.   ]'],
  ['float32', [0.1, Math.PI, 2 / 3], '[0.1       3.1415927 0.6666667]'],
  ['float64', [1 / 3, 2 / 3, 1], '[0.33333333 0.66666667 1.        ]'],
  ['float64', [1e-9, 1.5], '[1.0e-09 1.5e+00]'],
  ['float64', [1e8, 0.5, -3], '[ 1.e+08  5.e-01 -3.e+00]'],
  ['float32', [1e6 + 0.5, 2], '[1.0000005e+06 2.0000000e+00]'],
  ['float32', [1e-5, 1], '[1.e-05 1.e+00]'],
  ['float32', [16777216.5, 0.1], '[1.6777216e+07 1.0000000e-01]'],
  ['float16', [0.1, 1 / 3, 1.001], '[0.1    0.3333 1.001 ]'],
  ['float16', [1000.5, 3.5], '[1.0005e+03 3.5000e+00]'],
  ['float64', [nan, 1.25, -inf], '[ nan 1.25 -inf]'],
  ['float64', [nan, 0.5], '[nan 0.5]'],
  ['float64', [0.1 + 0.2, 1e-3], '[0.3   0.001]'],
  ['float64', [1234.5, 1], '[1.2345e+03 1.0000e+00]'],
  ['float64', [1e-310, 5e300], '[1.e-310 5.e+300]'],
  ['float64', [0.00012345678912345, 0.1], '[0.00012346 0.1       ]'],
  ['float64', [-1e20, 3.25e-7], '[-1.00e+20  3.25e-07]'],
  ['float64', [123456789.12345679, 1.5], '[1.23456789e+08 1.50000000e+00]'],
  ['float64', [0.1, 0.25, -0, nan, inf], '[ 0.1   0.25 -0.     nan   inf]'],
  ['float64', 2.5, '2.5'],
  [
    'int32',
    [
      [1, -20],
      [300, 4],
    ],
    '[[  1 -20]\n [300   4]]',
  ],
  [
    'float64',
    [
      [1.5, -2.25],
      [inf, 100],
    ],
    '[[  1.5   -2.25]\n [   inf 100.  ]]',
  ],
  [
    'float64',
    [
      [
        [0.5, 1],
        [2, 3],
      ],
      [
        [-4, 5],
        [6, 7],
      ],
    ],
    '[[[ 0.5  1. ]\n  [ 2.   3. ]]\n\n [[-4.   5. ]\n  [ 6.   7. ]]]',
  ],
  ['float64', counted(1100, 4), '[0.0000e+00 2.5000e-01 5.0000e-01 ... 2.7425e+02 2.7450e+02 2.7475e+02]'],
  [
    'float64',
    counted(14, 3),
    `[0.         0.33333333 0.66666667 1.         1.33333333 1.66666667
 2.         2.33333333 2.66666667 3.         3.33333333 3.66666667
 4.         4.33333333]`,
  ],
  [
    'int32',
    counted(24, 1).map((i) => i * 1000),
    `[    0  1000  2000  3000  4000  5000  6000  7000  8000  9000 10000 11000
 12000 13000 14000 15000 16000 17000 18000 19000 20000 21000 22000 23000]`,
  ],
];

const withoutBarePoints = (text: string) => text.replace(/\.(?=e)/g, '').replace(/(?<!\.)\.(?![\d.])/g, ' ');
const rowsOf = (text: string) => text.slice(text.indexOf(']') + 2);

for (const [dtype, values, expected] of PRINTED) {
  test(`as NumPy: ${dtype} ${expected.slice(0, 60)}`, () => {
    assert.is(rowsOf(matrixText(tensor(values, { dtype }))), withoutBarePoints(expected));
  });
}

test('three axes of over 1000 elements, in lines of 75 characters', () => {
  const text = matrixText(tensor(counted(2400, 8), [2, 30, 40], 'float32'));
  const [head, first, second] = text.split('\n');
  assert.is(head, 'Tensor float32[2×30×40]');
  assert.is(first, '[[[0.00000e+00 1.25000e-01 2.50000e-01 ... 4.62500e+00 4.75000e+00');
  assert.is(second, '   4.87500e+00]');
  assert.ok(text.includes('\n  ...\n'));
  assert.ok(text.includes('1.49875e+02]]\n\n [[1.50000e+02'));
  assert.ok(text.endsWith('\n   2.99875e+02]]]'));
});

test('whole numbers have no point and no exponent, however far apart', () => {
  assert.is(rowsOf(matrixText(tensor([1, 2000, -0, nan]))), '[   1 2000   -0  nan]');
  assert.is(rowsOf(matrixText(tensor([2 ** 53, 1]))), '[9007199254740992                1]');
  assert.is(rowsOf(matrixText(tensor([1e16, 1]))), '[1e+16 1e+00]');
  assert.is(rowsOf(matrixText(tensor([true, false]))), '[ true false]');
  assert.is(rowsOf(matrixText(tensor([]))), '[]');
});

test('one form: inspect, toString, notebooks; within objects it is indented', () => {
  const made = tensor([[1.5], [-2]]);
  const text = 'Tensor float64[2×1]\n[[ 1.5]\n [-2  ]]';
  assert.equal([inspect(made), String(made)], [text, text]);
  assert.is(inspect({ a: made }), `{\n  a: ${text.replace(/\n/g, '\n  ')}\n}`);
  assert.is(inspect([made]), `[\n  ${text.replace(/\n/g, '\n  ')}\n]`);
});

test('a table of a notebook has the same digits', () => {
  assert.equal(elementTexts(tensor([[0.1, 1]], { dtype: 'float32' })), ['0.1', '1']);
  const display = Reflect.get(tensor([0.1], { dtype: 'float32' }), Symbol.for('Jupyter.display')) as () => object;
  assert.equal(
    Reflect.get(display.call(tensor([0.1], { dtype: 'float32' })), 'text/html'),
    '<table><tr><td>0.1</td></tr></table>',
  );
});

test.run();
