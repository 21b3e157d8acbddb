import type { Staging, StagingPool } from './staging.ts';

/** Smaller values are copied faster than pinned memory is found for them. */
const LEAST_BYTES = 2 ** 20;
/** Pinned memory is taken from everybody on the machine: values beyond this come into ordinary memory. */
const MOST_BYTES = 2 ** 29;

/** Makes an ArrayBuffer of foreign memory. */
export type ViewOf = (address: bigint, bytes: number) => ArrayBuffer;

/**
 * Pinned memory for operands that an engine receives: sockets write into it, and the card copies from it, so that the host
 * copies nothing. User code must not get such values: it could keep the memory, or transfer it. A block serves again after
 * `release`, or when its values were collected as garbage, in both cases once the card has done what was submitted before.
 */
export class ReceivedMemory {
  readonly #staging: StagingPool;
  readonly #viewOf: ViewOf;
  readonly #blocks = new WeakMap<ArrayBufferLike, Staging>();
  readonly #collected = new FinalizationRegistry<Staging>((block) => this.#give(block));
  #bytes = 0;
  #isClosed = false;

  constructor(staging: StagingPool, viewOf: ViewOf) {
    this.#staging = staging;
    this.#viewOf = viewOf;
  }

  /** Bytes of the blocks that values lie in. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Memory of exactly so many bytes, with undefined content; undefined for small values, and where there is none. */
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#isClosed || bytes < LEAST_BYTES || this.#bytes + bytes > MOST_BYTES) return undefined;
    const block = this.#staging.tryTake(bytes);
    if (block === undefined) return undefined;
    const buffer = this.#viewOf(block.address, bytes);
    this.#blocks.set(buffer, block);
    this.#collected.register(buffer, block, buffer);
    this.#bytes += block.bytes.length;
    return new Uint8Array(buffer);
  }

  /** The address of values that lie here; undefined for others. */
  addressOf({ buffer, byteOffset }: ArrayBufferView): bigint | undefined {
    const block = this.#blocks.get(buffer);
    return block === undefined ? undefined : block.address + BigInt(byteOffset);
  }

  /** Takes the memory of values back that nobody reads any more. Values elsewhere: nothing. */
  release({ buffer }: ArrayBufferView): void {
    const block = this.#blocks.get(buffer);
    if (block === undefined) return;
    this.#blocks.delete(buffer);
    this.#collected.unregister(buffer);
    this.#give(block);
  }

  /** Gives nothing out any more. */
  close(): void {
    this.#isClosed = true;
  }

  #give(block: Staging): void {
    if (this.#isClosed) return;
    this.#bytes -= block.bytes.length;
    this.#staging.giveBack(block);
  }
}
