import type { ChunkPlace } from './batch.ts';

/** One large message on its way out; its parts are windows of the caller's buffers. */
export class OutgoingTransfer {
  readonly id: number;
  /** Settles when the peer holds every byte, or the link ends. */
  readonly delivered: Promise<void>;
  /** Bodies that are not wholly handed over yet. */
  open = 0;
  #resolve!: () => void;
  #reject!: (reason: Error) => void;

  constructor(id: number) {
    this.id = id;
    this.delivered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A sender that ignores the promise must not end the process when the link ends: `onDown` tells of that.
    this.delivered.catch(() => {});
  }

  finish(): void {
    this.#resolve();
  }

  fail(reason: Error): void {
    this.#reject(reason);
  }
}

/** A part that crosses in frames of its own. Not copied: its bytes are read until the transfer settles. */
export class OutgoingPart {
  readonly transfer: OutgoingTransfer;
  readonly #index: number;
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(transfer: OutgoingTransfer, index: number, bytes: Uint8Array) {
    this.transfer = transfer;
    this.#index = index;
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.byteLength - this.#offset;
  }

  /** The next window of at most `limit` bytes, and where it belongs. */
  next(limit: number): { readonly place: ChunkPlace; readonly window: Uint8Array } {
    const offset = this.#offset;
    const bytes = Math.min(limit, this.remaining);
    this.#offset += bytes;
    return {
      place: { transfer: this.transfer.id, part: this.#index, partBytes: this.#bytes.byteLength, offset, bytes },
      window: this.#bytes.subarray(offset, offset + bytes),
    };
  }
}
