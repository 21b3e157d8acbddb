import { isTFTensor, tensor } from '../../tensor/convert.ts';
import { type BigTypedArray, isBigArray, isTypedArray, type TypedArray } from '../../tensor/dtype.ts';
import { assertDist, type Dist, everyNth, ranges } from '../../tensor/partition.ts';
import { Tensor } from '../../tensor/tensor.ts';

/** Anything with a length, as scatter and map deal it out: cut without copying where a window will do. */
export type Sequence<T = unknown> = readonly T[] | TypedArray | BigTypedArray | Tensor | string;

/** A value as a sequence: Sets, Maps and plain objects give their elements or keys. @throws TypeError without a length */
export function sequenceOf(value: unknown): Sequence {
  if (Array.isArray(value) || typeof value === 'string' || isArrayOrTensor(value)) return value;
  if (isTFTensor(value)) return tensor(value);
  if (value instanceof Set) return [...value];
  if (value instanceof Map) return [...value.keys()];
  if (isPlainObject(value)) return Object.keys(value);
  throw new TypeError(
    `scatter wants something with a length (array, typed array, Tensor, string, Set, Map, object), not ${kindOf(value)}`,
  );
}

function isArrayOrTensor(value: unknown): value is TypedArray | BigTypedArray | Tensor {
  return isTypedArray(value) || isBigArray(value) || value instanceof Tensor;
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Symbol.iterator in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The kind of a value, for messages: its class, or its primitive type. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object')
    return typeof value === 'undefined' ? 'undefined' : `${typeof value}`;
  return value.constructor?.name ?? 'object';
}

/** Any iterable as a sequence: map materialises iterators. @throws TypeError for what cannot be iterated */
export function materialise(value: unknown): Sequence {
  if (typeof value === 'string' || Array.isArray(value) || isArrayOrTensor(value)) return value;
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  throw new TypeError(`map wants sequences or iterables, not ${kindOf(value)}`);
}

/** Items `lo` to `hi`: a window for arrays that have one, a copy for Arrays. */
export function window(sequence: Sequence, lo: number, hi: number): Sequence {
  if (sequence instanceof Tensor) return sequence.rows(lo, hi);
  if (isTypedArray(sequence) || isBigArray(sequence)) return sequence.subarray(lo, hi);
  return sequence.slice(lo, hi);
}

function pick(sequence: Sequence, indices: readonly number[]): Sequence {
  if (sequence instanceof Tensor) return sequence.take(indices);
  if (typeof sequence === 'string') return indices.map((i) => sequence[i]).join('');
  if (Array.isArray(sequence)) return indices.map((i) => sequence[i]);
  return pickTyped(sequence as TypedArray, indices);
}

// A copy: every nth element does not make a window.
function pickTyped(sequence: TypedArray, indices: readonly number[]): TypedArray {
  const out = sequence.slice(0, indices.length);
  for (const [to, from] of indices.entries()) out[to] = sequence[from] as number;
  return out;
}

/** The parts of `q` targets: blocks ('b') or round robin ('r'). @throws RangeError for another dist */
export function partsOf(sequence: Sequence, q: number, dist: Dist = 'b'): Sequence[] {
  assertDist(dist);
  const n = sequence.length;
  if (dist === 'b') return ranges(n, q).map(({ lo, hi }) => window(sequence, lo, hi));
  return Array.from({ length: q }, (_, p) => pick(sequence, everyNth(n, q, p)));
}

/** A part of exactly one item as that item; other lengths stay. */
export function flattenPart(part: Sequence): unknown {
  if (part.length !== 1) return part;
  if (!(part instanceof Tensor)) return part[0];
  return part.rank === 1 ? part.at(0) : part.reshape(part.shape.slice(1));
}
