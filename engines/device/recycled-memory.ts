import { bytesOf, isTypedArray } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { FreeMemory } from '../contexts/host/free-memory.ts';

/** Memory of fewer bytes is not recycled. */
export const RECYCLED_BYTES: number = 128 * 1024;

/**
 * Memory of pushed values that were replaced, for the next ones of the same size: V8 collects its whole heap for each 64 MB of new
 * arrays. Only memory is used again that nobody can know: it came with a push of one name, the value is an array or tensor
 * that is all of it, and neither user code nor a verb has read the name before it was pushed again.
 */
export class RecycledMemory {
  readonly #ours = new WeakSet<ArrayBufferLike>();
  /** Values that nobody has read. */
  readonly #unread = new WeakSet<object>();
  readonly #free = new FreeMemory();

  /** Memory for a part of a push; undefined for fewer than RECYCLED_BYTES. */
  take(bytes: number): Uint8Array | undefined {
    if (bytes < RECYCLED_BYTES) return undefined;
    const memory = this.#free.take(bytes);
    this.#ours.add(memory.buffer);
    return memory;
  }

  /** A push has set one name to this value, and had no other. */
  pushed(value: unknown): void {
    const bytes = isNumbers(value) ? wholeOf(value) : undefined;
    if (bytes !== undefined && this.#ours.has(bytes.buffer)) this.#unread.add(value as object);
  }

  /** Somebody gets the value: its memory is never used again. */
  read(value: unknown): void {
    if (typeof value === 'object' && value !== null) this.#unread.delete(value);
  }

  /** Another value has taken the place of this one, which no name holds any more, and which user code has not seen. */
  replaced(value: object): void {
    if (!this.#unread.delete(value) || !isNumbers(value)) return;
    this.#free.give(bytesOfNumbers(value) as Uint8Array<ArrayBuffer>);
  }

  /** Bytes that wait for another value. */
  get bytes(): number {
    return this.#free.bytes;
  }
}

type Numbers = Tensor | Parameters<typeof bytesOf>[0];

function isNumbers(value: unknown): value is Numbers {
  return value instanceof Tensor || isTypedArray(value);
}

function bytesOfNumbers(value: Numbers): Uint8Array {
  return bytesOf(value instanceof Tensor ? value.data : value);
}

/** The bytes of a value that is all of its buffer; else undefined. */
function wholeOf(value: Numbers): Uint8Array | undefined {
  const bytes = bytesOfNumbers(value);
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : undefined;
}
