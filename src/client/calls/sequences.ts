import { isTFTensor, tensor } from '../../tensor/convert.ts';
import { type BigTypedArray, copied, isBigArray, isTypedArray, type TypedArray } from '../../tensor/dtype.ts';
import { assertDist, type Dist, everyNth, ranges } from '../../tensor/partition.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { isPlainObject } from '../../util/checks.ts';

/** Anything with a length, as scatter and map deal it out: cut without copying where a window will do. */
export type Sequence<T = unknown> = readonly T[] | TypedArray | BigTypedArray | Tensor | string;

/**
 * A value as a sequence, as `scatter` takes it: what `heldSequence` says, and the keys of a plain object.
 * @throws TypeError for what has no length, or a length without items
 */
export function sequenceOf(value: unknown): Sequence {
  const held = heldSequence(value);
  if (held !== undefined) return held;
  if (isPlainObject(value) && !(Symbol.iterator in value) && !('length' in value)) return Object.keys(value);
  throw new TypeError(
    `scatter wants something with a length (array, typed array, Tensor, string, Set, Map, object), not ${remedy(value)}`,
  );
}

/**
 * A value as a sequence, as maps take it: what `heldSequence` says, and all items of any other iterable, which is read
 * at once.
 * @throws TypeError for what cannot be iterated
 */
export function materialise(value: unknown): Sequence {
  const held = heldSequence(value);
  if (typeof held === 'string') return hasPairs(held) ? [...held] : held;
  if (held !== undefined) return held;
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  throw new TypeError(`map wants sequences or iterables, not ${remedy(value)}`);
}

/**
 * The one rule of scatter, map, imap and parallel for what has a length. Arrays give their items, a hole counts as
 * undefined. Typed arrays and Tensors give theirs along axis 0. A string gives its characters (code points). A Set gives
 * its elements, a Map (as Python's dict) its keys. Undefined for anything else.
 */
function heldSequence(value: unknown): Sequence | undefined {
  if (Array.isArray(value)) return dense(value);
  if (typeof value === 'string' || isArrayOrTensor(value)) return value;
  if (isTFTensor(value)) return tensor(value);
  if (value instanceof Map) return [...value.keys()];
  if (value instanceof Set) return [...value];
  return isIterableWithLength(value) ? [...value] : undefined;
}

/** The items of an iterable one by one, as `heldSequence` counts them; undefined for what cannot be iterated. */
export function iteratorOf(value: unknown): Iterator<unknown> | undefined {
  if (isTFTensor(value)) return itemsOf(tensor(value));
  if (value instanceof Tensor) return itemsOf(value);
  if (value instanceof Map) return value.keys();
  const isIterable =
    typeof value === 'string' || (typeof value === 'object' && value !== null && Symbol.iterator in value);
  return isIterable ? (value as Iterable<unknown>)[Symbol.iterator]() : undefined;
}

function* itemsOf(tensor: Tensor): Generator<unknown, void, undefined> {
  for (let i = 0; i < tensor.length; i++) yield itemAt(tensor, i);
}

/** Item `index`: a number, a row without the first axis, or what stands there. */
export function itemAt(sequence: Sequence, index: number): unknown {
  if (!(sequence instanceof Tensor)) return sequence[index];
  return sequence.rank === 1 ? sequence.at(index) : sequence.rows(index, index + 1).reshape(sequence.shape.slice(1));
}

/** Items that V8 holds one beside the other. Only a list with holes can be longer. */
const MAX_DENSE = 2 ** 27 - 64;

// Messages have no holes, and `flat` would close them: their places would be lost.
function dense(items: readonly unknown[]): readonly unknown[] {
  const { length } = items;
  if (length > MAX_DENSE)
    throw new RangeError(`a list of ${length} items, holes included, cannot be dealt: ${MAX_DENSE} at most`);
  for (let i = 0; i < length; i++) if (items[i] === undefined && !(i in items)) return Array.from(items);
  return items;
}

// `arguments` is one.
function isIterableWithLength(value: unknown): value is Iterable<unknown> {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) return false;
  return Number.isSafeInteger((value as { readonly length?: unknown }).length);
}

/** The value that was given in place of a sequence, and what to do. */
function remedy(value: unknown): string {
  if (typeof value !== 'object' || value === null) return kindOf(value);
  if (Symbol.asyncIterator in value) return 'an async iterable: imap reads one, or collect its items first';
  if ('length' in value) return 'an array-like object: Array.from(it) makes an array';
  return value instanceof ArrayBuffer ? 'an ArrayBuffer: new Uint8Array(it) has items' : kindOf(value);
}

/** The number of items: of a text its characters, also where one takes two code units. */
export function lengthOf(sequence: Sequence): number {
  return typeof sequence === 'string' && hasPairs(sequence) ? [...sequence].length : sequence.length;
}

const hasPairs = (text: string): boolean => /[\ud800-\udbff][\udc00-\udfff]/.test(text);

function isArrayOrTensor(value: unknown): value is TypedArray | BigTypedArray | Tensor {
  return isTypedArray(value) || isBigArray(value) || value instanceof Tensor;
}

/** The kind of a value, for messages: its class, or its primitive type. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object')
    return typeof value === 'undefined' ? 'undefined' : `${typeof value}`;
  return value.constructor?.name ?? 'object';
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
  const out = copied(sequence.subarray(0, indices.length) as TypedArray);
  for (const [to, from] of indices.entries()) out[to] = sequence[from] as number;
  return out;
}

/** The parts of `q` targets: blocks ('b') or round robin ('r'). @throws RangeError for another dist */
export function partsOf(sequence: Sequence, q: number, dist: Dist = 'b'): Sequence[] {
  assertDist(dist);
  if (typeof sequence === 'string' && hasPairs(sequence)) {
    return partsOf([...sequence], q, dist).map((letters) => (letters as string[]).join(''));
  }
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
