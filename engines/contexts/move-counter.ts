import type { MovedBytes } from './context.ts';

/** Counts the bytes that a context moves. */
export class MoveCounter {
  #uploaded = 0;
  #readBack = 0;
  #copied = 0;

  /** @param copies copies of these bytes within host memory on the way */
  up(bytes: number, copies: number): void {
    this.#uploaded += bytes;
    this.#copied += copies * bytes;
  }

  /** @param copies as `up` */
  down(bytes: number, copies: number): void {
    this.#readBack += bytes;
    this.#copied += copies * bytes;
  }

  /** The sums so far. */
  get moved(): MovedBytes {
    return { uploaded: this.#uploaded, readBack: this.#readBack, copied: this.#copied };
  }
}
