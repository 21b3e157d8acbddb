import { Uniforms } from './uniforms.ts';

/** Where a kernel reads its sizes: among the immediates of its pass, or in a uniform buffer. */
export type SizesPlace = 'immediate' | 'uniform';

/** The most words that one of our kernels reads. */
const MOST_WORDS = 9;

/** WGSL: declares `sizes`, of the struct Sizes that the text has. @param binding that of the buffer, if it is one */
export function declareSizes(place: SizesPlace, binding: number): string {
  return place === 'immediate'
    ? 'var<immediate> sizes: Sizes;'
    : `@group(0) @binding(${binding}) var<uniform> sizes: Sizes;`;
}

/**
 * Tells kernels their sizes. Immediates travel with the commands of the pass: nothing is allocated, written or bound. Devices
 * without them get uniform buffers, each written once.
 */
export class KernelSizes {
  readonly place: SizesPlace;
  readonly #uniforms: Uniforms;

  /** @param immediateBytes less than the device has: tests take them away so */
  constructor(device: GPUDevice, immediateBytes: number | undefined = device.limits.maxImmediateSize) {
    // Undefined: a version of WebGPU that knows no immediates.
    this.place = (immediateBytes ?? 0) >= 4 * MOST_WORDS ? 'immediate' : 'uniform';
    this.#uniforms = new Uniforms(device);
  }

  /** Sets the 32-bit words for the next dispatch. Gives the entry for its bind group, where they lie in a buffer. */
  set(pass: GPUComputePassEncoder, binding: number, words: readonly number[]): GPUBindGroupEntry[] {
    if (this.place === 'uniform') return [{ binding, resource: { buffer: this.#uniforms.of(words) } }];
    pass.setImmediates(0, Uint32Array.from(words));
    return [];
  }

  /** Frees buffers that were not used for long. Call it after a submission. */
  trim(): void {
    this.#uniforms.trim();
  }
}
