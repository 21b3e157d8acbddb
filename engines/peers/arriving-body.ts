import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { ProtocolError } from '../../src/errors.ts';
import type { Body } from '../../src/protocol/codec.ts';
import type { RelayMessage } from '../../src/protocol/messages.ts';

/** The largest body that may be announced, in bytes, as of whole messages; and the most parts. */
export const MAX_BYTES: number = 16 * 2 ** 30;
const MAX_PARTS = 2 ** 20;
/** Milliseconds in which none of those who read a body here gets further, until its task gets a copy. */
const STILL_MS = 500;

/** Engines of this machine are told of so many bytes at once: each message costs them more than its copy. */
export const BLOCK_BYTES: number = 2 ** 24;
/** They are told of fewer after so many milliseconds, because they take a long silence for the end of the chain. */
const BLOCK_MS = 500;

/** Memory of exactly so many bytes, with any content; undefined: fresh memory. */
export type Memory = (bytes: number) => Uint8Array | undefined;

/** Some bytes of a part. */
export interface PartBlock {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A body that comes in chunks, in order, each byte once. Others read it in this memory while it comes and for a while after it; its
 * task, which may change it, gets it when they have done so.
 */
export class ArrivingBody {
  readonly total: number;
  readonly #parts: readonly Uint8Array[];
  /** Bytes before each part. */
  readonly #before: readonly number[];
  #missing: number;
  /** Where the next block begins in its part, and when that was. */
  #blockAt = 0;
  #blockSince = performance.now();
  #reading = 0;
  #onRead: () => void = () => {};

  /** `sizes`: bytes of each part. @throws ProtocolError for more than may come */
  constructor(sizes: readonly number[], memory: Memory) {
    this.total = totalOf(sizes);
    this.#missing = this.total;
    const before: number[] = [];
    for (const part of sizes.keys())
      before.push(part === 0 ? 0 : (before[part - 1] as number) + (sizes[part - 1] as number));
    this.#before = before;
    // One buffer for each part, because values are windows on whole parts.
    this.#parts = sizes.map((size) => memory(size) ?? new Uint8Array(Buffer.allocUnsafeSlow(size).buffer));
  }

  get isComplete(): boolean {
    return this.#missing === 0;
  }

  /** The memory that a chunk belongs in; undefined where it does not fit. */
  placeOf({ part, offset }: RelayMessage, bytes: number): Uint8Array | undefined {
    const whole = this.#parts[part];
    return whole === undefined || offset + bytes > whole.byteLength
      ? undefined
      : whole.subarray(offset, offset + bytes);
  }

  /**
   * Puts a chunk into its place, unless it is there, and gives the place. Memory that nothing was written to must not become a value.
   * @throws ProtocolError for a chunk that is not the next one
   */
  put(message: RelayMessage, chunk: Uint8Array): Uint8Array {
    const { part, offset } = message;
    const place = this.placeOf(message, chunk.byteLength);
    if (place === undefined || (this.#before[part] as number) + offset !== this.total - this.#missing)
      throw new ProtocolError(
        `a relayed chunk of ${chunk.byteLength} bytes at ${offset} of part ${part}, which is not the next one`,
      );
    // The one copy on the way in, of chunks that came with others in a packet, or over a network.
    if (chunk.buffer !== place.buffer || chunk.byteOffset !== place.byteOffset) place.set(chunk);
    this.#missing -= chunk.byteLength;
    return place;
  }

  /** The bytes up to this chunk that were in no block yet, and where they begin; undefined where they can wait for more. */
  block({ part, offset }: RelayMessage, chunk: Uint8Array): PartBlock | undefined {
    const whole = this.#parts[part] as Uint8Array;
    const end = offset + chunk.byteLength;
    const isDue = end - this.#blockAt >= BLOCK_BYTES || performance.now() - this.#blockSince > BLOCK_MS;
    if (!isDue && end < whole.byteLength) return undefined;
    const block = { offset: this.#blockAt, bytes: whole.subarray(this.#blockAt, end) };
    this.#blockAt = end === whole.byteLength ? 0 : end;
    this.#blockSince = performance.now();
    return block;
  }

  /** Others read the memory until this settles. */
  readUntil(sent: Promise<void>): void {
    this.#reading++;
    const isRead = () => {
      this.#reading--;
      this.#onRead();
    };
    sent.then(isRead, isRead);
  }

  /** The parts, for somebody who may change them: a copy where others do not get on with reading them. */
  own(): Promise<Body> {
    if (this.#reading === 0) return Promise.resolve([...this.#parts]);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#onRead = () => {};
        // Copied: a reader that is busy or stopped must not keep this engine's task waiting.
        resolve(this.#parts.map((part) => new Uint8Array(part)));
      }, STILL_MS);
      this.#onRead = () => {
        timer.refresh();
        if (this.#reading > 0) return;
        clearTimeout(timer);
        resolve([...this.#parts]);
      };
    });
  }
}

/** Bytes of a body with such parts, before memory is taken for it. @throws ProtocolError for more than may come */
export function totalOf(sizes: readonly number[]): number {
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total <= MAX_BYTES && sizes.length <= MAX_PARTS) return total;
  throw new ProtocolError(`a relayed body of ${sizes.length} parts and ${total} bytes; at most ${MAX_BYTES} may come`);
}
