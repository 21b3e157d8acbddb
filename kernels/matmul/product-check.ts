// The test that a product is right, for the conformance suite, `directview pdot --check` and the benchmarks.
import type { DType } from '../../src/tensor/dtype.ts';
import { isStoredAsBits } from '../../src/tensor/floats/stored-bits.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { productOf } from './product.ts';
import { numbers, referenceMatmul } from './reference.ts';

/** A product beside the reference. */
export interface ProductCheck {
  /** The largest |error| of an element; Infinity for a wrong dtype, shape, NaN or infinity. */
  readonly maxError: number;
  /** The largest |error| ÷ bound of an element: at most 1 when the product is right. */
  readonly relative: number;
  readonly ok: boolean;
  /** The first wrong element with both values, or the wrong dtype or shape. */
  readonly difference: string | undefined;
}

/** How exactly a float32 product is computed: in float32, or from halves (webgpu/candidates/split16.ts). */
export interface CheckOptions {
  readonly precision?: 'full' | 'split16';
}

/** How a device computes and stores the elements of one floating dtype. */
interface FloatFormat {
  /** The relative error of one step of a sum. Half of it with rounding to nearest. */
  readonly unit: number;
  /** The smallest normal number of the sum: a device may flush what lies below to 0. */
  readonly tiny: number;
  /** The relative and the absolute error of the conversion from the sum's format to the stored one. */
  readonly stored: readonly [relative: number, absolute: number];
  /** The largest finite element, and the first number that is too large to become it by rounding. */
  readonly range: readonly [largest: number, overflow: number];
}

const FORMATS: Readonly<Partial<Record<DType, FloatFormat>>> = {
  float64: {
    unit: 2 ** -52,
    tiny: 2 ** -1022,
    stored: [0, 0],
    range: [Number.MAX_VALUE, Number.POSITIVE_INFINITY],
  },
  float32: { unit: 2 ** -23, tiny: 2 ** -126, stored: [0, 0], range: [(2 - 2 ** -23) * 2 ** 127, 2 ** 128] },
  float16: { unit: 2 ** -23, tiny: 2 ** -126, stored: [2 ** -10, 2 ** -24], range: [65_504, 2 ** 16] },
  bfloat16: {
    unit: 2 ** -23,
    tiny: 2 ** -126,
    stored: [2 ** -7, 2 ** -133],
    range: [(2 - 2 ** -7) * 2 ** 127, 2 ** 128],
  },
};

/**
 * Compares C = A · B with the product in float64. Integers must be equal. A float element c may be off by
 *
 *     E = K · (u · ‖row of A‖ · ‖column of B‖ + tiny)        float32, float64
 *     E + max(2⁻¹⁰ · (|c| + E), 2⁻²⁴)                        float16, whose sums are float32
 *     E + max(2⁻⁷ · (|c| + E), 2⁻¹³³)                        bfloat16, whose sums are float32
 *     E with 9/8 · K + 4 instead of the K before u           float32 from halves (precision: split16)
 *
 * where NaN must be NaN, infinity the same infinity, and operands are normal numbers or 0. The sources:
 *
 * - K · u · |a|ᵀ|b| bounds a sum in any order, with or without fused multiply-add. See Higham, "Accuracy and Stability of
 *   Numerical Algorithms" (2002), section 3.1. By Cauchy-Schwarz |a|ᵀ|b| ≤ ‖a‖ · ‖b‖.
 * - u is a whole unit in the last place, 2⁻²³ or 2⁻⁵². WGSL lets a device round to either neighbour (W3C WGSL, "Floating
 *   Point Evaluation"). In float64, half of it covers the rounding of the reference.
 * - tiny is the smallest normal number. A device may flush smaller ones to 0 in each of the K steps (same section).
 * - A conversion to float16 may take either neighbour. They lie at most 2⁻¹⁰ of a normal number apart, and 2⁻²⁴ among
 *   subnormal ones. Between 65504 and 65536 both 65504 and infinity are right (WebGPU CTS, correctlyRoundedF16).
 *   bfloat16 has 3 bits less, and the exponents of float32.
 *
 * @throws ShapeError, TypeError for operands that do not multiply
 */
export function checkProduct(c: Tensor, a: Tensor, b: Tensor, options: CheckOptions = {}): ProductCheck {
  const { m, n, dtype } = productOf(a, b);
  if (c.dtype !== dtype || String(c.shape) !== String([m, n])) {
    return wrongFrom(`is ${c.dtype}[${c.shape}], expected ${dtype}[${[m, n]}]`);
  }
  const expected = referenceMatmul(exact(a), exact(b));
  const sumErrorOf = sumErrors(a, b, options);
  let [maxError, relative, first] = [0, 0, -1];
  for (let i = 0; i < expected.size; i++) {
    const [is, want] = [c.at(i), expected.at(i)];
    const error = errorOf(is, want, sumErrorOf(i), FORMATS[dtype]);
    maxError = Math.max(maxError, error.absolute);
    relative = Math.max(relative, error.relative);
    if (error.relative > 1 && first < 0) first = i;
  }
  if (first < 0) return { maxError, relative, ok: true, difference: undefined };
  const [is, want] = [c.at(first), expected.at(first)];
  const bound = boundOf(want, sumErrorOf(first), FORMATS[dtype]);
  return { maxError, relative, ok: false, difference: `element ${first} is ${is}, expected ${want} ± ${bound}` };
}

/** The fault of C = A · B by the rule of checkProduct, in words; undefined when C is right. @throws as checkProduct */
export function difference(c: Tensor, a: Tensor, b: Tensor, options: CheckOptions = {}): string | undefined {
  return checkProduct(c, a, b, options).difference;
}

/**
 * As `difference`, for some rows and columns, spread evenly from the first to the last: for products that take too long
 * to check in full.
 * @throws as checkProduct
 */
export function sampledDifference(c: Tensor, a: Tensor, b: Tensor, lines: number): string | undefined {
  const { m, k, n, dtype } = productOf(a, b);
  if (c.dtype !== dtype || String(c.shape) !== String([m, n])) return difference(c, a, b);
  for (const i of spread(m, lines)) {
    const wrong = difference(c.rows(i, i + 1), a.rows(i, i + 1), b);
    if (wrong !== undefined) return `row ${i}: ${wrong}`;
  }
  for (const j of spread(n, lines)) {
    const wrong = difference(columnOf(c, j, m, n), a, columnOf(b, j, k, n));
    if (wrong !== undefined) return `column ${j}: ${wrong}`;
  }
  return undefined;
}

function spread(count: number, lines: number): number[] {
  const places = Array.from({ length: lines }, (_, i) => Math.floor((i * (count - 1)) / Math.max(1, lines - 1)));
  return [...new Set(places)].filter((place) => place >= 0);
}

function columnOf(matrix: Tensor, column: number, rows: number, columns: number): Tensor {
  const out = new Tensor(matrix.dtype, [rows, 1]);
  for (let i = 0; i < rows; i++) out.data[i] = matrix.data[i * columns + column] as number;
  return out;
}

function wrongFrom(text: string): ProductCheck {
  return { maxError: Number.POSITIVE_INFINITY, relative: Number.POSITIVE_INFINITY, ok: false, difference: text };
}

// The reference sums float64 without rounding at the end.
function exact(tensor: Tensor): Tensor {
  const float = tensor.dtype === 'float32' || isStoredAsBits(tensor.dtype);
  return float ? new Tensor('float64', tensor.shape, Float64Array.from(numbers(tensor))) : tensor;
}

interface ElementError {
  readonly absolute: number;
  /** In units of the bound. */
  readonly relative: number;
}

const NONE: ElementError = { absolute: 0, relative: 0 };
const CATEGORY: ElementError = { absolute: Number.POSITIVE_INFINITY, relative: Number.POSITIVE_INFINITY };

function errorOf(is: number, want: number, sumError: number, format: FloatFormat | undefined): ElementError {
  if (is === want || (Number.isNaN(is) && Number.isNaN(want))) return NONE;
  if (!Number.isFinite(want) || Number.isNaN(is)) return CATEGORY;
  const [largest, overflow] = format?.range ?? [Number.MAX_VALUE, Number.POSITIVE_INFINITY];
  const size = Math.abs(want);
  if (!Number.isFinite(is)) return Math.sign(is) === Math.sign(want) && size + sumError > largest ? NONE : CATEGORY;
  if (size - sumError >= overflow) return CATEGORY;
  const absolute = Math.abs(is - want);
  return { absolute, relative: absolute / boundOf(want, sumError, format) };
}

function boundOf(want: number, sumError: number, format: FloatFormat | undefined): number {
  const [relative, absolute] = format?.stored ?? [0, 0];
  return sumError + Math.max(relative * (Math.abs(want) + sumError), absolute);
}

/** E of each element by its flat index. */
function sumErrors(a: Tensor, b: Tensor, { precision }: CheckOptions): (index: number) => number {
  const format = FORMATS[a.dtype];
  if (format === undefined) return () => 0;
  const [x, y] = [numbers(a), numbers(b)];
  const [m, k, n] = [a.shape[0] as number, a.shape[1] as number, b.shape[1] as number];
  const rows = Float64Array.from({ length: m }, (_, i) => norm(k, (p) => x[i * k + p] as number));
  const columns = Float64Array.from({ length: n }, (_, j) => norm(k, (p) => y[p * n + j] as number));
  const { unit, tiny } = format;
  const steps = precision === 'split16' ? (9 / 8) * k + 4 : k;
  return (index) => steps * unit * (rows[Math.floor(index / n)] as number) * (columns[index % n] as number) + k * tiny;
}

// Scaled by the largest element, whose square may overflow or underflow. NaN and infinity do not count.
function norm(length: number, at: (i: number) => number): number {
  let largest = 0;
  for (let i = 0; i < length; i++) if (Number.isFinite(at(i))) largest = Math.max(largest, Math.abs(at(i)));
  if (largest === 0) return 0;
  let sum = 0;
  for (let i = 0; i < length; i++) if (Number.isFinite(at(i))) sum += (at(i) / largest) ** 2;
  return largest * Math.sqrt(sum);
}
