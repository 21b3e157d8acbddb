import { ContextError } from '../../../src/errors.ts';
import { bytesOf, type DType, viewAs } from '../../../src/tensor/dtype.ts';
import type { Shape } from '../../../src/tensor/shape.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { MoveCounter } from '../move-counter.ts';
import { BufferPool } from './buffer-pool.ts';
import type { SharedDevice } from './shared-device.ts';

/** Staging buffers up to this size are kept between reads, because a new mappable buffer costs more than a small copy. */
const KEPT_STAGING = 64 * 2 ** 20;

/** The size of a buffer for so many bytes: WebGPU wants multiples of four. */
export const paddedSize = (bytes: number): number => Math.max(4, Math.ceil(bytes / 4) * 4);

/** Moves tensors between host memory and GPU buffers, and keeps buffers that are free. */
export class DeviceBuffers {
  readonly #shared: SharedDevice;
  readonly #pool = new BufferPool();
  readonly #moves: MoveCounter;
  #staging: GPUBuffer | undefined;

  /** @param moves counts what passes */
  constructor(shared: SharedDevice, moves = new MoveCounter()) {
    this.#shared = shared;
    this.#moves = moves;
  }

  /**
   * A storage buffer whose content is undefined. The guard around the call reports a device out of memory.
   * @throws ContextError beyond the device's limit
   */
  create(bytes: number): GPUBuffer {
    const { device } = this.#shared;
    assertFits(bytes, device.limits.maxBufferSize);
    const size = paddedSize(bytes);
    return this.#pool.take(size) ?? device.createBuffer({ size, usage: storageUsage() });
  }

  /** A storage buffer of zeros. @throws as create */
  zeros(bytes: number): GPUBuffer {
    const buffer = this.create(bytes);
    const encoder = this.#shared.device.createCommandEncoder();
    encoder.clearBuffer(buffer);
    this.#shared.device.queue.submit([encoder.finish()]);
    return buffer;
  }

  /** A storage buffer with the tensor's bytes. @throws ContextError when it does not fit */
  upload(tensor: Tensor): GPUBuffer {
    const buffer = this.#place(tensor);
    const { queue } = this.#shared.device;
    const { data } = tensor;
    // One copy, into memory that the driver keeps for it. Odd counts of small elements are padded, in a copy more.
    const isWhole = data.byteLength % 4 === 0;
    this.#moves.up(data.byteLength, isWhole ? 1 : 2);
    if (isWhole) queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, data.byteLength);
    else queue.writeBuffer(buffer, 0, padded(bytesOf(data)));
    return buffer;
  }

  /** Takes a buffer of `create` or `upload` back, for the next one of its size. */
  release(buffer: GPUBuffer): void {
    if (this.#shared.lost === undefined) this.#pool.give(buffer);
    else buffer.destroy();
  }

  /** Frees the buffers that are kept. */
  clear(): void {
    this.#pool.clear();
    this.#staging?.destroy();
    this.#staging = undefined;
  }

  #place(tensor: Tensor): GPUBuffer {
    try {
      return this.create(tensor.byteLength);
    } catch (cause) {
      if (cause instanceof ContextError) throw cause;
      throw new ContextError(`no device memory for ${tensor.dtype}[${tensor.shape}]`, { cause });
    }
  }

  /** Reads the buffer as a tensor, once all work submitted before is done. */
  async read(buffer: GPUBuffer, dtype: DType, shape: Shape, bytes: number): Promise<Tensor> {
    const shared = this.#shared;
    const size = paddedSize(bytes);
    const staging = this.#take(size);
    const mapped = await shared.guard(`read of ${dtype}[${shape}]`, () => {
      const encoder = shared.device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, Math.min(size, buffer.size));
      shared.device.queue.submit([encoder.finish()]);
      // Asked for within the guard, whose answers then come with the same poll.
      return { done: staging.mapAsync(GPUMapMode.READ, 0, size).catch(() => shared.assertAlive()) };
    });
    await mapped.done;
    // A copy, because unmap detaches the mapped range.
    const copy = new Uint8Array(staging.getMappedRange(0, size)).slice(0, bytes);
    staging.unmap();
    this.#moves.down(bytes, 1);
    this.#give(staging);
    return new Tensor(dtype, shape, viewAs(dtype, copy));
  }

  #take(size: number): GPUBuffer {
    const kept = this.#staging;
    this.#staging = undefined;
    if (kept !== undefined && kept.size >= size) return kept;
    kept?.destroy();
    return this.#shared.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  #give(staging: GPUBuffer): void {
    if (this.#staging === undefined && staging.size <= KEPT_STAGING) this.#staging = staging;
    else staging.destroy();
  }
}

function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(paddedSize(bytes.length));
  out.set(bytes);
  return out;
}

const storageUsage = (): number => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

function assertFits(bytes: number, limit: number): void {
  if (bytes > limit) throw new ContextError(`${bytes} bytes are more than this device gives one buffer (${limit})`);
}
