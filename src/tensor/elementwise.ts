import { shown } from '../util/checks.ts';
import { castData } from './cast.ts';
import { type DType, isFloat, type TypedArray } from './dtype.ts';

/** How far two numbers may be apart, as `numpy.allclose` has it. */
export interface Tolerance {
  /** Relative to the other's magnitude. Default: 1e-5. */
  readonly rtol?: number | undefined;
  /** Absolute. Default: 1e-8. */
  readonly atol?: number | undefined;
  /** NaN equals NaN. Default: false. */
  readonly equalNan?: boolean | undefined;
}

/** |a − b| ≤ atol + rtol · |b| for all elements; infinities must be the same. */
export function areClose(a: TypedArray, b: TypedArray, tolerance: Tolerance): boolean {
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = tolerance;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    if (x === y || (Number.isFinite(y) && Math.abs(x - y) <= atol + rtol * Math.abs(y))) continue;
    if (!(equalNan && Number.isNaN(x) && Number.isNaN(y))) return false;
  }
  return true;
}

/** A function of one element and its flat index. */
export type ElementFunction = (value: number, index: number) => number | boolean;

/** Elements with their dtype. */
export interface Elements {
  readonly dtype: DType;
  readonly data: TypedArray;
}

/**
 * The function's values. Their dtype: as asked, else bool where all are booleans, else that of floats as before, and
 * float64 of integers: fractions must not be cut in silence.
 * @throws TypeError when the function gives anything but a number or a boolean
 */
export function mapped(numbers: TypedArray, like: DType, fn: ElementFunction, dtype?: DType): Elements {
  const out = new Float64Array(numbers.length);
  let truths = 0;
  for (let i = 0; i < out.length; i++) {
    const value = fn(numbers[i] as number, i);
    if (typeof value === 'boolean') truths++;
    else if (typeof value !== 'number') throw notNumber(value, i);
    out[i] = Number(value);
  }
  const own = isFloat(like) ? like : 'float64';
  const to = dtype ?? (truths > 0 && truths === out.length ? 'bool' : own);
  return { dtype: to, data: to === 'float64' ? out : castData(out, 'float64', to) };
}

function notNumber(value: unknown, index: number): TypeError {
  return new TypeError(`tensor.map: fn gives numbers or booleans, not ${shown(value)} (element ${index})`);
}
