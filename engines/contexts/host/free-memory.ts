import { clearTimeout, setTimeout } from 'node:timers';
import { largeBuffer } from '../../../src/util/system/huge-pages.ts';

/** Bytes that wait for another value. */
const MOST_BYTES = 1 << 28;
/** Milliseconds that they wait. */
const KEPT_MS = 5000;

/** Memory that nobody uses any more, for the next value of exactly its size. Its content is undefined. */
export class FreeMemory {
  #free: Uint8Array<ArrayBuffer>[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Memory of exactly so many bytes. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#free.findIndex(({ byteLength }) => byteLength === bytes);
    const [found] = at < 0 ? [] : this.#free.splice(at, 1);
    return found ?? largeBuffer(bytes);
  }

  /** Takes memory that nobody reads or writes; what is too much is left to the garbage collector. */
  give(memory: Uint8Array<ArrayBuffer>): void {
    if (this.bytes + memory.byteLength > MOST_BYTES) return;
    this.#free.push(memory);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drop(), KEPT_MS).unref();
  }

  /** Bytes that wait for another value. */
  get bytes(): number {
    return this.#free.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  #drop(): void {
    this.#free = [];
  }
}
