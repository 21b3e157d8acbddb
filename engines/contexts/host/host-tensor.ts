import type * as tfcore from '@tensorflow/tfjs-core';
import { ContextError } from '../../../src/errors.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { type Shape, sizeOf } from '../../../src/tensor/shape.ts';
import { assertSize, Tensor } from '../../../src/tensor/tensor.ts';
import type { ContextKind, DeviceTensor, Tfjs } from '../context.ts';
import type { Ledger } from '../ledger.ts';
import { explainHandle } from '../resident-handle.ts';

/** A tensor of contexts whose device is the host: the data itself, or a tf.Tensor that a CPU backend of tfjs holds. */
export class HostTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly byteLength: number;
  readonly device: ContextKind;
  readonly #ledger: Ledger;
  /** Shared with the ledger, which disposes of the tf.Tensor when this tensor is collected. */
  readonly #holding: Holding;
  /** The tensor whose values this one shows in another shape. */
  readonly #owner: HostTensor | undefined;

  /** Takes over a tf.Tensor of float32 or int32; a Tensor is held, not copied; an alias shares the memory. */
  constructor(ledger: Ledger, device: ContextKind, held: Tensor | tfcore.Tensor | Alias) {
    this.#ledger = ledger;
    this.device = device;
    if ('owner' in held) {
      const { owner, shape } = held;
      [this.dtype, this.shape, this.byteLength] = [owner.dtype, assertSize(shape, owner.shape), owner.byteLength];
      this.#holding = owner.#holding;
      this.#owner = owner;
      return;
    }
    this.dtype = held.dtype as DType;
    this.shape = [...held.shape];
    const holding: Holding = held instanceof Tensor ? { host: held, tf: undefined } : { host: undefined, tf: held };
    this.#holding = holding;
    this.byteLength = held instanceof Tensor ? held.byteLength : sizeOf(held.shape) * 4;
    ledger.add(this, this.byteLength, () => release(holding));
  }

  async toHost(): Promise<Tensor> {
    const { host, tf } = this.#alive();
    if (host !== undefined) return this.#owner === undefined ? host : host.reshape(this.shape);
    const data = (await (tf as tfcore.Tensor).data()) as Float32Array | Int32Array;
    return new Tensor(this.dtype, this.shape, data);
  }

  /** The backend's own tensor, made at first use. float32 and int32 then live in the backend alone, not twice. */
  onBackend(tf: Tfjs): tfcore.Tensor {
    const holding = this.#alive();
    if (holding.tf !== undefined) return holding.tf;
    holding.tf = tf.keep((holding.host as Tensor).toTF(tf));
    if (this.dtype === 'float32' || this.dtype === 'int32') holding.host = undefined;
    return holding.tf;
  }

  /** The values as a tf.Tensor of this shape, which shares the backend's memory. The caller disposes of it. */
  toBackend(tf: Tfjs): tfcore.Tensor {
    const own = this.onBackend(tf);
    return this.#owner === undefined ? tf.clone(own) : tf.reshape(own, [...this.shape]);
  }

  reshape(shape: Shape): HostTensor {
    return new HostTensor(this.#ledger, this.device, { owner: this.#owner ?? this, shape });
  }

  free(): void {
    if (this.#owner !== undefined) this.#owner.free();
    else this.#ledger.free(this);
  }

  #alive(): Holding {
    const { host, tf } = this.#holding;
    if (host === undefined && tf === undefined)
      throw new ContextError(`use of a ${this.dtype}[${this.shape}] tensor after it was freed`);
    return this.#holding;
  }
}

explainHandle(HostTensor.prototype);

/** Another shape for the values of a HostTensor. */
interface Alias {
  readonly owner: HostTensor;
  readonly shape: Shape;
}

/** The values of a HostTensor: on the host, in a backend of tfjs, or both; neither once it is freed. */
interface Holding {
  host: Tensor | undefined;
  tf: tfcore.Tensor | undefined;
}

function release(holding: Holding): void {
  holding.tf?.dispose();
  holding.tf = undefined;
  holding.host = undefined;
}
