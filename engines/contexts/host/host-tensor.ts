import type * as tfcore from '@tensorflow/tfjs-core';
import { ContextError } from '../../../src/errors.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { type Shape, sizeOf, Tensor } from '../../../src/tensor/tensor.ts';
import type { DeviceTensor, Tfjs } from '../context.ts';
import type { Ledger } from '../ledger.ts';

/** A tensor of contexts whose device is the host: the data itself, or a tf.Tensor that a CPU backend of tfjs holds. */
export class HostTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly byteLength: number;
  readonly #ledger: Ledger;
  #host: Tensor | undefined;
  #tf: tfcore.Tensor | undefined;
  #freed = false;

  /** Takes over a tf.Tensor of float32 or int32; a Tensor is held, not copied. */
  constructor(ledger: Ledger, held: Tensor | tfcore.Tensor) {
    this.dtype = held.dtype as DType;
    this.shape = [...held.shape];
    if (held instanceof Tensor) this.#host = held;
    else this.#tf = held;
    this.byteLength = held instanceof Tensor ? held.byteLength : sizeOf(held.shape) * 4;
    this.#ledger = ledger;
    ledger.add(this, this.byteLength);
  }

  async toHost(): Promise<Tensor> {
    this.#alive();
    if (this.#host !== undefined) return this.#host;
    const data = (await this.#tf!.data()) as Float32Array | Int32Array;
    return new Tensor(this.dtype, this.shape, data);
  }

  /** The backend's own tensor, made at first use. float32 and int32 then live in the backend alone, not twice. */
  onBackend(tf: Tfjs): tfcore.Tensor {
    this.#alive();
    if (this.#tf !== undefined) return this.#tf;
    const made = this.#host!.toTF(tf);
    this.#tf = tf.keep(made);
    if (this.dtype === 'float32' || this.dtype === 'int32') this.#host = undefined;
    return this.#tf;
  }

  free(): void {
    this.#freed = true;
    this.#ledger.remove(this);
    this.#tf?.dispose();
    this.#tf = undefined;
    this.#host = undefined;
  }

  #alive(): void {
    if (this.#freed) throw new ContextError(`use of a ${this.dtype}[${this.shape}] tensor after it was freed`);
  }
}
