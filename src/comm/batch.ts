import {
  CHUNK,
  CHUNK_BYTES,
  DONE,
  DONE_BYTES,
  HEADER_BYTES,
  MESSAGE,
  PART,
  START,
  START_BYTES,
  WITHDRAWN,
  writeHeader,
} from './packet.ts';

/** Where a window of a part lies. Bytes. */
export interface ChunkPlace {
  readonly transfer: number;
  readonly part: number;
  readonly partBytes: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A packet that is being filled: records are appended until it is sent. */
export class Batch {
  #buffer: Buffer;
  #length = HEADER_BYTES;

  /** `hint`: bytes that it will probably hold. */
  constructor(hint: number) {
    this.#buffer = Buffer.allocUnsafe(Math.max(hint, 256));
  }

  /** Bytes so far, header included. */
  get length(): number {
    return this.#length;
  }

  /** Copies a small message: its caller may change the parts at once. */
  message(parts: readonly Uint8Array[], total: number): void {
    const count = parts.length;
    let at = this.#reserve(4 + 4 * count + total);
    const buffer = this.#buffer;
    at = buffer.writeUInt32LE(((count << 8) | MESSAGE) >>> 0, at);
    for (let i = 0; i < count; i++) at = buffer.writeUInt32LE((parts[i] as Uint8Array).byteLength, at);
    for (let i = 0; i < count; i++) {
      const part = parts[i] as Uint8Array;
      buffer.set(part, at);
      at += part.byteLength;
    }
  }

  /** Opens a large message of `count` parts and `total` bytes. */
  start(transfer: number, count: number, total: number): void {
    let at = this.#reserve(START_BYTES);
    at = this.#buffer.writeUInt32LE(START, at);
    at = this.#buffer.writeUInt32LE(transfer, at);
    at = this.#buffer.writeUInt32LE(count, at);
    this.#buffer.writeDoubleLE(total, at);
  }

  /** Copies a whole part of a large message: too small for a frame of its own. */
  part(bytes: Uint8Array): void {
    let at = this.#reserve(8 + bytes.byteLength);
    at = this.#buffer.writeUInt32LE(PART, at);
    at = this.#buffer.writeUInt32LE(bytes.byteLength, at);
    this.#buffer.set(bytes, at);
  }

  /** Describes the data frame that follows this packet; the last record of its packet. */
  chunk(place: ChunkPlace): void {
    let at = this.#reserve(CHUNK_BYTES);
    at = this.#buffer.writeUInt32LE(CHUNK, at);
    at = this.#buffer.writeUInt32LE(place.transfer, at);
    at = this.#buffer.writeUInt32LE(place.part, at);
    at = this.#buffer.writeUInt32LE(place.bytes, at);
    at = this.#buffer.writeDoubleLE(place.partBytes, at);
    this.#buffer.writeDoubleLE(place.offset, at);
  }

  /** Says that every byte of a large message has arrived. */
  done(transfer: number): void {
    this.#about(DONE, transfer);
  }

  /** Says that a large message is not to be used. */
  withdrawn(transfer: number): void {
    this.#about(WITHDRAWN, transfer);
  }

  #about(kind: number, transfer: number): void {
    const at = this.#reserve(DONE_BYTES);
    this.#buffer.writeUInt32LE(kind, at);
    this.#buffer.writeUInt32LE(transfer, at + 4);
  }

  /** The finished packet. Its memory is never written again: libzmq reads it for an unknown time. */
  seal(flags: number, sequence: number, acknowledged: number): Buffer {
    writeHeader(this.#buffer, flags, sequence, acknowledged);
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    const end = at + bytes;
    if (end > this.#buffer.length) this.#grow(end);
    this.#length = end;
    return at;
  }

  #grow(needed: number): void {
    const bigger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    bigger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = bigger;
  }
}
