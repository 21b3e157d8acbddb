import type { BigTypedArray, TypedArray } from '../../tensor/dtype.ts';

/** Below this (bytes) a copy is cheaper than the bookkeeping. */
const WORTHWHILE = 1 << 20;

/**
 * One piece of memory that the parts of a gather arrive in, each at its place, so that joining them copies nothing.
 * Fresh memory costs a page fault per 4 KiB: parts first and then the whole would pay twice.
 */
export class Arena {
  readonly #offsets: readonly number[];
  readonly #sizes: readonly number[];
  readonly #total: number;
  #memory: Uint8Array | undefined;

  /** `sizes`: the bytes of each part, in order. */
  constructor(sizes: readonly number[]) {
    let total = 0;
    this.#offsets = sizes.map((bytes) => {
      total += bytes;
      return total - bytes;
    });
    this.#sizes = sizes;
    this.#total = total;
  }

  /** Is all of it large enough to be worth having? */
  get worthwhile(): boolean {
    return this.#total >= WORTHWHILE;
  }

  /** The place of part `index`; undefined when it has not the size that was expected. */
  slot(index: number, bytes: number): Uint8Array | undefined {
    if (bytes === 0 || bytes !== this.#sizes[index]) return undefined;
    const at = this.#offsets[index] as number;
    this.#memory ??= Buffer.allocUnsafeSlow(this.#total);
    return this.#memory.subarray(at, at + bytes);
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
