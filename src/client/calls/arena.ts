import type { BigTypedArray, TypedArray } from '../../tensor/dtype.ts';
import { largeBuffer } from '../../util/system/huge-pages.ts';

/** Below this (bytes) a copy is cheaper than the bookkeeping. */
const WORTHWHILE = 1 << 18;
/** Bytes at most that are reserved for parts of which only one has told its size. */
const MOST_GUESSED = 4 * 2 ** 30;

/**
 * One piece of memory that the parts of a gather arrive in, each at its place, so that joining them copies nothing.
 * Fresh memory costs a page fault per 4 KiB: parts first and then the whole would pay twice.
 */
export class Arena {
  #offsets: readonly number[] = [];
  #sizes: readonly number[] = [];
  #total = 0;
  #memory: Uint8Array | undefined;
  /** How many parts there are, until the first one tells their sizes. */
  #count: number | undefined;

  /** `sizes`: the bytes of each part, in order; or how many parts there are, which are expected to be equal. */
  constructor(sizes: readonly number[] | number) {
    if (typeof sizes === 'number') this.#count = sizes;
    else this.#lay(sizes);
  }

  #lay(sizes: readonly number[]): void {
    this.#count = undefined;
    this.#offsets = sizes.map((bytes) => {
      this.#total += bytes;
      return this.#total - bytes;
    });
    this.#sizes = sizes;
  }

  /** Is all of it large enough to be worth having? */
  get worthwhile(): boolean {
    return this.#total >= WORTHWHILE;
  }

  /** The place of part `index`; undefined when it has not the size that was expected. */
  slot(index: number, bytes: number): Uint8Array | undefined {
    if (this.#count !== undefined) this.#guess(this.#count, bytes);
    if (bytes === 0 || bytes !== this.#sizes[index]) return undefined;
    const at = this.#offsets[index] as number;
    this.#memory ??= largeBuffer(this.#total);
    return this.#memory.subarray(at, at + bytes);
  }

  // Pages that nothing is written to cost nothing. Still, one huge part among small ones must not reserve what no machine has.
  #guess(count: number, bytes: number): void {
    this.#count = undefined;
    const total = count * bytes;
    if (total >= WORTHWHILE && total <= MOST_GUESSED) this.#lay(Array.from({ length: count }, () => bytes));
  }
}

/** The arrays as one window, without a copy, where they lie one after the other in the same memory. */
export function asOne<A extends TypedArray | BigTypedArray>(parts: readonly A[]): A | undefined {
  const [first] = parts;
  if (first === undefined || parts.length < 2) return undefined;
  let end = first.byteOffset;
  for (const part of parts) {
    if (part.buffer !== first.buffer || part.byteOffset !== end) return undefined;
    end += part.byteLength;
  }
  const length = (end - first.byteOffset) / first.BYTES_PER_ELEMENT;
  if (Buffer.isBuffer(first)) return Buffer.from(first.buffer, first.byteOffset, length) as TypedArray as A;
  const kind = first.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => A;
  return new kind(first.buffer, first.byteOffset, length);
}
