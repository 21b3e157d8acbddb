import { isTFTensor, type TFTensorLike } from '../../src/tensor/convert.ts';
import { isTypedArray, type TypedArray } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** Digits that a float32 holds. */
const DIGITS = 7;

/**
 * The value as JSON can hold it: tensors and typed arrays become arrays, float32 numbers lose the digits that they do
 * not have, and numbers that are not finite become null.
 */
export async function plain(value: unknown): Promise<unknown> {
  const tensors = new Set<TFTensorLike>();
  collect(value, tensors);
  // A device reads asynchronously where it can.
  const read = [...tensors].map(
    async (one) => [one, await (one.data === undefined ? one.dataSync() : one.data())] as const,
  );
  return converted(value, new Map(await Promise.all(read)));
}

type Read = ReadonlyMap<TFTensorLike, TypedArray>;

function collect(value: unknown, tensors: Set<TFTensorLike>): void {
  if (isTFTensor(value)) tensors.add(value);
  else if (isParent(value)) for (const item of Object.values(value)) collect(item, tensors);
}

/** An array or object whose elements may be tensors; long lists of numbers are not looked through. */
function isParent(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Tensor || isTypedArray(value)) return false;
  return !Array.isArray(value) || typeof value[0] === 'object';
}

function converted(value: unknown, read: Read): unknown {
  if (typeof value === 'number') return finite(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (isTFTensor(value)) return nested(new Tensor('float32', value.shape, Float32Array.from(read.get(value) ?? [])));
  if (value instanceof Tensor) return nested(value);
  if (isTypedArray(value)) return Array.from(value as ArrayLike<number>, short(value));
  if (Array.isArray(value)) return value.map((item) => converted(item, read));
  const fields = Object.entries(value).filter(([, field]) => field !== undefined && typeof field !== 'function');
  return Object.fromEntries(fields.map(([key, field]) => [key, converted(field, read)]));
}

const finite = (value: number) => (Number.isFinite(value) ? value : null);

const short = (values: object) => (value: number) =>
  values instanceof Float32Array ? finite(Number(value.toPrecision(DIGITS))) : finite(Number(value));

function nested(tensor: Tensor): unknown {
  const round = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(round) : typeof value === 'number' ? short(tensor.data)(value) : value;
  return round(tensor.toNested());
}
