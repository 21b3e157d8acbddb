import { STATUS } from './driver/driver-api.ts';
import { outHandle } from './driver/native.ts';
import type { CudaStream } from './stream.ts';

/** A piece of the card's memory. */
export interface CardBlock {
  readonly address: bigint;
  /** Its whole size: multiples of 512. */
  readonly bytes: number;
}

const GRAIN = 512;
/** Bytes of free blocks that are kept: a few operands of 8192² float32. */
const KEPT_BYTES = 2 ** 30;

/**
 * The card's memory. Free blocks are kept by size, because an allocation waits for all work on the card. Work that still
 * uses a block is before later work in the one stream.
 */
export class DeviceMemory {
  readonly #stream: CudaStream;
  /** Oldest first. */
  readonly #free: CardBlock[] = [];
  #kept = 0;

  constructor(stream: CudaStream) {
    this.#stream = stream;
  }

  /** A block with undefined content. @throws ContextError when the card has no memory left */
  take(bytes: number): CardBlock {
    const size = Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
    const at = this.#free.findLastIndex((block) => block.bytes === size);
    if (at >= 0) {
      this.#kept -= size;
      return this.#free.splice(at, 1)[0] as CardBlock;
    }
    return { address: this.#allocate(size), bytes: size };
  }

  /** Takes a block back. */
  give(block: CardBlock): void {
    this.#free.push(block);
    this.#kept += block.bytes;
    while (this.#kept > KEPT_BYTES) this.#drop();
  }

  /** Frees the blocks that are kept. */
  clear(): void {
    while (this.#free.length > 0) this.#drop();
  }

  #allocate(size: number): bigint {
    const out = outHandle();
    let status = this.#stream.api.call('cuMemAlloc_v2', out, size);
    // Blocks that are kept for later may be missing now.
    if (status === STATUS.outOfMemory && this.#free.length > 0) {
      this.clear();
      status = this.#stream.api.call('cuMemAlloc_v2', out, size);
    }
    if (status !== STATUS.ok) throw this.#stream.failed('cuMemAlloc', status);
    return out[0] as bigint;
  }

  #drop(): void {
    const oldest = this.#free.shift() as CardBlock;
    this.#kept -= oldest.bytes;
    this.#stream.api.call('cuMemFree_v2', oldest.address);
  }
}
