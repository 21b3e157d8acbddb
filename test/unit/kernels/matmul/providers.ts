// The pure parts of kernels/matmul: what multiplies, the reference itself, splitting, tuning, the hand-written ONNX model.
import * as assert from 'uvu/assert';
import { matmulModel } from '../../../../kernels/matmul/onnx.ts';
import { productOf } from '../../../../kernels/matmul/product.ts';
import { difference } from '../../../../kernels/matmul/product-check.ts';
import { referenceMatmul } from '../../../../kernels/matmul/reference.ts';
import { chunksOf } from '../../../../kernels/matmul/webgpu/chunks.ts';
import { shapeClass, type Trial, Tuner } from '../../../../kernels/matmul/webgpu/tuner.ts';
import { ContextError, ShapeError } from '../../../../src/errors.ts';
import { tensor } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('matmul providers');

test('the reference multiplies as on paper', () => {
  const a = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const b = tensor([
    [7, 8],
    [9, 10],
    [11, 12],
  ]);
  assert.equal(referenceMatmul(a, b).toNested(), [
    [58, 64],
    [139, 154],
  ]);
});

test('the reference wraps int32 and carries NaN and infinity', () => {
  const big = new Tensor('int32', [1, 1], Int32Array.of(65_537));
  assert.is(referenceMatmul(big, big).data[0], 131_073);
  const odd = referenceMatmul(tensor([[Number.POSITIVE_INFINITY, 1]]), tensor([[0], [1]]));
  assert.ok(Number.isNaN(odd.data[0]));
});

test('operands that do not multiply are named', () => {
  const t = (dtype: 'float32' | 'int32' | 'bool', ...shape: number[]) => ({ dtype, shape });
  throws(() => productOf(t('float32', 2, 3), t('float32', 2, 3)), ShapeError, /\[2,3\].*inner sizes 3 and 2/);
  throws(() => productOf(t('float32', 2), t('float32', 2, 3)), ShapeError, /two 2-D tensors/);
  throws(() => productOf(t('float32', 2, 3), t('int32', 3, 2)), TypeError, /float32 and int32/);
  throws(() => productOf(t('bool', 2, 3), t('bool', 3, 2)), TypeError, /bool does not multiply/);
});

test('the conformance suite finds one wrong element', () => {
  const [a, b] = [tensor([[1, 2]], { dtype: 'float32' }), tensor([[3], [4]], { dtype: 'float32' })];
  assert.is(difference(tensor([[11]], { dtype: 'float32' }), a, b), undefined);
  assert.match(difference(tensor([[11.001]], { dtype: 'float32' }), a, b) ?? '', /element 0 is 11.001/);
  assert.match(difference(tensor([[11]]), a, b) ?? '', /is float64\[1,1\], expected float32/);
});

test('the onnx model is about a hundred bytes', () => {
  assert.is(matmulModel('float32').length, 99);
  assert.is.not(Buffer.compare(matmulModel('float32'), matmulModel('float64')), 0);
});

const limits = (maxStorageBufferBindingSize: number) => ({
  maxStorageBufferBindingSize,
  minStorageBufferOffsetAlignment: 256,
});

test('what fits one binding is not split', () => {
  assert.equal(chunksOf({ m: 100, k: 100, n: 100, dtype: 'float32' }, 4, limits(2 ** 20)), [
    { m0: 0, m1: 100, k0: 0, k1: 100 },
  ]);
});

test('every chunk fits its bindings, starts aligned, and together they cover the product once', () => {
  const [m, k, n] = [1000, 777, 333];
  const limit = 400_000;
  const chunks = chunksOf({ m, k, n, dtype: 'float32' }, 4, limits(limit));
  let work = 0;
  for (const { m0, m1, k0, k1 } of chunks) {
    for (const [rows, start, width] of [
      [m1 - m0, m0, k],
      [k1 - k0, k0, n],
      [m1 - m0, m0, n],
    ] as const) {
      assert.ok(rows * width * 4 <= limit);
      assert.is((start * width * 4) % 256, 0);
    }
    work += (m1 - m0) * (k1 - k0);
  }
  assert.is(work, m * k);
});

test('a row larger than a binding is an error', () => {
  throws(() => chunksOf({ m: 1, k: 2 ** 20, n: 1, dtype: 'float32' }, 4, limits(2 ** 20)), ContextError, /larger than/);
});

const product = (size: number) => ({ m: size, k: size, n: size, dtype: 'float32' as const });
const times: Record<string, number> = { a: 3, b: 1, c: 2 };

const trial = (over: Partial<Trial<string>> = {}): Trial<string> => ({
  check: async () => undefined,
  measure: async (c) => times[c] as number,
  ...over,
});

test('the tuner measures a class of shapes once, in turns, and remembers the fastest', async () => {
  const tuner = new Tuner<string>({ device: 'test', name: (c) => c });
  const measured: string[] = [];
  const measure = async (c: string) => {
    measured.push(c);
    return times[c] as number;
  };
  const both = await Promise.all(
    [1000, 1024].map((size) => tuner.best(product(size), ['a', 'b', 'c'], trial({ measure }))),
  );
  assert.equal(both, ['b', 'b']);
  assert.equal(measured.join(''), 'abcabcabc');
  assert.is(tuner.known(product(1024), ['a', 'b']), 'b');
  assert.is(tuner.known(product(64), ['a', 'b']), undefined);
  assert.is(
    new Tuner<string>({ device: 'test', name: (c) => c, seed: tuner.toJSON() }).known(product(1000), ['b']),
    'b',
  );
  assert.equal(
    tuner.log.map(({ best, ms, wrong }) => [best, ms, wrong]),
    [['b', times, {}]],
  );
});

test('the fastest candidate does not win with a wrong product', async () => {
  const tuner = new Tuner<string>({ device: 'test', name: (c) => c });
  const check = async (c: string) => (c === 'b' ? '3 of 64 sampled elements are wrong' : undefined);
  assert.is(await tuner.best(product(1000), ['a', 'b', 'c'], trial({ check })), 'c');
  assert.equal(tuner.log[0]?.wrong, { b: '3 of 64 sampled elements are wrong' });
});

test('a time of 0, NaN or infinity rules a candidate out: an invalid kernel takes 0 ms', async () => {
  for (const none of [0, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    const tuner = new Tuner<string>({ device: 'test', name: (c) => c });
    const measure = async (c: string) => (c === 'b' ? none : (times[c] as number));
    assert.is(await tuner.best(product(1000), ['a', 'b', 'c'], trial({ measure })), 'c');
  }
});

test('the tuner rules out what fails, and says so when nothing is left', async () => {
  const tuner = new Tuner<string>({ device: 'test', name: (c) => c });
  const failing = trial({
    check: async (c) => {
      if (c !== 'c') throw new Error('does not compile');
      return undefined;
    },
  });
  assert.is(await tuner.best(product(8), ['a', 'c'], failing), 'c');
  assert.is(await tuner.best(product(999), ['a', 'b'], failing), undefined);
  assert.is(shapeClass(product(1000)), 'float32 2^10×2^10×2^10');
  assert.is(shapeClass(product(1001)), 'float32 2^10×2^10×2^10 unaligned');
});

test.run();
