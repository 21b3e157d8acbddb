import { ShapeError } from '../../../errors.ts';
import { assertLayout, layoutOf, layoutText, type ValueLayout } from '../../../protocol/values/value-layout.ts';
import { type BigTypedArray, copied, type TypedArray } from '../../../tensor/dtype.ts';
import { type Dist, type Range, ranges } from '../../../tensor/partition.ts';
import { Tensor } from '../../../tensor/tensor.ts';
import type { ReceiveBuffer } from '../../options.ts';
import { paste } from '../gathering.ts';

type AnyArray = TypedArray | BigTypedArray;

/** Windows of memory that calls are going to write into, in bytes, by their buffers. */
const claims = new WeakMap<ArrayBufferLike, readonly Range[]>();

/**
 * Reserves memory for a call until the returned function is called.
 * @throws TypeError where another call has reserved some of it
 */
export function claim(array: ArrayBufferView, what: string): () => void {
  const { buffer } = array;
  const own = windowOf(array);
  const others = claims.get(buffer) ?? [];
  if (others.some((other) => meet(own, other)))
    throw new TypeError(`${what}: another call writes into this memory, and has not ended: await its result before`);
  claims.set(buffer, [...others, own]);
  return () => {
    claims.set(
      buffer,
      (claims.get(buffer) ?? []).filter((one) => one !== own),
    );
  };
}

/** Do two arrays share memory? */
export function overlap(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return a.buffer === b.buffer && meet(windowOf(a), windowOf(b));
}

const meet = (a: Range, b: Range): boolean => a.lo < b.hi && b.lo < a.hi;

const windowOf = ({ byteOffset: lo, byteLength }: ArrayBufferView): Range => ({ lo, hi: lo + byteLength });

/** The elements of a receive buffer. */
export const dataOf = (into: ReceiveBuffer): AnyArray => (into instanceof Tensor ? into.data : into);

/** The parts that will come, as far as the client knows. */
export interface ExpectedParts {
  readonly count: number;
  /** The layout of each. */
  readonly layout: ValueLayout;
  readonly dist?: Dist | undefined;
  /** Bytes of each part, if they have been seen before. A wrong guess costs a copy, nothing else. */
  readonly sizes?: readonly number[] | undefined;
}

/** A receive buffer at work: where each part arrives, and what is put into its place at the end. */
export class ReceiveArea {
  readonly #into: ReceiveBuffer;
  readonly #data: AnyArray;
  /** The place of each part; none where rows are dealt round robin to several. */
  readonly #places: readonly Range[];
  readonly #dist: Dist;
  readonly #layout: ValueLayout;
  readonly #bytes: number;

  constructor(into: ReceiveBuffer, { count, layout, dist = 'b', sizes }: ExpectedParts) {
    this.#into = into;
    this.#data = dataOf(into);
    this.#bytes = this.#data.byteLength;
    this.#layout = layout;
    this.#dist = count === 1 ? 'b' : dist;
    this.#places = this.#dist === 'r' ? [] : this.#guess(count, sizes);
  }

  #guess(count: number, sizes: readonly number[] | undefined): readonly Range[] {
    if (sizes?.length === count && sizes.reduce((a, b) => a + b, 0) === this.#bytes) return stacked(sizes);
    if (count === 1) return [{ lo: 0, hi: this.#bytes }];
    const rows = this.#into.length;
    const width = rows === 0 ? 0 : this.#bytes / rows;
    return ranges(rows, count).map(({ lo, hi }) => ({ lo: lo * width, hi: hi * width }));
  }

  /** The place of a part of so many bytes; undefined where it has none, or the memory is gone. */
  place(index: number, bytes: number): Uint8Array | undefined {
    const place = this.#places[index];
    if (place === undefined || bytes === 0 || place.hi - place.lo !== bytes || !this.#isThere) return undefined;
    return new Uint8Array(this.#data.buffer, this.#data.byteOffset + place.lo, bytes);
  }

  // A buffer that was transferred, or made shorter, leaves views without bytes.
  get #isThere(): boolean {
    return this.#data.byteLength === this.#bytes;
  }

  /**
   * Puts the parts that arrived elsewhere into their places. `engines` names them in errors.
   * @throws TypeError, ShapeError for parts that do not fit, or memory that is gone
   */
  fill(parts: readonly unknown[], engines: readonly number[]): ReceiveBuffer {
    if (!this.#isThere) throw new TypeError('the buffer of into was transferred away before the values had arrived');
    for (const [i, part] of parts.entries()) assertLayout(part, this.#layout, `the part of engine ${engines[i]}`);
    const arrays = (parts as ReceiveBuffer[]).map(dataOf);
    const total = arrays.reduce((n, part) => n + part.length, 0);
    if (total !== this.#data.length) throw new ShapeError(this.#misfit(parts as ReceiveBuffer[]));
    if (this.#dist === 'r')
      paste(this.#data as TypedArray, arrays as TypedArray[], total / Math.max(1, this.#into.length), 'r');
    else this.#move(arrays);
    return this.#into;
  }

  #misfit(parts: readonly ReceiveBuffer[]): string {
    const lengths = parts.map(({ length }) => length).join(' + ');
    return `the parts have ${lengths} rows, and into is a ${layoutText(layoutOf(this.#into) as ValueLayout)}`;
  }

  // Copies: of parts that came in one packet with others, and of those whose size nobody could guess. A part that arrived at
  // a wrong place must not be overwritten by another one.
  #move(parts: readonly AnyArray[]): void {
    const { buffer, byteOffset, BYTES_PER_ELEMENT } = this.#data;
    let next = 0;
    const moves = parts.flatMap((part) => {
      const to = next;
      next += part.length;
      if (part.buffer !== buffer) return [{ part, to }];
      const isThere = part.byteOffset === byteOffset + to * BYTES_PER_ELEMENT;
      return isThere ? [] : [{ part: copied(part), to }];
    });
    for (const { part, to } of moves) (this.#data as TypedArray).set(part as TypedArray, to);
  }
}

function stacked(sizes: readonly number[]): readonly Range[] {
  let next = 0;
  return sizes.map((bytes) => {
    next += bytes;
    return { lo: next - bytes, hi: next };
  });
}

/** The layout of each part of a gather into this buffer: any number of rows. @throws TypeError for a scalar */
export function partLayout(into: ReceiveBuffer): ValueLayout {
  const { shape, ...rest } = layoutOf(into) as ValueLayout;
  if (shape.length === 0) throw new TypeError('gather: into is a scalar Tensor, and joined parts have a first axis');
  return { ...rest, shape: [null, ...shape.slice(1)] };
}
