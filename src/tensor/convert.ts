import { ANYTHING, type Check, must, optionsOf, type Rules, shown } from '../util/checks.ts';
import { guarded, takes } from '../util/signature.ts';
import { castData } from './cast.ts';
import { assertDType, type DType, dtypeOf, isTypedArray, type TypedArray } from './dtype.ts';
import { flattened, type Nested, nestedShape } from './nested.ts';
import type { Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** The part of tf.Tensor that is read: any copy of tfjs will do. */
export interface TFTensorLike {
  readonly dtype: string;
  readonly shape: number[];
  readonly dataId: object;
  dataSync(): TypedArray;
  /** The webgpu backend of tfjs reads in no other way. */
  data?(): Promise<TypedArray>;
}

/** The module tfjs, of any copy. Only what tells it from other values is typed. */
export interface TFLike {
  tensor(data: TypedArray, shape: number[], dtype: 'float32'): TFTensorLike;
  getBackend(): string;
}

/** A value that `tensor` takes: a Tensor, a tf.Tensor, a typed array, or nested arrays of numbers. */
export type TensorLike = Tensor | TypedArray | Nested | TFTensorLike;

/** Options of `tensor`. */
export interface TensorOptions {
  /** Default: float64 for nested numbers, bool where all of them are booleans, the array's own for typed arrays. */
  readonly dtype?: DType | undefined;
  /** Default: the nesting of arrays; [length] for a typed array. One length may be −1: it follows from the others. */
  readonly shape?: Shape | undefined;
}

const DTYPE: Check = (value) => assertDType(value);
const SHAPE: Check = must('a list of whole numbers such as [2, 3]', Array.isArray);
const TENSOR_OPTIONS: Rules<TensorOptions> = { dtype: DTYPE, shape: SHAPE };

// As tf.tensor has it: a list is the shape.
const SHAPE_OR_OPTIONS = optionsOf(TENSOR_OPTIONS, (value, where) => {
  if (Array.isArray(value)) return true;
  if (typeof value === 'object') return false;
  if (typeof value !== 'string') throw new TypeError(`${where}: shape is a list such as [2, 3], not ${shown(value)}`);
  throw new TypeError(`${where}(values, shape, dtype): the dtype is the third, or an option: { dtype: '${value}' }`);
});

/** The function `tensor`. */
export interface TensorFunction {
  /** By options. */
  (value: TensorLike, options?: TensorOptions): Tensor;
  /** As tf.tensor: the shape (undefined: the values' own), then the dtype. */
  (value: TensorLike, shape: Shape | undefined, dtype?: DType): Tensor;
}

const TENSOR = takes({ value: ANYTHING }, { shape: SHAPE_OR_OPTIONS, dtype: DTYPE });

/** True if a value is a tf.Tensor, of any copy of tfjs. */
export function isTFTensor(value: unknown): value is TFTensorLike {
  return typeof value === 'object' && value !== null && 'dataId' in value && 'dataSync' in value && 'shape' in value;
}

/**
 * A Tensor of nested arrays, of a typed array, of a tf.Tensor (read synchronously), or of another Tensor. Typed arrays
 * and Tensors are not copied unless their dtype changes. Values convert as typed arrays do: integers wrap, float16
 * and bfloat16 round to the nearest (ties to even).
 * Numbers and booleans side by side are numbers: true is 1.
 * @throws NotSerializableError for ragged nested arrays and elements that are not numbers
 * @throws TypeError for an unknown dtype or option; ShapeError when the shape and the number of elements differ
 * @example
 * tensor([[1, 2], [3, 4]]); // float64 [2, 2]
 * tensor(new Float32Array(6), { shape: [2, 3] }); // float32, the same memory
 * tensor([1, 0.1], { dtype: 'float16' });
 * tensor([1, 2, 3, 4], [2, 2], 'int32'); // as tf.tensor
 */
export const tensor: TensorFunction = guarded('tensor', TENSOR, newTensor);

function newTensor(value: TensorLike, given?: TensorOptions | Shape, dtype?: DType): Tensor {
  if (given === undefined || isShape(given)) return fromOptions(value, { shape: given, dtype });
  if (dtype === undefined) return fromOptions(value, given);
  throw new TypeError('tensor takes a dtype behind the shape, or options, not both: tensor(values, { shape, dtype })');
}

function isShape(given: TensorOptions | Shape): given is Shape {
  return Array.isArray(given);
}

function fromOptions(value: TensorLike, options: TensorOptions): Tensor {
  const made = fromAny(value, options.dtype);
  const shaped = options.shape === undefined ? made : made.reshape(options.shape);
  return options.dtype === undefined || options.dtype === shaped.dtype ? shaped : cast(shaped, options.dtype);
}

function fromAny(value: TensorLike, dtype?: DType): Tensor {
  if (value instanceof Tensor) return value;
  if (isTypedArray(value)) return new Tensor(dtypeOf(value), [value.length], value);
  if (isTFTensor(value)) return fromTF(value);
  return fromNested(value, dtype ?? (isTruth(value) ? 'bool' : 'float64'));
}

function fromTF(value: TFTensorLike): Tensor {
  const dtype = value.dtype;
  assertDType(dtype);
  return new Tensor(dtype, value.shape, value.dataSync());
}

/** Are all leaves booleans, and is there one? */
function isTruth(value: Nested): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every(isTruth) : typeof value === 'boolean';
}

function fromNested(value: Nested, dtype: DType): Tensor {
  const shape = nestedShape(value);
  return new Tensor(dtype, shape, flattened(value, shape, dtype));
}

/** A copy with another dtype. Values convert as in `tensor`. */
export function cast(from: Tensor, dtype: DType): Tensor {
  return new Tensor(dtype, from.shape, castData(from.data, from.dtype, dtype));
}

/**
 * The whole numbers of Python's range, as an Array: from 0 to n − 1, or from `from` to `to` − 1 by `step`.
 * @throws RangeError for fractions, a step of 0, and more numbers than an Array holds
 * @example
 * range(4); // [0, 1, 2, 3]
 * range(8, 0, -2); // [8, 6, 4, 2]
 */
export function range(from: number, to?: number, step?: number): number[];
export function range(from: number, to?: number, step = 1, ...surplus: readonly unknown[]): number[] {
  // In itself, because it travels to engines as source text.
  if (surplus.length > 0) throw new TypeError('range takes 3 at most (from, to, step)');
  const lo = to === undefined ? 0 : from;
  const hi = to ?? from;
  if (step === 0 || ![lo, hi, step].every(Number.isInteger)) {
    throw new RangeError(`range wants whole numbers and a step that is not 0, not (${lo}, ${hi}, ${step})`);
  }
  const length = Math.max(0, Math.ceil((hi - lo) / step));
  // V8's longest array without holes; a longer one ends the process.
  if (length > 2 ** 27 - 64) throw new RangeError(`range of ${length} numbers: an Array holds ${2 ** 27 - 64} at most`);
  return Array.from({ length }, (_, i) => lo + i * step);
}
