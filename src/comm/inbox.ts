import { constants } from 'node:buffer';
import { ProtocolError } from '../errors.ts';
import { faultPoint } from '../util/diagnostics/fault-point.ts';
import { type DataFrame, type Destination, IncomingTransfer } from './incoming.ts';
import {
  asBuffer,
  CHUNK,
  CHUNK_BYTES,
  COUNTED,
  DATA,
  DONE,
  DONE_BYTES,
  GOODBYE,
  GOODBYE_TEXT,
  HEADER_BYTES,
  LAST,
  MAX_PARTS,
  MESSAGE,
  PART,
  readHeader,
  SMALL_BYTES,
  START,
  START_BYTES,
  WITHDRAWN,
} from './packet.ts';

/** Parts of so many bytes may be arrays of users, who may transfer their memory away: each has memory of its own. */
const OWN_BYTES = 1024;

/** The events that an inbox raises. */
export interface InboxEvents {
  /** A whole message; its parts are 8-byte aligned. */
  message(parts: Uint8Array[]): void;
  /** The peer's large message `transfer` is complete: tell it. */
  completed(transfer: number): void;
  /** Our large message `transfer` has arrived at the peer. */
  delivered(transfer: number): void;
  acknowledged(count: number): void;
  goodbye(reason: string): void;
  /** See LinkHandlers. */
  destination?: Destination | undefined;
}

/**
 * The receiving half of a link: packets go in, whole messages come out. It checks everything before it allocates, and
 * does no I/O.
 */
export class Inbox {
  readonly #maxMessageBytes: number;
  readonly #events: InboxEvents;
  #transfer: IncomingTransfer | undefined;
  #transferCount = 0;
  #sequence = 0;
  #stopped = false;
  /** Counted packets so far, modulo 2^32. */
  consumed = 0;

  constructor(maxMessageBytes: number, events: InboxEvents) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#events = events;
  }

  /** True while a large message is partly here. */
  get receiving(): boolean {
    return this.#transfer !== undefined;
  }

  /** No more events, even from the packet that is being read. */
  stop(): void {
    this.#stopped = true;
    this.#transfer = undefined;
  }

  /** `filed`: data that are elsewhere. @throws ProtocolError for anything that no honest peer sends */
  receive(frames: readonly Uint8Array[], filed?: DataFrame): void {
    const header = readHeader(frames, filed !== undefined);
    const packet = asBuffer(frames[0]);
    if (!(header.flags & LAST)) {
      this.#checkSequence(header.sequence);
      this.#events.acknowledged(header.acknowledged);
    }
    if (header.flags & COUNTED) this.consumed = (this.consumed + 1) >>> 0;
    let data = header.flags & DATA ? (filed ?? asBuffer(frames[1])) : undefined;
    for (let at = HEADER_BYTES; at < packet.length && !this.#stopped; ) {
      const kind = wordAt(packet, at) & 0xff;
      if (kind === CHUNK) {
        at = this.#chunk(packet, at, data);
        data = undefined;
      } else at = this.#record(kind, packet, at);
    }
    if (data !== undefined && !this.#stopped) throw new ProtocolError('a data frame without a CHUNK record');
  }

  #checkSequence(sequence: number): void {
    if (sequence !== this.#sequence)
      throw new ProtocolError(`packet ${sequence} came where ${this.#sequence} was due: some were lost`);
    this.#sequence = (sequence + 1) >>> 0;
  }

  #record(kind: number, packet: Buffer, at: number): number {
    switch (kind) {
      case MESSAGE:
        return this.#message(packet, at);
      case START:
        return this.#start(packet, at);
      case PART:
        return this.#part(packet, at);
      case DONE:
        need(packet, at, DONE_BYTES);
        this.#events.delivered(packet.readUInt32LE(at + 4));
        return at + DONE_BYTES;
      case WITHDRAWN:
        return this.#withdrawn(packet, at);
      case GOODBYE:
        return this.#goodbye(packet, at);
      default:
        throw new ProtocolError(`unknown record kind ${kind}`);
    }
  }

  #message(packet: Buffer, at: number): number {
    if (this.#transfer !== undefined) throw new ProtocolError('a message came inside another');
    const count = packet.readUInt32LE(at) >>> 8;
    need(packet, at, 4 + 4 * count);
    const lengths = at + 4;
    const start = lengths + 4 * count;
    let total = 0;
    let aligned = 0;
    for (let i = 0; i < count; i++) {
      const bytes = packet.readUInt32LE(lengths + 4 * i);
      total += bytes;
      if (bytes < OWN_BYTES) aligned += (bytes + 7) & ~7;
      if (total > SMALL_BYTES) throw new ProtocolError(`a MESSAGE record of more than ${SMALL_BYTES} bytes`);
    }
    need(packet, start, total);
    this.#events.message(split(packet, start, lengths, count, aligned));
    return start + total;
  }

  #start(packet: Buffer, at: number): number {
    if (this.#transfer !== undefined) throw new ProtocolError('a transfer started inside another');
    need(packet, at, START_BYTES);
    const id = packet.readUInt32LE(at + 4);
    const count = packet.readUInt32LE(at + 8);
    const total = packet.readDoubleLE(at + 12);
    if (id !== this.#transferCount) throw new ProtocolError(`transfer ${id} came where ${this.#transferCount} was due`);
    if (count === 0 || count > MAX_PARTS) throw new ProtocolError(`a transfer of ${count} parts`);
    if (!isBytes(total) || total > this.#maxMessageBytes)
      throw new ProtocolError(`a transfer of ${total} bytes; maxMessageBytes is ${this.#maxMessageBytes}`);
    this.#transferCount = (id + 1) >>> 0;
    this.#transfer = new IncomingTransfer(id, count, total, this.#events.destination);
    return at + START_BYTES;
  }

  #part(packet: Buffer, at: number): number {
    need(packet, at, 8);
    const bytes = packet.readUInt32LE(at + 4);
    need(packet, at + 8, bytes);
    const transfer = this.#current();
    transfer.part(packet.subarray(at + 8, at + 8 + bytes));
    this.#finishIfComplete(transfer);
    return at + 8 + bytes;
  }

  #chunk(packet: Buffer, at: number, data: Buffer | DataFrame | undefined): number {
    need(packet, at, CHUNK_BYTES);
    if (data === undefined) throw new ProtocolError('a CHUNK record without its data frame');
    const transfer = this.#current();
    const partBytes = packet.readDoubleLE(at + 16);
    const offset = packet.readDoubleLE(at + 24);
    if (packet.readUInt32LE(at + 4) !== transfer.id) throw new ProtocolError('a chunk of an unknown transfer');
    if (packet.readUInt32LE(at + 12) !== data.length) throw new ProtocolError('a chunk of another length than it says');
    if (!isBytes(partBytes) || partBytes > constants.MAX_LENGTH)
      throw new ProtocolError(`a part of ${partBytes} bytes`);
    transfer.chunk(packet.readUInt32LE(at + 8), partBytes, offset, data);
    faultPoint('link.chunkIn');
    this.#finishIfComplete(transfer);
    return at + CHUNK_BYTES;
  }

  #withdrawn(packet: Buffer, at: number): number {
    need(packet, at, DONE_BYTES);
    const transfer = this.#current();
    if (packet.readUInt32LE(at + 4) !== transfer.id) throw new ProtocolError('an unknown transfer is withdrawn');
    transfer.isWithdrawn = true;
    return at + DONE_BYTES;
  }

  #current(): IncomingTransfer {
    if (this.#transfer === undefined) throw new ProtocolError('bytes came for a transfer that is not under way');
    return this.#transfer;
  }

  #finishIfComplete(transfer: IncomingTransfer): void {
    if (!transfer.complete) return;
    this.#transfer = undefined;
    this.#events.completed(transfer.id);
    if (!transfer.isWithdrawn) this.#events.message(transfer.parts);
  }

  #goodbye(packet: Buffer, at: number): number {
    const bytes = packet.readUInt32LE(at) >>> 8;
    if (bytes > GOODBYE_TEXT) throw new ProtocolError('a goodbye that does not end');
    need(packet, at, 4 + bytes);
    this.#events.goodbye(packet.toString('utf8', at + 4, at + 4 + bytes));
    return at + 4 + bytes;
  }
}

function wordAt(packet: Buffer, at: number): number {
  need(packet, at, 4);
  return packet.readUInt32LE(at);
}

function need(packet: Buffer, at: number, bytes: number): void {
  if (packet.length - at < bytes) throw new ProtocolError('a record is cut off');
}

function isBytes(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

/** Copies the parts out: the frame may lie unaligned in an arena of libzmq, which a view would keep alive. */
function split(packet: Buffer, start: number, lengths: number, count: number, aligned: number): Uint8Array[] {
  const slab = alignedBuffer(aligned);
  const parts: Uint8Array[] = new Array(count);
  let from = start;
  let to = 0;
  for (let i = 0; i < count; i++) {
    const bytes = packet.readUInt32LE(lengths + 4 * i);
    const isOwn = bytes >= OWN_BYTES;
    const part = isOwn ? Buffer.allocUnsafeSlow(bytes) : slab.subarray(to, to + bytes);
    packet.copy(part, 0, from, from + bytes);
    parts[i] = part;
    from += bytes;
    if (!isOwn) to += (bytes + 7) & ~7;
  }
  return parts;
}

/** From Node's pool of 8 KiB where it is small, so that a kept value keeps at most that alive. */
function alignedBuffer(bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  return buffer.byteOffset % 8 === 0 ? buffer : Buffer.allocUnsafeSlow(bytes);
}
