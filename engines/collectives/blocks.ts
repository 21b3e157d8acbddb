import { type BigTypedArray, isBigArray, isTypedArray, type TypedArray } from '../../src/tensor/dtype.ts';
import { type Range, ranges } from '../../src/tensor/partition.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

type AnyArray = TypedArray | BigTypedArray;

/** A value that is dealt in blocks along axis 0. */
export type Dealt = AnyArray | Tensor;

/** A typed array, or a Tensor with an axis. */
export function isDealt(value: unknown): value is Dealt {
  return value instanceof Tensor ? value.rank > 0 : isTypedArray(value) || isBigArray(value);
}

/** The places of the blocks for `size` ranks, the first ones longer by one (semantics B1). */
export function blocksOf(value: Dealt, size: number): Range[] {
  return ranges(value.length, size);
}

/** Elements of one item along axis 0. */
export function widthOf(value: Dealt): number {
  return value instanceof Tensor ? sizeOf(value.shape.slice(1)) : 1;
}

/** A block: a window on the value's memory. */
export function windowOf(value: Dealt, { lo, hi }: Range): Dealt {
  return value instanceof Tensor ? value.rows(lo, hi) : value.subarray(lo, hi);
}

/** The kind of a value whose blocks join: all but the length of axis 0. */
export function kindOfBlocks(value: Dealt): string {
  if (value instanceof Tensor) return `Tensor ${value.dtype}[${['*', ...value.shape.slice(1)].join('×')}]`;
  return `${value.constructor.name}[*]`;
}

/** The parts one after the other along axis 0, of the kind of `like`: a copy. */
export function joined(like: Dealt, parts: readonly Dealt[]): Dealt {
  const items = parts.reduce((sum, part) => sum + part.length, 0);
  const out = emptyLike(like, items);
  const into = elementsIn(out);
  let at = 0;
  for (const part of parts) {
    const from = elementsIn(part);
    into.set(from as never, at);
    at += from.length;
  }
  return out;
}

function emptyLike(like: Dealt, items: number): Dealt {
  if (like instanceof Tensor) return new Tensor(like.dtype, [items, ...like.shape.slice(1)]);
  if (Buffer.isBuffer(like)) return Buffer.alloc(items);
  return new (like.constructor as new (length: number) => AnyArray)(items);
}

function elementsIn(value: Dealt): AnyArray {
  return value instanceof Tensor ? value.data : value;
}
