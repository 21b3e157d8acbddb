import type { Transposes } from '../../src/tensor/product-shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type MatmulProvider, type Product, productOf } from './product.ts';
import { numbers, referenceMatmul } from './reference.ts';
import { straightened } from './transpose.ts';

const PANEL = 1024;

/**
 * C = A · B on this thread, row-major. float64 has double precision, integers wrap at 32 bits, other floats take the
 * reference. A sweep over a row of C takes four rows of B, so that C is loaded and stored once for four products.
 * Panels of 1024 columns stay in the L2 cache.
 * Technique: loop order and blocking of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
 * (2008), without packing.
 * @throws ShapeError, TypeError for operands that do not multiply
 */
export function blockedMatmul(left: Tensor, right: Tensor, flags: Transposes = {}): Tensor {
  // The loops run over rows of both.
  const [a, b] = straightened(left, right, flags);
  const product = productOf(a, b);
  const { m, n, dtype } = product;
  if (dtype === 'float64') return new Tensor('float64', [m, n], doubles(a, b, product));
  if (dtype === 'int32') return new Tensor('int32', [m, n], ints(a, b, product));
  if (dtype === 'uint32') return new Tensor('uint32', [m, n], new Uint32Array(ints(a, b, product).buffer));
  return referenceMatmul(a, b);
}

function doubles(a: Tensor, b: Tensor, product: Product): Float64Array {
  const c = new Float64Array(product.m * product.n);
  const [x, y] = [numbers(a) as Float64Array, numbers(b) as Float64Array];
  forPanels(product, (i, j0, j1) => doubleRow(x, y, c, product, i, j0, j1));
  return c;
}

function ints(a: Tensor, b: Tensor, product: Product): Int32Array {
  const c = new Int32Array(product.m * product.n);
  const [x, y] = [Int32Array.from(a.data), Int32Array.from(b.data)];
  forPanels(product, (i, j0, j1) => intRow(x, y, c, product, i, j0, j1));
  return c;
}

function forPanels({ m, n }: Product, row: (i: number, j0: number, j1: number) => void): void {
  for (let j0 = 0; j0 < n; j0 += PANEL) {
    for (let i = 0; i < m; i++) row(i, j0, Math.min(n, j0 + PANEL));
  }
}

function doubleRow(
  x: Float64Array,
  y: Float64Array,
  c: Float64Array,
  { k, n }: Product,
  i: number,
  j0: number,
  j1: number,
) {
  const base = i * n;
  let p = 0;
  for (; p + 4 <= k; p += 4) {
    const at = i * k + p;
    const [a0, a1, a2, a3] = [x[at]!, x[at + 1]!, x[at + 2]!, x[at + 3]!];
    const r = p * n;
    for (let j = j0; j < j1; j++) {
      c[base + j]! += a0 * y[r + j]! + a1 * y[r + n + j]! + a2 * y[r + 2 * n + j]! + a3 * y[r + 3 * n + j]!;
    }
  }
  for (; p < k; p++) for (let j = j0; j < j1; j++) c[base + j]! += x[i * k + p]! * y[p * n + j]!;
}

function intRow(x: Int32Array, y: Int32Array, c: Int32Array, { k, n }: Product, i: number, j0: number, j1: number) {
  const base = i * n;
  let p = 0;
  for (; p + 4 <= k; p += 4) {
    const at = i * k + p;
    const [a0, a1, a2, a3] = [x[at]!, x[at + 1]!, x[at + 2]!, x[at + 3]!];
    const r = p * n;
    for (let j = j0; j < j1; j++) {
      const low = (Math.imul(a0, y[r + j]!) + Math.imul(a1, y[r + n + j]!)) | 0;
      const high = (Math.imul(a2, y[r + 2 * n + j]!) + Math.imul(a3, y[r + 3 * n + j]!)) | 0;
      c[base + j] = (c[base + j]! + low + high) | 0;
    }
  }
  for (; p < k; p++) {
    for (let j = j0; j < j1; j++) c[base + j] = (c[base + j]! + Math.imul(x[i * k + p]!, y[p * n + j]!)) | 0;
  }
}

/** blockedMatmul as a provider: for CPUs without a library, where float64 and integers must be exact. */
export const blockedProvider: MatmulProvider = {
  name: 'blocked',
  dtypes: ['float64', 'int32', 'uint32'],
  multiply: async (a, b, flags) => blockedMatmul(a, b, flags),
};
