import { ShapeError } from '../errors.ts';
import { must, shown } from '../util/checks.ts';
import { guardCalls, type Signatures, takes } from '../util/signature.ts';
import { allocate, assertDType, type DType, itemSize, stores, type TypedArray } from './dtype.ts';
import { fromHalf } from './float16.ts';

/** The lengths of a tensor's axes: [rows, columns] of a matrix, [] of a scalar. */
export type Shape = readonly number[];

/** A number, or nested arrays of numbers. */
export type Nested = number | boolean | Nested[];

/** The number of elements of a shape: 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** The shape, if it has as many elements as the other one. @throws ShapeError */
export function assertSize(shape: Shape, other: Shape): Shape {
  if (sizeOf(shape) === sizeOf(other)) return shape;
  throw new ShapeError(`shape [${shape}] wants ${sizeOf(shape)} elements, [${other}] has ${sizeOf(other)}`);
}

/** The part of tfjs that `toTF` needs, such as the `tf` of an engine. */
export interface TensorFactory<T> {
  tensor(data: TypedArray, shape: number[], dtype: 'float32' | 'int32' | 'bool'): T;
}

/**
 * An n-dimensional array: `dtype`, `shape`, and `data`, a row-major typed array.
 * float16 is stored as its bits in a Uint16Array, bool as 0 and 1 in a Uint8Array.
 * @example
 * const a = new Tensor('float32', [2, 3]); // zeros
 * const b = tensor([[1, 2], [3, 4]], { dtype: 'float32' });
 * b.rows(1, 2).toNested(); // [[3, 4]]
 */
export class Tensor {
  /** The type of the elements. */
  readonly dtype: DType;
  /** The lengths of the axes, frozen. */
  readonly shape: Shape;
  /** The elements, row-major. */
  readonly data: TypedArray;

  /**
   * @param data the elements, not copied; default: zeros
   * @throws TypeError for an unknown dtype or a typed array that does not store it
   * @throws ShapeError when the shape and the number of elements differ
   */
  constructor(dtype: DType, shape: Shape, data?: TypedArray) {
    assertDType(dtype);
    assertShape(shape);
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.data = data ?? allocate(dtype, sizeOf(shape));
    if (!stores(this.data, dtype)) throw new TypeError(`${this.data.constructor.name} does not store ${dtype}`);
    if (this.data.length !== sizeOf(shape)) {
      throw new ShapeError(`shape [${shape}] wants ${sizeOf(shape)} elements, the data has ${this.data.length}`);
    }
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return this.data.length;
  }

  /** The length of the first axis. @throws TypeError for a scalar */
  get length(): number {
    const n = this.shape[0];
    if (n === undefined) throw new TypeError('a scalar tensor has no length');
    return n;
  }

  /** The size of the data in bytes. */
  get byteLength(): number {
    return this.size * itemSize(this.dtype);
  }

  /**
   * The items `lo` to `hi` − 1 of the first axis, as NumPy's `a[lo:hi]`: a window on the same data, not a copy. Negative
   * numbers count from the end; what lies beyond the ends is left out.
   * @throws TypeError for ends that are not whole numbers, and for a scalar
   */
  rows(lo = 0, hi = this.length): Tensor {
    const [from, to] = this.#bounds(lo, hi, this.length);
    const width = sizeOf(this.shape.slice(1));
    return new Tensor(this.dtype, [to - from, ...this.shape.slice(1)], this.data.subarray(from * width, to * width));
  }

  /** Both ends of NumPy's slice `lo:hi` of `n` items. */
  #bounds(lo: number, hi: number, n: number): [from: number, to: number] {
    const at = (index: number) => Math.min(Math.max(index < 0 ? index + n : index, 0), n);
    const from = at(lo);
    return [from, Math.max(from, at(hi))];
  }

  /**
   * The items of the first axis with these indices, as a copy. Negative ones count from the end.
   * @throws RangeError for an index out of range, TypeError for anything but a list
   */
  take(indices: readonly number[]): Tensor {
    const out = new Tensor(this.dtype, [indices.length, ...this.shape.slice(1)]);
    const width = sizeOf(this.shape.slice(1));
    // By index: `forEach` would leave holes out.
    for (let i = 0; i < indices.length; i++) {
      const row = this.#place(indices[i], this.length);
      out.data.set(this.data.subarray(row * width, (row + 1) * width), i * width);
    }
    return out;
  }

  /** The place of an index among `n` items. @throws RangeError, TypeError */
  #place(index: unknown, n: number): number {
    if (typeof index !== 'number') throw new TypeError(`an index is a whole number, not ${shown(index)}`);
    const place = index < 0 ? index + n : index;
    if (Number.isInteger(place) && place >= 0 && place < n) return place;
    throw new RangeError(`index ${index} is out of range for ${n} ${n === 1 ? 'item' : 'items'}`);
  }

  /**
   * The same data with another shape, or as one axis with a number. One length may be −1: it follows from the others.
   * @throws ShapeError when the numbers of elements differ
   */
  reshape(shape: Shape | number): Tensor {
    return new Tensor(this.dtype, completed(typeof shape === 'number' ? [shape] : shape, this.size), this.data);
  }

  /** True if dtype, shape and all elements are the same. NaN equals NaN, and 0 differs from −0. */
  equals(other: Tensor): boolean {
    if (this.dtype !== other.dtype || this.shape.length !== other.shape.length) return false;
    if (!this.shape.every((n, axis) => n === other.shape[axis])) return false;
    for (let i = 0; i < this.size; i++) if (!Object.is(this.data[i], other.data[i])) return false;
    return true;
  }

  /**
   * The element with this flat index, as a number: float16 is decoded. Negative ones count from the end. With one index
   * per axis the element that stands there.
   * @throws RangeError for an index out of range, TypeError for another number of indices
   */
  at(index: number, ...others: readonly number[]): number {
    const place = others.length === 0 ? index : this.#flat([index, ...others]);
    const raw = typeof place === 'number' ? this.data[place < 0 ? place + this.data.length : place] : undefined;
    if (raw === undefined) return this.#place(index, this.size);
    return this.dtype === 'float16' ? fromHalf(raw) : raw;
  }

  #flat(indices: readonly number[]): number {
    if (indices.length !== this.rank) {
      throw new TypeError(`at takes one flat index, or one for each of ${this.rank} axes, not ${indices.length}`);
    }
    return this.shape.reduce((flat, n, axis) => flat * n + this.#place(indices[axis], n), 0);
  }

  /** Nested arrays of numbers, or of booleans for bool. A scalar gives the bare value. */
  toNested(): Nested {
    return this.#nest(0, 0);
  }

  #nest(axis: number, offset: number): Nested {
    if (axis === this.rank) return this.dtype === 'bool' ? this.data[offset] !== 0 : this.at(offset);
    const step = sizeOf(this.shape.slice(axis + 1));
    return Array.from({ length: this.shape[axis] as number }, (_, i) => this.#nest(axis + 1, offset + i * step));
  }

  /** A tf.Tensor of this tfjs. The small integers become int32, other dtypes that tfjs lacks float32. */
  toTF<T>(tf: TensorFactory<T>): T {
    if (this.dtype === 'bool') return tf.tensor(this.data, [...this.shape], 'bool');
    if (this.dtype === 'float32') return tf.tensor(this.data, [...this.shape], 'float32');
    const whole = this.dtype.includes('int') && this.dtype !== 'uint32';
    // A copy: tfjs has no such dtype.
    const data = whole ? Int32Array.from(this.data) : Float32Array.from({ length: this.size }, (_, i) => this.at(i));
    return tf.tensor(data, [...this.shape], whole ? 'int32' : 'float32');
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Tensor ${this.dtype}[${this.shape.join('×')}] ${corners(this)}`;
  }

  /** For notebooks: the short form, and an HTML table of vectors and matrices with at most 400 elements. */
  [Symbol.for('Jupyter.display')](): Record<string, string> {
    const plain = this.toString();
    return this.rank === 0 || this.rank > 2 || this.size > 400
      ? { 'text/plain': plain }
      : { 'text/plain': plain, 'text/html': table(this) };
  }

  /** The short form that `console.log` shows: dtype, shape, and three items at each end of every axis. */
  toString(): string {
    return `Tensor ${this.dtype}[${this.shape.join('×')}] ${corners(this)}`;
  }
}

const WHOLE = must('a whole number', Number.isInteger);
const isList = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);

// Not `at`, which loops call for every element: it checks by itself.
const TENSOR: Signatures<Tensor, 'at' | 'toString'> = {
  rows: takes({}, { lo: WHOLE, hi: WHOLE }),
  take: takes({ indices: must('a list of indices, such as [0, -1]', isList) }),
  reshape: takes({
    shape: must('a list of lengths, or one length', (value) => isList(value) || Number.isInteger(value)),
  }),
  equals: takes({ other: must('a Tensor', (value) => value instanceof Tensor) }),
  toNested: takes(),
  toTF: takes({
    tf: must('tfjs, such as the tf of an engine', (value) => typeof value === 'object' && value !== null),
  }),
};
guardCalls(Tensor.prototype, 'tensor', TENSOR);

function table(tensor: Tensor): string {
  const rows = (tensor.rank === 1 ? [tensor.toNested()] : tensor.toNested()) as (number | boolean)[][];
  const cells = rows.map((row) => `<tr>${row.map((value) => `<td>${value}</td>`).join('')}</tr>`);
  return `<table>${cells.join('')}</table>`;
}

function assertShape(shape: Shape): void {
  if (!Array.isArray(shape) || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new ShapeError(`a shape is a list of whole numbers ≥ 0, not [${shape}]`);
  }
}

/** The shape with the length that −1 stands for; as it is where it does not divide. */
function completed(shape: Shape, size: number): Shape {
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  if (open < 0) return shape;
  const others = sizeOf(shape.filter((_, axis) => axis !== open));
  const rest = size / others;
  if (Number.isSafeInteger(rest)) return shape.map((n, axis) => (axis === open ? rest : n));
  throw new ShapeError(`shape [${shape}] leaves no whole number for −1: the data has ${size} elements`);
}

const EDGE = 3;

// Three items at each end of every axis, as NumPy prints.
function corners(tensor: Tensor, axis = 0, offset = 0): string {
  if (axis === tensor.rank) return short(tensor.at(offset));
  const n = tensor.shape[axis] as number;
  const step = sizeOf(tensor.shape.slice(axis + 1));
  const shown = Array.from({ length: n }, (_, i) => i).filter((i) => i < EDGE || i >= n - EDGE);
  const items = shown.map((i) => corners(tensor, axis + 1, offset + i * step));
  if (n > shown.length) items.splice(EDGE, 0, '…');
  return `[${items.join(', ')}]`;
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number.parseFloat(value.toPrecision(5)));
}
