import { type DType, isFloat, type TypedArray } from './dtype.ts';
import { type Shape, sizeOf } from './shape.ts';

/** One number of `n` elements: those at `start`, `start + step`, and so on. */
type Fold = (numbers: TypedArray, start: number, step: number, n: number) => number;

const sum: Fold = (numbers, start, step, n) => {
  let total = 0;
  for (let i = 0, at = start; i < n; i++, at += step) total += numbers[at] as number;
  return total;
};

// As NumPy: the first of equal ones, and the first NaN before all numbers.
const argMin: Fold = (numbers, start, step, n) => {
  let best = 0;
  for (let i = 1, least = numbers[start] as number; i < n && !Number.isNaN(least); i++) {
    const value = numbers[start + i * step] as number;
    if (value >= least) continue;
    least = value;
    best = i;
  }
  return best;
};

const argMax: Fold = (numbers, start, step, n) => {
  let best = 0;
  for (let i = 1, most = numbers[start] as number; i < n && !Number.isNaN(most); i++) {
    const value = numbers[start + i * step] as number;
    if (value <= most) continue;
    most = value;
    best = i;
  }
  return best;
};

const FOLDS = {
  sum,
  mean: (numbers, start, step, n) => sum(numbers, start, step, n) / n,
  min: (numbers, start, step, n) => numbers[start + argMin(numbers, start, step, n) * step] as number,
  max: (numbers, start, step, n) => numbers[start + argMax(numbers, start, step, n) * step] as number,
  argMin,
  argMax,
} satisfies Record<string, Fold>;

/** The name of a reduction. */
export type ReductionName = keyof typeof FOLDS;

/** The reduction of all elements. @throws RangeError where there are none and it needs one */
export function reduced(kind: ReductionName, numbers: TypedArray): number {
  assertSome(kind, numbers.length, 'the tensor');
  return FOLDS[kind](numbers, 0, 1, numbers.length);
}

/** The reduction along one axis, in double precision. @throws RangeError where it is empty and one element is needed */
export function reducedAlong(kind: ReductionName, numbers: TypedArray, shape: Shape, axis: number): Float64Array {
  const n = shape[axis] as number;
  const inner = sizeOf(shape.slice(axis + 1));
  const out = new Float64Array(sizeOf(shape.slice(0, axis)) * inner);
  if (out.length > 0) assertSome(kind, n, `axis ${axis}`);
  const fold = FOLDS[kind];
  for (let i = 0; i < out.length; i++)
    out[i] = fold(numbers, Math.floor(i / inner) * n * inner + (i % inner), inner, n);
  return out;
}

function assertSome(kind: ReductionName, n: number, what: string): void {
  if (n === 0 && kind !== 'sum' && kind !== 'mean') throw new RangeError(`${kind} of no elements: ${what} is empty`);
}

/**
 * The dtype of a reduction along an axis. Sums and means of integers are float64, exact to 2⁵³, where NumPy has int64
 * sums; places are int32; everything else keeps its dtype.
 */
export function reducedDType(kind: ReductionName, dtype: DType): DType {
  if (kind === 'argMin' || kind === 'argMax') return 'int32';
  if (kind === 'min' || kind === 'max' || isFloat(dtype)) return dtype;
  return 'float64';
}
