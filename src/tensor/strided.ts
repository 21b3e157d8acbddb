import { shown } from '../util/checks.ts';
import type { TypedArray } from './dtype.ts';
import { axesText, axisOf, type Shape, sizeOf } from './shape.ts';

/** Some elements of row-major data: those at `offset` + the sum of index × stride over the axes. */
export interface Strided {
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

/** One number for the first axis, or one for each; undefined stands for the default. */
export type PerAxis = number | readonly (number | undefined)[];

/** The elements that NumPy's basic slice `a[b0:e0:s0, b1:e1:s1, …]` gives. @throws RangeError, TypeError */
export function slicing(shape: Shape, begin?: PerAxis, end?: PerAxis, step?: PerAxis): Strided {
  const begins = perAxis('begin', begin, shape);
  const ends = perAxis('end', end, shape);
  const steps = perAxis('strides', step, shape).map(strideOf);
  const strides = stridesOf(shape);
  const axes = shape.map((n, axis) => rangeOf(n, begins[axis], ends[axis], steps[axis] ?? 1));
  return {
    offset: axes.reduce((sum, { from }, axis) => sum + from * (strides[axis] as number), 0),
    shape: axes.map(({ count }) => count),
    strides: strides.map((stride, axis) => stride * (steps[axis] ?? 1)),
  };
}

/** All elements with their axes in this order; without one, reversed. @throws RangeError unless each axis is there once */
export function transposition(shape: Shape, order?: readonly number[]): Strided {
  const axes = order?.map((axis) => axisOf(axis, shape.length)) ?? shape.map((_, axis) => axis).reverse();
  if (axes.length !== shape.length || new Set(axes).size !== axes.length) {
    throw new RangeError(`axes names each of ${axesText(shape.length)} once, not [${order}]`);
  }
  const strides = stridesOf(shape);
  return {
    offset: 0,
    shape: axes.map((axis) => shape[axis] as number),
    strides: axes.map((axis) => strides[axis] as number),
  };
}

/** So many elements side by side are copied faster at once than one by one. */
const LONG_RUN = 64;

/** Copies the elements to `to`, row-major. They share no memory. */
export function copyStrided(from: TypedArray, to: TypedArray, view: Strided): void {
  if (to.length === 0) return;
  if (view.shape.length === 0) to[0] = from[view.offset] as number;
  else copyAxis(from, to, view, 0, view.offset, 0);
}

/** Copies from place `source` on to place `target` on; returns the place behind. */
function copyAxis(from: TypedArray, to: TypedArray, view: Strided, axis: number, source: number, target: number) {
  const n = view.shape[axis] as number;
  const step = view.strides[axis] as number;
  if (axis === view.shape.length - 1) {
    if (step === 1 && n >= LONG_RUN) to.set(from.subarray(source, source + n), target);
    else for (let i = 0; i < n; i++) to[target + i] = from[source + i * step] as number;
    return target + n;
  }
  let next = target;
  for (let i = 0; i < n; i++) next = copyAxis(from, to, view, axis + 1, source + i * step, next);
  return next;
}

function stridesOf(shape: Shape): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

function perAxis(name: string, given: PerAxis | undefined, shape: Shape): readonly (number | undefined)[] {
  const list = typeof given === 'number' ? [given] : (given ?? []);
  if (list.length > shape.length) {
    throw new RangeError(`slice: ${name} has ${list.length} entries for ${axesText(shape.length)}`);
  }
  for (const value of list) {
    if (value !== undefined && !Number.isInteger(value)) {
      throw new TypeError(`slice: ${name} holds whole numbers, not ${shown(value)}`);
    }
  }
  return list;
}

function strideOf(stride: number | undefined): number {
  if (stride === 0) throw new RangeError('slice: strides are not 0');
  return stride ?? 1;
}

/** Python's `slice.indices`: ends beyond the axis are cut. */
function rangeOf(n: number, begin: number | undefined, end: number | undefined, step: number) {
  const [least, most] = step > 0 ? [0, n] : [-1, n - 1];
  const place = (index: number) => Math.min(Math.max(index < 0 ? index + n : index, least), most);
  const from = begin === undefined ? (step > 0 ? least : most) : place(begin);
  const to = end === undefined ? (step > 0 ? most : least) : place(end);
  return { from, count: Math.max(0, Math.ceil((to - from) / step)) };
}
