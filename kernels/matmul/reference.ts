import { numbersOf } from '../../src/tensor/cast.ts';
import { allocate, type TypedArray } from '../../src/tensor/dtype.ts';
import { stored } from '../../src/tensor/floats/stored-bits.ts';
import type { Transposes } from '../../src/tensor/product-shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type MatmulProvider, type Product, productOf } from './product.ts';
import { straightened } from './transpose.ts';

/**
 * C = A · B by three plain loops, row-major: the truth that every other provider is held against.
 * Floats are summed in float64 and rounded once, at the end. int32 and uint32 wrap as in C.
 * @throws ShapeError, TypeError for operands that do not multiply
 */
export function referenceMatmul(left: Tensor, right: Tensor, flags: Transposes = {}): Tensor {
  const [a, b] = straightened(left, right, flags);
  const product = productOf(a, b);
  const { m, n, dtype } = product;
  if (dtype === 'int32' || dtype === 'uint32') {
    const out = allocate(dtype, m * n);
    multiplyInts(a.data, b.data, product, out);
    return new Tensor(dtype, [m, n], out);
  }
  const sums = multiplyFloats(a, b, product);
  return new Tensor(dtype, [m, n], dtype === 'float32' ? Float32Array.from(sums) : stored(dtype, sums));
}

function multiplyFloats(a: Tensor, b: Tensor, { m, k, n }: Product): Float64Array {
  const [x, y] = [numbers(a), numbers(b)];
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      const value = x[i * k + p]!;
      for (let j = 0; j < n; j++) c[i * n + j]! += value * y[p * n + j]!;
    }
  }
  return c;
}

function multiplyInts(x: TypedArray, y: TypedArray, { m, k, n }: Product, c: TypedArray): void {
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      const value = x[i * k + p]!;
      for (let j = 0; j < n; j++) c[i * n + j] = (c[i * n + j]! + Math.imul(value, y[p * n + j]!)) | 0;
    }
  }
}

/** The elements as numbers: the data itself, or the decoded bits of float16 and bfloat16. */
export function numbers(tensor: Tensor): TypedArray {
  return numbersOf(tensor.data, tensor.dtype);
}

/** referenceMatmul as a provider. */
export const referenceProvider: MatmulProvider = {
  name: 'reference',
  dtypes: ['float32', 'float64', 'float16', 'int32', 'uint32', 'bfloat16'],
  multiply: async (a, b, flags) => referenceMatmul(a, b, flags),
};
