/** Contents that are kept: a program multiplies few shapes at a time. */
const KEPT = 64;

/**
 * Uniform buffers of a few 32-bit words, each written once: a product of a known shape makes and writes none. Their contents
 * never change, so that work which has been submitted may still read them.
 */
export class Uniforms {
  readonly #device: GPUDevice;
  /** By their words; the one that was used last is the last one. */
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer of these words. It stays valid until `trim`. */
  of(words: readonly number[]): GPUBuffer {
    const key = words.join();
    const buffer = this.#buffers.get(key) ?? this.#written(words);
    this.#buffers.delete(key);
    this.#buffers.set(key, buffer);
    return buffer;
  }

  /** Frees those that were not used for long. Call it after a submission: Dawn keeps what submitted work reads. */
  trim(): void {
    for (const [key, buffer] of this.#buffers) {
      if (this.#buffers.size <= KEPT) return;
      this.#buffers.delete(key);
      buffer.destroy();
    }
  }

  #written(words: readonly number[]): GPUBuffer {
    const size = Math.ceil(words.length / 4) * 16;
    const buffer = this.#device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM, mappedAtCreation: true });
    new Uint32Array(buffer.getMappedRange()).set(words);
    buffer.unmap();
    return buffer;
  }
}
