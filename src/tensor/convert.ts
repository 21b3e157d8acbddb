// What users hand in, as a Tensor: nested arrays, typed arrays, tf.Tensor.
import { NotSerializableError } from '../errors.ts';
import { allocate, assertDType, type DType, dtypeOf, isTypedArray, type TypedArray } from './dtype.ts';
import { toHalf } from './float16.ts';
import { type Nested, type Shape, sizeOf, Tensor } from './tensor.ts';

/** What of tf.Tensor we read: duck-typed, so that any copy of tfjs will do. */
export interface TFTensorLike {
  readonly dtype: string;
  readonly shape: number[];
  readonly dataId: object;
  dataSync(): TypedArray;
  data?(): Promise<TypedArray>;
}

export type TensorLike = Tensor | TypedArray | Nested | TFTensorLike;

export interface TensorOptions {
  /** float64 for nested numbers when not given; the array's own for typed arrays. */
  readonly dtype?: DType;
  readonly shape?: Shape;
}

export function isTFTensor(value: unknown): value is TFTensorLike {
  return typeof value === 'object' && value !== null && 'dataId' in value && 'dataSync' in value && 'shape' in value;
}

/**
 * A Tensor of nested arrays (float64 unless `dtype` says otherwise), a typed array (1-D unless `shape` is given),
 * a tf.Tensor (read synchronously), or another Tensor.
 * @throws NotSerializableError for ragged nested arrays and elements that are not numbers
 * @throws TypeError for an unsupported dtype
 */
export function tensor(value: TensorLike, options: TensorOptions = {}): Tensor {
  if (options.dtype !== undefined) assertDType(options.dtype);
  const made = fromAny(value, options.dtype);
  const shaped = options.shape === undefined ? made : made.reshape(options.shape);
  return options.dtype === undefined || options.dtype === shaped.dtype ? shaped : cast(shaped, options.dtype);
}

function fromAny(value: TensorLike, dtype?: DType): Tensor {
  if (value instanceof Tensor) return value;
  if (isTypedArray(value)) return new Tensor(dtypeOf(value), [value.length], value);
  if (isTFTensor(value)) return fromTF(value);
  return fromNested(value, dtype ?? (firstLeaf(value) === 'boolean' ? 'bool' : 'float64'));
}

function fromTF(value: TFTensorLike): Tensor {
  const dtype = value.dtype;
  assertDType(dtype);
  return new Tensor(dtype, value.shape, value.dataSync());
}

function firstLeaf(value: Nested): string {
  let leaf: Nested | undefined = value;
  while (Array.isArray(leaf)) leaf = leaf[0];
  return typeof leaf;
}

/** @throws NotSerializableError when rows have different lengths or an element is no number */
function fromNested(value: Nested, dtype: DType): Tensor {
  const shape = shapeOf(value);
  const out = new Tensor(dtype, shape, allocate(dtype, sizeOf(shape)));
  fill(value, shape, 0, out, { next: 0 });
  return out;
}

function shapeOf(value: Nested): number[] {
  const shape: number[] = [];
  for (let level: Nested | undefined = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
}

function fill(value: Nested, shape: Shape, axis: number, out: Tensor, cursor: { next: number }): void {
  if (axis === shape.length) {
    out.data[cursor.next++] = element(value, out.dtype);
    return;
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    const got = Array.isArray(value) ? `${value.length} items` : typeof value;
    throw new NotSerializableError(`ragged nested array: ${got} where axis ${axis} has ${shape[axis]} items`);
  }
  for (const item of value) fill(item, shape, axis + 1, out, cursor);
}

function element(value: Nested, dtype: DType): number {
  if (Array.isArray(value)) throw new NotSerializableError('ragged nested array: a list where a number is expected');
  if (typeof value !== 'number' && typeof value !== 'boolean') {
    throw new NotSerializableError(`a tensor holds numbers, not ${typeof value}`);
  }
  if (dtype === 'bool') return value ? 1 : 0;
  return dtype === 'float16' ? toHalf(Number(value)) : Number(value);
}

/** A copy with another element type; values convert as typed arrays do (integers wrap, float16 rounds to even). */
export function cast(from: Tensor, dtype: DType): Tensor {
  const out = new Tensor(dtype, from.shape);
  for (let i = 0; i < from.size; i++) out.data[i] = element(from.at(i), dtype);
  return out;
}

/** The whole numbers `0 … n-1`, or `from … to-1` by `step`: an Array, as Python's range. */
export function range(from: number, to?: number, step = 1): number[] {
  const lo = to === undefined ? 0 : from;
  const hi = to ?? from;
  if (step === 0 || ![lo, hi, step].every(Number.isInteger)) {
    throw new RangeError(`range wants whole numbers and a step that is not 0, not (${lo}, ${hi}, ${step})`);
  }
  return Array.from({ length: Math.max(0, Math.ceil((hi - lo) / step)) }, (_, i) => lo + i * step);
}
