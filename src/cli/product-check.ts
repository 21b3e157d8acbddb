// How far a product is from the reference, in units of what its dtype may be off.
import { referenceMatmul } from '../../kernels/matmul/reference.ts';
import { Tensor } from '../tensor/tensor.ts';

export interface Checked {
  /** The largest |error| of an element. */
  readonly maxError: number;
  /** The largest |error| ÷ bound of an element; integers must be exact. */
  readonly relative: number;
  readonly ok: boolean;
}

/** Unit of the sum over K, and of the rounding of a stored element. */
const UNITS: Partial<Record<Tensor['dtype'], readonly [sum: number, stored: number]>> = {
  float32: [2 ** -23, 0],
  float64: [2 ** -52, 0],
  float16: [2 ** -23, 2 ** -10],
};

/** Compares with the float64 product: each element within K · unit · ‖row of A‖ · ‖column of B‖. */
export function checkProduct(c: Tensor, a: Tensor, b: Tensor): Checked {
  const expected = referenceMatmul(exact(a), exact(b));
  const bound = boundOf(a, b);
  let [maxError, relative] = [0, 0];
  for (let i = 0; i < expected.size; i++) {
    const error = Math.abs(c.at(i) - expected.at(i));
    maxError = Math.max(maxError, error);
    if (error > 0 || Number.isNaN(error)) relative = Math.max(relative, error / bound(i, expected.at(i)));
  }
  return { maxError, relative, ok: relative <= 1 };
}

// Floats are summed in float64 by the reference, without rounding at the end.
function exact(tensor: Tensor): Tensor {
  const float = tensor.dtype === 'float32' || tensor.dtype === 'float16';
  if (!float) return tensor;
  return new Tensor(
    'float64',
    tensor.shape,
    Float64Array.from({ length: tensor.size }, (_, i) => tensor.at(i)),
  );
}

function boundOf(a: Tensor, b: Tensor): (index: number, value: number) => number {
  const units = UNITS[a.dtype];
  if (units === undefined) return () => 0;
  const [k, n] = b.shape as readonly [number, number];
  const rows = Array.from({ length: a.length }, (_, i) => norm(k, (p) => a.at(i * k + p)));
  const columns = Array.from({ length: n }, (_, j) => norm(k, (p) => b.at(p * n + j)));
  const [sum, stored] = units;
  return (i, value) =>
    k * sum * (rows[Math.floor(i / n)] as number) * (columns[i % n] as number) + stored * Math.abs(value);
}

function norm(length: number, at: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += at(i) ** 2;
  return Math.sqrt(sum);
}
