/** Bytes of free buffers that are kept: a few operands of 4096² float32. */
const KEPT_BYTES = 512 * 2 ** 20;

/**
 * Storage buffers that are free, by size. A new buffer of 64 MiB costs hundreds of milliseconds where memory is fresh; a
 * kept one costs nothing. Work that still uses a buffer is before later work in the device's one queue.
 */
export class BufferPool {
  /** Oldest first. */
  readonly #free: GPUBuffer[] = [];
  #bytes = 0;

  /** A free buffer of exactly this size, with old content; undefined when there is none. */
  take(size: number): GPUBuffer | undefined {
    const at = this.#free.findLastIndex((buffer) => buffer.size === size);
    if (at < 0) return undefined;
    this.#bytes -= size;
    return this.#free.splice(at, 1)[0];
  }

  /** Keeps a buffer that nobody uses any more; the oldest ones go where there are too many. */
  give(buffer: GPUBuffer): void {
    this.#free.push(buffer);
    this.#bytes += buffer.size;
    while (this.#bytes > KEPT_BYTES) this.#drop();
  }

  /** Frees all of them: the device has no memory left, or closes. */
  clear(): void {
    while (this.#free.length > 0) this.#drop();
  }

  #drop(): void {
    const oldest = this.#free.shift() as GPUBuffer;
    this.#bytes -= oldest.size;
    oldest.destroy();
  }
}
