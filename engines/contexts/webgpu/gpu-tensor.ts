import { ContextError } from '../../../src/errors.ts';
import { type DType, itemSize } from '../../../src/tensor/dtype.ts';
import { type Shape, sizeOf } from '../../../src/tensor/shape.ts';
import { assertSize, Tensor } from '../../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../context.ts';
import type { Ledger } from '../ledger.ts';
import { explainHandle } from '../resident-handle.ts';
import type { DeviceBuffers } from './device-buffers.ts';
import type { SharedDevice } from './shared-device.ts';

/** One opened device with its buffers. After a loss there is a new one; tensors of the lost device keep the old one. */
export interface Generation {
  readonly shared: SharedDevice;
  readonly buffers: DeviceBuffers;
  readonly ledger: Ledger;
}

/** A buffer that a tensor holds. */
export interface Held {
  readonly buffer: GPUBuffer;
  /** tfjs may hold tensors over this buffer for longer than this one lives: it must not be used again. */
  lent?: boolean;
  /** Gives the buffer back to its maker: this program, gpu.js or tfjs. */
  release(): void;
}

/** A tensor in a buffer of the shared GPUDevice: made by this program, by gpu.js or by tfjs. */
export class GpuTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly byteLength: number;
  readonly device = 'webgpu';
  readonly generation: Generation;
  /** Shared with the ledger, which releases the buffer when this tensor is collected. */
  readonly #holding: { held: Held | undefined };
  /** The tensor whose buffer this one shows in another shape. */
  readonly #owner: GpuTensor | undefined;

  /** An empty tensor (some size is 0) holds no buffer. One that is given a tensor shares its buffer. */
  constructor(generation: Generation, dtype: DType, shape: Shape, held: Held | undefined | GpuTensor) {
    this.generation = generation;
    this.dtype = dtype;
    this.shape = [...shape];
    this.byteLength = sizeOf(shape) * itemSize(dtype);
    if (held instanceof GpuTensor) {
      this.#holding = held.#holding;
      this.#owner = held;
      return;
    }
    const holding = { held };
    this.#holding = holding;
    generation.ledger.add(this, this.byteLength, () => {
      holding.held?.release();
      holding.held = undefined;
    });
  }

  /** @throws ContextError after free, or when the device was lost */
  get buffer(): GPUBuffer {
    this.generation.shared.assertAlive();
    const { held } = this.#holding;
    if (held === undefined) throw new ContextError(`use of a ${this.dtype}[${this.shape}] tensor after it was freed`);
    return held.buffer;
  }

  assertUsable(): void {
    void this.buffer;
  }

  /** The buffer for a library that may keep it. @throws as buffer */
  lend(): GPUBuffer {
    const { buffer } = this;
    (this.#holding.held as Held).lent = true;
    return buffer;
  }

  async toHost(): Promise<Tensor> {
    const { buffer } = this;
    if (this.byteLength === 0) return new Tensor(this.dtype, this.shape);
    return this.generation.buffers.read(buffer, this.dtype, this.shape, this.byteLength);
  }

  reshape(shape: Shape): GpuTensor {
    return new GpuTensor(this.generation, this.dtype, assertSize(shape, this.shape), this.#owner ?? this);
  }

  free(): void {
    if (this.#owner !== undefined) this.#owner.free();
    else this.generation.ledger.free(this);
  }
}

explainHandle(GpuTensor.prototype);
