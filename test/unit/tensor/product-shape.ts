// Sizes of products, against numpy.matmul.
import * as assert from 'uvu/assert';
import { ShapeError } from '../../../src/errors.ts';
import { broadcastPairs, productSizes, type Transposes } from '../../../src/tensor/product-shape.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('tensor/product-shape');

// The shape of C as NumPy 2.4 gives it, [m, k, n] of one product, and the batch.
const TABLE: [number[], number[], number[], number[], number[]][] = [
  [[2, 3], [3, 4], [2, 4], [2, 3, 4], []],
  [[3], [3, 4], [4], [1, 3, 4], []],
  [[2, 3], [3], [2], [2, 3, 1], []],
  [[3], [3], [], [1, 3, 1], []],
  [[5, 2, 3], [3, 4], [5, 2, 4], [10, 3, 4], []],
  [[6, 5, 2, 3], [3], [6, 5, 2], [60, 3, 1], []],
  [[2, 3], [5, 3, 4], [5, 2, 4], [2, 3, 4], [5]],
  [[3], [5, 3, 4], [5, 4], [1, 3, 4], [5]],
  [[5, 2, 3], [5, 3, 4], [5, 2, 4], [2, 3, 4], [5]],
  [
    [7, 1, 2, 3],
    [5, 3, 4],
    [7, 5, 2, 4],
    [2, 3, 4],
    [7, 5],
  ],
  [[1, 2, 3], [5, 3, 4], [5, 2, 4], [2, 3, 4], [5]],
  [[0, 2, 3], [1, 3, 4], [0, 2, 4], [2, 3, 4], [0]],
  [[2, 0], [0, 4], [2, 4], [2, 0, 4], []],
];

for (const [a, b, shape, [m, k, n], batch] of TABLE) {
  test(`[${a}] · [${b}]`, () => {
    const sizes = productSizes(a, b);
    assert.equal([sizes.shape, sizes.m, sizes.k, sizes.n, sizes.batch], [shape, m, k, n, batch]);
  });
}

const TRANSPOSED: [number[], number[], Transposes, number[]][] = [
  [[3, 2], [3, 4], { transposeA: true }, [2, 4]],
  [[2, 3], [4, 3], { transposeB: true }, [2, 4]],
  [[3, 2], [4, 3], { transposeA: true, transposeB: true }, [2, 4]],
  [[5, 3, 2], [3, 4], { transposeA: true }, [5, 2, 4]],
  [[3], [4, 3], { transposeA: true, transposeB: true }, [4]],
];

for (const [a, b, flags, shape] of TRANSPOSED) {
  test(`[${a}] · [${b}] with ${Object.keys(flags)}`, () => assert.equal(productSizes(a, b, flags).shape, shape));
}

const REFUSED: [string, number[], number[], Transposes, RegExp][] = [
  ['inner sizes', [2, 3], [4, 5], {}, /\[2,3\] · \[4,5\], inner sizes 3 and 4/],
  ['inner sizes with a flag', [2, 3], [3, 4], { transposeB: true }, /\[2,3\] · \[3,4\]ᵀ, inner sizes 3 and 4/],
  ['vectors', [2], [3], {}, /inner sizes 2 and 3/],
  ['leading axes', [2, 3, 4], [3, 4, 5], {}, /do not broadcast.*2 and 3/],
  ['a number', [], [2, 2], {}, /a number is not a matrix/],
];

for (const [name, a, b, flags, message] of REFUSED) {
  test(`refused: ${name}`, () => throws(() => productSizes(a, b, flags), ShapeError, message));
}

test('pairs of a batch: the last axis runs first, and an axis of 1 stays', () => {
  assert.equal(broadcastPairs([2, 3], [2, 1], [3], { lo: 0, hi: 6 }), [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  assert.equal(broadcastPairs([2, 3], [], [2, 3], { lo: 4, hi: 6 }), [
    [0, 4],
    [0, 5],
  ]);
});

test.run();
