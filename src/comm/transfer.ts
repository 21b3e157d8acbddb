import type { ChunkPlace } from './batch.ts';

/** Why a message is not sent: rejects its sender, while the link goes on. */
export const TRANSFERRED_AWAY =
  'memory of the message was transferred away, or made shorter, before all of it was sent';

/** True for an array whose memory is gone. */
export function isGone(bytes: Uint8Array): boolean {
  if (bytes.byteLength > 0) return false;
  try {
    new Uint8Array(bytes.buffer);
    return false;
  } catch {
    return true;
  }
}

/** One large message on its way out; its parts are windows of the caller's buffers. */
export class OutgoingTransfer {
  readonly id: number;
  /** Settles when the peer holds every byte, or the link ends. */
  readonly delivered: Promise<void>;
  /** Bodies that are not wholly handed over yet. */
  open = 0;
  /** Memory of it is gone: zeros take its place, and the peer is told. */
  isWithdrawn = false;
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

/** The links that send one part. */
interface Senders {
  count: number;
  /** Nobody keeps what one link has sent for the others. */
  isGivenUp: boolean;
}

/** How many of its senders have sent a window. It keeps no bytes alive. */
export interface WindowUse {
  readonly senders: Senders;
  taken: number;
}

const uses = new WeakMap<Uint8Array, WindowUse>();

/** The use of a window that OutgoingPart gave; undefined for other bytes. */
export function useOf(window: Uint8Array): WindowUse | undefined {
  return uses.get(window);
}

/** True if another link will send the window, too. */
export function isAwaited(use: WindowUse | undefined): boolean {
  return use !== undefined && !use.senders.isGivenUp && use.taken < use.senders.count;
}

/**
 * A part, as all links that send it see it: they give the same windows to their carriers. A carrier that writes to memory that
 * several peers read finds there what it has written.
 */
class SharedPart {
  readonly bytes: Uint8Array;
  /** Its length, also when its memory is gone. */
  readonly length: number;
  readonly senders: Senders = { count: 0, isGivenUp: false };
  readonly #windows = new Map<number, Uint8Array>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.length = bytes.byteLength;
  }

  /** Transferring a buffer away, or making it shorter, leaves views without bytes. */
  get isGone(): boolean {
    return this.bytes.byteLength !== this.length;
  }

  window(offset: number, bytes: number): Uint8Array {
    let window = this.#windows.get(offset);
    if (window?.byteLength !== bytes) {
      window = this.bytes.subarray(offset, offset + bytes);
      this.#windows.set(offset, window);
      uses.set(window, { senders: this.senders, taken: 0 });
    }
    (uses.get(window) as WindowUse).taken++;
    return window;
  }
}

const parts = new WeakMap<Uint8Array, SharedPart>();

function sharedPart(bytes: Uint8Array): SharedPart {
  const part = parts.get(bytes) ?? new SharedPart(bytes);
  part.senders.count++;
  parts.set(bytes, part);
  return part;
}

/** A part that crosses in frames of its own. Not copied: its bytes are read until the transfer settles. */
export class OutgoingPart {
  readonly transfer: OutgoingTransfer;
  readonly #index: number;
  readonly #part: SharedPart;
  #offset = 0;

  constructor(transfer: OutgoingTransfer, index: number, bytes: Uint8Array) {
    this.transfer = transfer;
    this.#index = index;
    this.#part = sharedPart(bytes);
  }

  get remaining(): number {
    return this.#part.length - this.#offset;
  }

  /** True if its memory is not there any more. */
  get isGone(): boolean {
    return this.#part.isGone;
  }

  /** The next window of at most `limit` bytes, and where it belongs. Zeros, where the memory is gone. */
  next(limit: number): { readonly place: ChunkPlace; readonly window: Uint8Array } {
    const offset = this.#offset;
    const bytes = Math.min(limit, this.remaining);
    this.#offset += bytes;
    return {
      place: { transfer: this.transfer.id, part: this.#index, partBytes: this.#part.length, offset, bytes },
      window: this.isGone ? Buffer.alloc(bytes) : this.#part.window(offset, bytes),
    };
  }
}
