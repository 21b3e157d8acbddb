import { ShapeError } from '../errors.ts';
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

  /** The items `lo` to `hi` − 1 of the first axis: a window on the same data, not a copy. */
  rows(lo: number, hi: number): Tensor {
    const width = sizeOf(this.shape.slice(1));
    const end = Math.min(hi, this.length);
    return new Tensor(this.dtype, [end - lo, ...this.shape.slice(1)], this.data.subarray(lo * width, end * width));
  }

  /** The items of the first axis with these indices, as a copy. */
  take(indices: readonly number[]): Tensor {
    const out = new Tensor(this.dtype, [indices.length, ...this.shape.slice(1)]);
    const width = sizeOf(this.shape.slice(1));
    indices.forEach((row, i) => {
      out.data.set(this.data.subarray(row * width, (row + 1) * width), i * width);
    });
    return out;
  }

  /** The same data with another shape. @throws ShapeError when the numbers of elements differ */
  reshape(shape: Shape): Tensor {
    return new Tensor(this.dtype, shape, this.data);
  }

  /** True if dtype, shape and all elements are the same. NaN equals NaN, and 0 differs from −0. */
  equals(other: Tensor): boolean {
    if (this.dtype !== other.dtype || this.shape.length !== other.shape.length) return false;
    if (!this.shape.every((n, axis) => n === other.shape[axis])) return false;
    for (let i = 0; i < this.size; i++) if (!Object.is(this.data[i], other.data[i])) return false;
    return true;
  }

  /** The element with this flat index, as a number: float16 is decoded. */
  at(index: number): number {
    const raw = this.data[index] as number;
    return this.dtype === 'float16' ? fromHalf(raw) : raw;
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
