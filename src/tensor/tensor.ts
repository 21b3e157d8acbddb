import { ShapeError } from '../errors.ts';
import { type Check, FLAG, FUNCTION, must, optionsOf, type Rules, ranged, shown } from '../util/checks.ts';
import { guardCalls, noMore, type Signatures, takes } from '../util/signature.ts';
import { castData, numbersOf } from './cast.ts';
import { allocate, assertDType, type DType, itemSize, stores, type TypedArray } from './dtype.ts';
import { areClose, type ElementFunction, mapped, type Tolerance } from './elementwise.ts';
import { codecOf } from './floats/stored-bits.ts';
import { elementTexts, matrixText } from './matrix-text.ts';
import { type Nested, nestedOf } from './nested.ts';
import { type ReductionName, reduced, reducedAlong, reducedDType } from './reduce.ts';
import { assertShape, axisOf, completed, type Shape, sameShape, sizeOf } from './shape.ts';
import { copyStrided, type PerAxis, type Strided, slicing, transposition } from './strided.ts';

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

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
 * float16 and bfloat16 are stored as their bits in a Uint16Array, bool as 0 and 1 in a Uint8Array.
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
  constructor(dtype: DType, shape: Shape, data?: TypedArray, ...surplus: never[]) {
    if (surplus.length > 0) noMore(surplus, 'new Tensor', ['dtype', 'shape', 'data']);
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
   * The same data with another shape: a list of lengths, or the lengths themselves. One may be −1: it follows from the others.
   * @throws ShapeError when the numbers of elements differ
   */
  reshape(shape: Shape): Tensor;
  reshape(...lengths: readonly [number, ...number[]]): Tensor;
  reshape(first: Shape | number, ...others: readonly number[]): Tensor {
    if (typeof first !== 'number' && others.length > 0)
      throw new TypeError(`tensor.reshape takes one list of lengths, and ${shown(others[0])} came after it`);
    const shape = typeof first === 'number' ? [first, ...others] : first;
    return new Tensor(this.dtype, completed(shape, this.size), this.data);
  }

  /** True if dtype, shape and all elements are the same. NaN equals NaN, and 0 differs from −0. */
  equals(other: Tensor): boolean {
    if (this.dtype !== other.dtype || !sameShape(this.shape, other.shape)) return false;
    for (let i = 0; i < this.size; i++) if (!Object.is(this.data[i], other.data[i])) return false;
    return true;
  }

  /**
   * The element with this flat index, as a number: bits of float16 and bfloat16 are decoded. Negative ones count from the end. With one index
   * per axis the element that stands there.
   * @throws RangeError for an index out of range, TypeError for another number of indices
   */
  at(index: number, ...others: readonly number[]): number {
    const place = others.length === 0 ? index : this.#flat([index, ...others]);
    const raw = typeof place === 'number' ? this.data[place < 0 ? place + this.data.length : place] : undefined;
    if (raw === undefined) return this.#place(index, this.size);
    const decode = codecOf(this.dtype)?.decode;
    return decode === undefined ? raw : decode(raw);
  }

  #flat(indices: readonly number[]): number {
    if (indices.length !== this.rank) {
      throw new TypeError(`at takes one flat index, or one for each of ${this.rank} axes, not ${indices.length}`);
    }
    return this.shape.reduce((flat, n, axis) => flat * n + this.#place(indices[axis], n), 0);
  }

  /** Nested arrays of numbers, or of booleans for bool. A scalar gives the bare value. */
  toNested(): Nested {
    return nestedOf(numbersOf(this.data, this.dtype), this.shape, this.dtype);
  }

  /** For `JSON.stringify`: the nested arrays of `toNested`. JSON writes null for NaN and infinities. */
  toJSON(): Nested {
    return this.toNested();
  }

  /**
   * The items of the first axis: numbers of a vector, else Tensors without that axis, which are windows on the same data.
   * Types do not know the rank and say numbers: `for (const row of Array.from<unknown>(a) as Tensor[])` has rows.
   * @throws TypeError for a scalar
   */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    const shape = this.shape.slice(1);
    for (let i = 0; i < this.length; i++) {
      yield (this.rank === 1 ? this.at(i) : this.rows(i, i + 1).reshape(shape)) as number;
    }
  }

  /**
   * A copy of the elements from `begin` on, before `end`, in steps of `strides`, as NumPy's basic slices have it. Each is
   * a number for the first axis, or a list with an entry for each axis, where undefined stands for the default. Negative
   * places count from the end; ends beyond an axis are cut; a negative stride walks backwards. All axes stay.
   * @throws RangeError for a stride of 0 and for more entries than axes; TypeError for entries that are not whole numbers
   * @example
   * a.slice(1, 3); // NumPy's a[1:3]
   * a.slice([0, 1], [2, undefined]); // a[0:2, 1:]
   * a.slice([], [], [1, -1]); // a[:, ::-1]
   */
  slice(begin?: PerAxis, end?: PerAxis, strides?: PerAxis): Tensor {
    return this.#copyOf(slicing(this.shape, begin, end, strides));
  }

  /**
   * A copy with the axes in another order: reversed, or as `axes` lists them. Negative axes count from the last.
   * @throws RangeError unless `axes` names each axis once
   */
  transpose(axes?: readonly number[]): Tensor {
    return this.#copyOf(transposition(this.shape, axes));
  }

  #copyOf(view: Strided): Tensor {
    const out = new Tensor(this.dtype, view.shape);
    copyStrided(this.data, out.data, view);
    return out;
  }

  /**
   * A copy with another dtype, or with its own. Values convert as typed arrays do: integers wrap and lose fractions,
   * float16 and bfloat16 round once, ties to even. bool is true for all but 0.
   * @throws TypeError for an unknown dtype
   */
  astype(dtype: DType): Tensor {
    return new Tensor(dtype, this.shape, castData(this.data, this.dtype, dtype));
  }

  /**
   * A tensor of the same shape with the function's value for each element, which it gets with its flat index. Floats keep
   * their dtype, integers give float64, and values that are all booleans give bool. `dtype` asks for another.
   * @throws TypeError when the function gives anything but numbers or booleans
   */
  map(fn: ElementFunction, dtype?: DType): Tensor {
    const made = mapped(numbersOf(this.data, this.dtype), this.dtype, fn, dtype);
    return new Tensor(made.dtype, this.shape, made.data);
  }

  /**
   * True if |a − b| ≤ atol + rtol · |b| for all elements, as `numpy.allclose`. Dtypes may differ.
   * @throws ShapeError when the shapes differ
   */
  allClose(other: Tensor, options: Tolerance = {}): boolean {
    if (!sameShape(this.shape, other.shape)) {
      throw new ShapeError(`allClose compares equal shapes, not [${this.shape}] and [${other.shape}]`);
    }
    return areClose(numbersOf(this.data, this.dtype), numbersOf(other.data, other.dtype), options);
  }

  /** The sum of all elements, in double precision. */
  sum(): number;
  /**
   * The sums along an axis. Floats keep their dtype; integers and bool give float64, exact to 2⁵³.
   * @throws RangeError for an axis that the tensor does not have
   */
  sum(axis: number): Tensor;
  sum(axis?: number): number | Tensor {
    return this.#reduced('sum', axis);
  }

  /** The mean of all elements, in double precision; NaN where there are none. */
  mean(): number;
  /**
   * The means along an axis. Floats keep their dtype; integers and bool give float64.
   * @throws RangeError for an axis that the tensor does not have
   */
  mean(axis: number): Tensor;
  mean(axis?: number): number | Tensor {
    return this.#reduced('mean', axis);
  }

  /** The least element; NaN if there is one. @throws RangeError for an empty tensor */
  min(): number;
  /** The least elements along an axis, of the same dtype. @throws RangeError for an unknown or empty axis */
  min(axis: number): Tensor;
  min(axis?: number): number | Tensor {
    return this.#reduced('min', axis);
  }

  /** The largest element; NaN if there is one. @throws RangeError for an empty tensor */
  max(): number;
  /** The largest elements along an axis, of the same dtype. @throws RangeError for an unknown or empty axis */
  max(axis: number): Tensor;
  max(axis?: number): number | Tensor {
    return this.#reduced('max', axis);
  }

  /** The flat index of the least element, the first of equal ones. @throws RangeError for an empty tensor */
  argMin(): number;
  /** The places of the least elements along an axis, as int32. @throws RangeError for an unknown or empty axis */
  argMin(axis: number): Tensor;
  argMin(axis?: number): number | Tensor {
    return this.#reduced('argMin', axis);
  }

  /** The flat index of the largest element, the first of equal ones. @throws RangeError for an empty tensor */
  argMax(): number;
  /** The places of the largest elements along an axis, as int32. @throws RangeError for an unknown or empty axis */
  argMax(axis: number): Tensor;
  argMax(axis?: number): number | Tensor {
    return this.#reduced('argMax', axis);
  }

  #reduced(kind: ReductionName, given: number | undefined): number | Tensor {
    const numbers = numbersOf(this.data, this.dtype);
    if (given === undefined) return reduced(kind, numbers);
    const axis = axisOf(given, this.rank);
    const dtype = reducedDType(kind, this.dtype);
    const data = castData(reducedAlong(kind, numbers, this.shape, axis), 'float64', dtype);
    return new Tensor(dtype, [...this.shape.slice(0, axis), ...this.shape.slice(axis + 1)], data);
  }

  /** A tf.Tensor of this tfjs. The small integers become int32, other dtypes that tfjs lacks float32. */
  toTF<T>(tf: TensorFactory<T>): T {
    if (this.dtype === 'bool') return tf.tensor(this.data, [...this.shape], 'bool');
    const whole = this.dtype.includes('int') && this.dtype !== 'uint32';
    const dtype = whole ? 'int32' : 'float32';
    if (this.dtype === 'float32') return tf.tensor(this.data, [...this.shape], dtype);
    // A copy: tfjs has no such dtype.
    return tf.tensor(castData(this.data, this.dtype, dtype), [...this.shape], dtype);
  }

  // Returns an object, because Node indents the text of one within lists and objects, and no text that it is given.
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return { [INSPECT]: () => this.toString() };
  }

  /** For notebooks: the text, and an HTML table of vectors and matrices with at most 400 elements. */
  [Symbol.for('Jupyter.display')](): Record<string, string> {
    const plain = this.toString();
    return this.rank === 0 || this.rank > 2 || this.size > 400
      ? { 'text/plain': plain }
      : { 'text/plain': plain, 'text/html': table(this) };
  }

  /**
   * The text that `console.log`, the REPL and notebooks show: dtype and shape, then aligned rows as NumPy prints them, at
   * most 8 digits behind the point, and three items at each end of every axis of tensors with over 1000 elements. Whole
   * numbers have no point.
   */
  toString(): string {
    return matrixText(this);
  }
}

const WHOLE = must('a whole number', Number.isInteger);
const AXIS = ranged(
  'an axis, such as 0 or -1',
  (value) => typeof value === 'number',
  (value) => Number.isInteger(value),
);
const PER_AXIS = must(
  'a whole number, or a list with one for each axis',
  (value) => Array.isArray(value) || Number.isInteger(value),
);
const DTYPE: Check = (value) => assertDType(value);
const NOT_NEGATIVE = must('a number ≥ 0', (value) => typeof value === 'number' && value >= 0);
const TOLERANCE: Rules<Tolerance> = { rtol: NOT_NEGATIVE, atol: NOT_NEGATIVE, equalNan: FLAG };
const OTHER = must('a Tensor', (value) => value instanceof Tensor);
const isList = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);
const isAxes = (value: unknown): boolean => Array.isArray(value) && value.every(Number.isInteger);

// Not `at`, which loops call for every element: it checks by itself.
const TENSOR: Signatures<Tensor, 'at' | 'toString' | 'toJSON'> = {
  rows: takes({}, { lo: WHOLE, hi: WHOLE }),
  take: takes({ indices: must('a list of indices, such as [0, -1]', isList) }),
  reshape: takes(
    { shape: must('a list of lengths, or one length', (value) => isList(value) || Number.isInteger(value)) },
    {},
    must('a length', Number.isInteger),
  ),
  equals: takes({ other: OTHER }),
  allClose: takes({ other: OTHER }, { options: optionsOf(TOLERANCE) }),
  slice: takes({}, { begin: PER_AXIS, end: PER_AXIS, strides: PER_AXIS }),
  transpose: takes({}, { axes: must('a list of axes, such as [1, 0]', isAxes) }),
  astype: takes({ dtype: DTYPE }),
  map: takes({ fn: FUNCTION }, { dtype: DTYPE }),
  sum: takes({}, { axis: AXIS }),
  mean: takes({}, { axis: AXIS }),
  min: takes({}, { axis: AXIS }),
  max: takes({}, { axis: AXIS }),
  argMin: takes({}, { axis: AXIS }),
  argMax: takes({}, { axis: AXIS }),
  toNested: takes(),
  toTF: takes({
    tf: must('tfjs, such as the tf of an engine', (value) => typeof value === 'object' && value !== null),
  }),
};
guardCalls(Tensor.prototype, 'tensor', TENSOR);

function table(tensor: Tensor): string {
  const width = tensor.rank === 1 ? tensor.length : (tensor.shape[1] as number);
  const cells = elementTexts(tensor).map((text) => `<td>${text}</td>`);
  const rows = Array.from({ length: tensor.rank === 1 ? 1 : tensor.length }, (_, i) =>
    cells.slice(i * width, (i + 1) * width).join(''),
  );
  return `<table>${rows.map((row) => `<tr>${row}</tr>`).join('')}</table>`;
}
