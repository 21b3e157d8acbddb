import { FreeMemory } from './free-memory.ts';

/** Smaller operands get memory of their own. */
const LEAST_BYTES = 1 << 20;

/**
 * Memory for operands that an engine receives and multiplies on the host, used again after each product. V8 collects its
 * whole heap for each 64 MB of new arrays: for every second product of two 2048 × 2048 matrices.
 */
export class OperandMemory {
  readonly #free = new FreeMemory();
  /** The memory of operands that are here. */
  readonly #used = new WeakSet<ArrayBufferLike>();

  /** Memory of exactly so many bytes, with undefined content; undefined for small operands. */
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (bytes < LEAST_BYTES) return undefined;
    const memory = this.#free.take(bytes);
    this.#used.add(memory.buffer);
    return memory;
  }

  /** Takes the memory of values back that nobody reads any more. Values elsewhere: nothing. */
  release({ buffer }: ArrayBufferView): void {
    if (this.#used.delete(buffer)) this.#free.give(new Uint8Array(buffer as ArrayBuffer));
  }

  /** Bytes that wait for another operand. */
  get bytes(): number {
    return this.#free.bytes;
  }
}
