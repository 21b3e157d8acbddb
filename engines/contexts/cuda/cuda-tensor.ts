import { ContextError } from '../../../src/errors.ts';
import { type DType, itemSize, viewAs } from '../../../src/tensor/dtype.ts';
import { type Shape, sizeOf } from '../../../src/tensor/shape.ts';
import { assertSize, Tensor } from '../../../src/tensor/tensor.ts';
import type { DeviceTensor } from '../context.ts';
import type { Ledger } from '../ledger.ts';
import { explainHandle } from '../resident-handle.ts';
import type { CudaDevice } from './device.ts';
import type { CardBlock } from './device-memory.ts';

/** The owner of a tensor's memory. */
export interface CudaHome {
  readonly device: CudaDevice;
  readonly ledger: Ledger;
}

/** Memory that tensors of one content share. */
interface Holding {
  block: CardBlock | undefined;
  /** The values in another context, for a library there. */
  copy?: DeviceTensor;
}

/** A tensor in the card's memory. */
export class CudaTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly byteLength: number;
  readonly device = 'cuda';
  readonly #home: CudaHome;
  /** Shared with the ledger, which gives the block back when this tensor is collected. */
  readonly #holding: Holding;
  /** The tensor whose memory this one shows in another shape. */
  readonly #owner: CudaTensor | undefined;

  /** Takes over the block; a tensor instead of it shares that one's memory. */
  constructor(home: CudaHome, { dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>, held: CardBlock | CudaTensor) {
    this.#home = home;
    this.dtype = dtype;
    this.shape = [...shape];
    this.byteLength = sizeOf(shape) * itemSize(dtype);
    if (held instanceof CudaTensor) {
      this.#holding = held.#holding;
      this.#owner = held;
      return;
    }
    const holding: Holding = { block: held };
    this.#holding = holding;
    const { device } = home;
    home.ledger.add(this, this.byteLength, () => {
      if (holding.block !== undefined) device.memory.give(holding.block);
      holding.block = undefined;
      holding.copy?.free();
    });
  }

  /** @throws ContextError after free, or when the card was lost */
  get address(): bigint {
    this.#home.device.stream.assertAlive();
    const { block } = this.#holding;
    if (block === undefined) throw new ContextError(`use of a ${this.dtype}[${this.shape}] tensor after it was freed`);
    return block.address;
  }

  /** Holds a copy in another context for as long as these values are held. The copy of before is freed. */
  keep(copy: DeviceTensor): void {
    this.#holding.copy?.free();
    this.#holding.copy = copy;
  }

  async toHost(): Promise<Tensor> {
    const { address, byteLength } = this;
    if (byteLength === 0) return new Tensor(this.dtype, this.shape);
    const { device } = this.#home;
    const staging = device.staging.take(byteLength);
    try {
      device.stream.check('cuMemcpyDtoHAsync_v2', staging.address, address, byteLength, device.stream.handle);
      await device.stream.wait();
      device.moves.down(byteLength, 1);
      // A copy, because the pinned memory serves the next read.
      return new Tensor(this.dtype, this.shape, viewAs(this.dtype, staging.bytes.slice(0, byteLength)));
    } finally {
      if (device.stream.lost === undefined) device.staging.give(staging);
    }
  }

  reshape(shape: Shape): CudaTensor {
    const { dtype } = this;
    return new CudaTensor(this.#home, { dtype, shape: assertSize(shape, this.shape) }, this.#owner ?? this);
  }

  free(): void {
    if (this.#owner !== undefined) this.#owner.free();
    else this.#home.ledger.free(this);
  }
}

explainHandle(CudaTensor.prototype);
