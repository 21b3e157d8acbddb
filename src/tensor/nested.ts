import { NotSerializableError } from '../errors.ts';
import { allocate, type DType, type TypedArray } from './dtype.ts';
import { codecOf } from './floats/stored-bits.ts';
import { type Shape, sizeOf } from './shape.ts';

/** A number, or nested arrays of numbers. */
export type Nested = number | boolean | Nested[];

/** The lengths that the first items of each level have. */
export function nestedShape(value: Nested): number[] {
  const shape: number[] = [];
  for (let level: Nested | undefined = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
}

/** The elements in row-major order. @throws NotSerializableError for ragged lists and what is not a number */
export function flattened(value: Nested, shape: Shape, dtype: DType): TypedArray {
  const out = allocate(dtype, sizeOf(shape));
  // Elements that are stored as bits are rounded at the end, in one loop.
  const encode = codecOf(dtype)?.encode;
  const numbers = encode === undefined ? out : new Float64Array(out.length);
  const put = { shape, numbers, isBool: dtype === 'bool' };
  if (shape.length === 0) numbers[0] = element(value, put.isBool);
  else fill(put, value, 0, 0);
  if (encode !== undefined) for (let i = 0; i < out.length; i++) out[i] = encode(numbers[i] as number);
  return out;
}

interface Put {
  readonly shape: Shape;
  readonly numbers: TypedArray;
  readonly isBool: boolean;
}

/** Stores one list from place `next` on; returns the place behind it. */
function fill(put: Put, value: Nested, axis: number, next: number): number {
  if (!Array.isArray(value) || value.length !== put.shape[axis]) throw ragged(value, put.shape, axis);
  if (axis === put.shape.length - 1) return fillRow(put, value, next);
  let place = next;
  for (let i = 0; i < value.length; i++) place = fill(put, value[i] as Nested, axis + 1, place);
  return place;
}

function fillRow({ numbers, isBool }: Put, row: readonly Nested[], next: number): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i] as Nested;
    numbers[next + i] = typeof value === 'number' && !isBool ? value : element(value, isBool);
  }
  return next + row.length;
}

function element(value: Nested, isBool: boolean): number {
  if (Array.isArray(value)) throw new NotSerializableError('ragged nested array: a list where a number is expected');
  if (typeof value !== 'number' && typeof value !== 'boolean') {
    throw new NotSerializableError(`a tensor holds numbers, not ${typeof value}`);
  }
  // As NumPy: all but 0 is true.
  return isBool ? Number(Number(value) !== 0) : Number(value);
}

function ragged(value: unknown, shape: Shape, axis: number): NotSerializableError {
  const got = Array.isArray(value) ? `${value.length} items` : typeof value;
  return new NotSerializableError(`ragged nested array: ${got} where axis ${axis} has ${shape[axis]} items`);
}

/** Numbers in row-major order as nested lists, or as booleans for bool; the bare value of a scalar. */
export function nestedOf(numbers: TypedArray, shape: Shape, dtype: DType): Nested {
  const values = { numbers, isBool: dtype === 'bool' };
  if (shape.length === 0) return row(values, 0, 1)[0] as Nested;
  return rowsOf(values, shape, 0, 0, sizeOf(shape));
}

interface Values {
  readonly numbers: TypedArray;
  readonly isBool: boolean;
}

/** The list that starts at `start` and has `size` elements in all. */
function rowsOf(values: Values, shape: Shape, axis: number, start: number, size: number): Nested[] {
  const n = shape[axis] as number;
  if (axis === shape.length - 1) return row(values, start, n);
  const out = new Array<Nested>(n);
  for (let i = 0; i < n; i++) out[i] = rowsOf(values, shape, axis + 1, start + (i * size) / n, size / n);
  return out;
}

// Loops into arrays of known length: Array.from takes ten times as long.
function row({ numbers, isBool }: Values, start: number, n: number): Nested[] {
  const out = new Array<number | boolean>(n);
  if (isBool) for (let i = 0; i < n; i++) out[i] = numbers[start + i] !== 0;
  else for (let i = 0; i < n; i++) out[i] = numbers[start + i] as number;
  return out;
}
