import { ContextError } from '../../../src/errors.ts';
import { STATUS } from './driver/driver-api.ts';
import { outHandle } from './driver/native.ts';
import type { CudaStream } from './stream.ts';

/** Pinned memory of the host: the card copies from and to it by itself, at the full speed of the bus. */
export interface Staging {
  readonly address: bigint;
  /** The same memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Done once the card has copied from it. */
  readonly event: bigint;
}

/** A pinned page costs a system call: small copies share the smallest size. */
const LEAST = 2 ** 16;
/** Bytes of free staging memory that are kept. Pinned memory is taken from everybody on the machine. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Pinned memory that is free, or will be when the card has copied from it. */
export class StagingPool {
  readonly #stream: CudaStream;
  readonly #kept: Staging[] = [];

  constructor(stream: CudaStream) {
    this.#stream = stream;
  }

  /** Memory of at least so many bytes that the card does not use. @throws ContextError when there is none */
  take(bytes: number): Staging {
    return this.#reused(bytes) ?? this.#allocate(bytes);
  }

  /** As `take`; undefined where there is no such memory. */
  tryTake(bytes: number): Staging | undefined {
    if (this.#stream.lost !== undefined) return undefined;
    const kept = this.#reused(bytes);
    if (kept !== undefined) return kept;
    try {
      return this.#allocate(bytes);
    } catch (error) {
      if (error instanceof ContextError) return undefined;
      throw error;
    }
  }

  /** As `give`, where nobody is there who could take an error: memory of a lost card is not used again. */
  giveBack(staging: Staging): void {
    if (this.#stream.lost !== undefined) return;
    try {
      this.give(staging);
    } catch (error) {
      if (!(error instanceof ContextError)) throw error;
    }
  }

  /** The smallest block that fits, so that a small copy leaves the large ones to others. */
  #reused(bytes: number): Staging | undefined {
    const fitting = this.#kept.filter((one) => one.bytes.length >= bytes && this.#isDone(one));
    const [first, ...rest] = fitting;
    if (first === undefined) return undefined;
    const best = rest.reduce((least, one) => (one.bytes.length < least.bytes.length ? one : least), first);
    this.#kept.splice(this.#kept.indexOf(best), 1);
    return best;
  }

  /** Takes it back, to be used again after the work that has been submitted. */
  give(staging: Staging): void {
    this.#stream.check('cuEventRecord', staging.event, this.#stream.handle);
    this.#kept.push(staging);
    let total = this.#kept.reduce((sum, { bytes }) => sum + bytes.length, 0);
    for (const one of [...this.#kept]) {
      if (total <= KEPT_BYTES) return;
      if (!this.#isDone(one)) continue;
      this.#kept.splice(this.#kept.indexOf(one), 1);
      total -= one.bytes.length;
      this.#release(one);
    }
  }

  /** Frees all of it. Nothing may be under way. */
  clear(): void {
    for (const one of this.#kept.splice(0)) this.#release(one);
  }

  #isDone({ event }: Staging): boolean {
    return this.#stream.api.call('cuEventQuery', event) === STATUS.ok;
  }

  #allocate(bytes: number): Staging {
    // A power of two, so that a later copy of about the same size finds it.
    const size = Math.max(LEAST, 2 ** Math.ceil(Math.log2(bytes)));
    const out = outHandle();
    this.#stream.check('cuMemHostAlloc', out, size, 0);
    const address = out[0] as bigint;
    const view = new Uint8Array(this.#stream.api.library.koffi.view(address, size));
    return { address, bytes: view, event: this.#stream.event() };
  }

  #release({ address, event }: Staging): void {
    this.#stream.api.call('cuEventDestroy_v2', event);
    this.#stream.api.call('cuMemFreeHost', address);
  }
}
