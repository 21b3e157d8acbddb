import { difference } from '../../../kernels/matmul/product-check.ts';
import { generator } from '../../../kernels/matmul/random.ts';
import { codecOf } from '../../../src/tensor/floats/stored-bits.ts';
import type { ProductDType } from '../../../src/tensor/product-dtype.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';

/** Rows and columns whose crossings are compared. */
const LINES = 8;

/**
 * Compares 64 entries of C = A · B, at the crossings of 8 rows and 8 columns, with sums in float64: the fault in words, or
 * undefined. The places differ from run to run of the generator's seed.
 */
export function entriesFault(c: Tensor, a: Tensor, b: Tensor, seed = 1): string | undefined {
  const next = generator(seed);
  const [m, k] = a.shape as readonly [number, number];
  const n = b.shape[1] as number;
  const places = (size: number) => Array.from({ length: Math.min(LINES, size) }, () => Math.floor(next() * size));
  const [rows, columns] = [places(m), places(n)];
  const x = gathered(a, rows, whole(k));
  const y = gathered(b, whole(k), columns);
  const fault = difference(gathered(c, rows, columns), x, y);
  return fault === undefined ? undefined : `of rows ${rows} and columns ${columns}: ${fault}`;
}

/** The relative error that float32 from operands rounded to TF32 may have, of the sum of its terms (PyTorch's bound, too). */
const TF32_BOUND = 2e-3;

/** As `entriesFault`, for products whose float32 operands were rounded to TF32, to 10 bits of fraction. */
export function tf32Fault(c: Tensor, a: Tensor, b: Tensor): string | undefined {
  const next = generator(1);
  const [m, k] = a.shape as readonly [number, number];
  const n = b.shape[1] as number;
  for (let s = 0; s < LINES * LINES; s++) {
    const [row, column] = [Math.floor(next() * m), Math.floor(next() * n)];
    let [sum, size] = [0, 0];
    for (let p = 0; p < k; p++) {
      const term = a.at(row, p) * b.at(p, column);
      sum += term;
      size += Math.abs(term);
    }
    const error = Math.abs(c.at(row, column) - sum) / Math.max(size, Number.MIN_VALUE);
    if (!(error <= TF32_BOUND)) return `element ${row}, ${column}: the relative error is ${error}`;
  }
  return undefined;
}

const whole = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

function gathered(matrix: Tensor, rows: readonly number[], columns: readonly number[]): Tensor {
  const out = new Tensor(matrix.dtype, [rows.length, columns.length]);
  const width = matrix.shape[1] as number;
  rows.forEach((row, i) => {
    columns.forEach((column, j) => {
      out.data[i * columns.length + j] = matrix.data[row * width + column] as number;
    });
  });
  return out;
}

/** Enough random numbers that no pattern of them lines up with a tile. */
const PERIOD = 1_000_003;

/** A matrix of random numbers from −1 to 1, whole ones up to 1000 for int32. Large matrices repeat a million of them. */
export function operand(
  dtype: Exclude<ProductDType, 'uint32'>,
  shape: readonly [number, number],
  seed: number,
): Tensor {
  const next = generator(seed);
  const out = new Tensor(dtype, shape);
  const { data } = out;
  const { encode = Number } = codecOf(dtype) ?? {};
  const element = (value: number): number => {
    if (dtype === 'int32') return Math.round(value * 1000);
    return encode(value);
  };
  for (let i = 0; i < Math.min(PERIOD, data.length); i++) data[i] = element(next() * 2 - 1);
  for (let at = PERIOD; at < data.length; at += PERIOD) data.copyWithin(at, 0, Math.min(PERIOD, data.length - at));
  return out;
}
