import type { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor, GpuContext } from '../contexts/context.ts';

/** True for a tensor of a GpuContext. */
export function isDeviceTensor(value: unknown): value is DeviceTensor {
  return typeof value === 'object' && value !== null && 'toHost' in value && 'free' in value;
}

/** Device copies of tensors in the namespace: uploaded at first use, kept until the tensor goes or user code runs. */
export class Residency {
  readonly #copies = new Map<Tensor, DeviceTensor>();

  /** The device copy of a tensor that a name holds; the first call uploads it. */
  upload(tensor: Tensor, context: GpuContext): DeviceTensor {
    const known = this.#copies.get(tensor);
    if (known !== undefined) return known;
    const copy = context.upload(tensor);
    this.#copies.set(tensor, copy);
    return copy;
  }

  /** Frees the copy of a value that no name holds any more. */
  release(value: unknown): void {
    const copy = this.#copies.get(value as Tensor);
    this.#copies.delete(value as Tensor);
    copy?.free();
  }

  /** Frees all copies: user code may have written into any tensor. */
  clear(): void {
    for (const copy of this.#copies.values()) copy.free();
    this.#copies.clear();
  }

  /** Bytes of the value's copy on the device; 0 when there is none. */
  bytesOf(value: unknown): number {
    return this.#copies.get(value as Tensor)?.byteLength ?? 0;
  }
}
