// The wire of a link: one packet is a header of 16 bytes and records; a packet with the DATA flag is followed by one
// frame of raw bytes, the subject of its last record. All numbers are little-endian.
import { ProtocolError } from '../errors.ts';

/** "DVLK": the first four bytes of every packet. */
export const MAGIC = 0x4b4c5644;
/** Raised by one whenever a header or record changes; both ends must agree. */
export const WIRE_VERSION = 2;
/** Bytes of a packet's header. */
export const HEADER_BYTES = 16;

/** Packet flag: takes a place in the packet window until the peer acknowledges it. */
export const COUNTED = 1;
/** Packet flag: a frame of raw bytes follows. */
export const DATA = 2;
/** Packet flag: the last of its direction; its number is not checked, as packets before it may have been dropped. */
export const LAST = 4;

/** Messages up to this many bytes (lengths included) travel whole, in one record. */
export const SMALL_BYTES = 64 * 1024;
/** Parts of a large message up to this many bytes are copied into records instead of crossing as frames. */
export const INLINE_BYTES = 16 * 1024;
/** Records that wait are batched into packets of about this size. */
export const BATCH_BYTES = 256 * 1024;
/** Packets that may be unacknowledged: below the socket's high-water mark of 64, so that a peer that computes for
 * long never has a full pipe (libzmq would stop reading, miss heartbeats and tear the connection down). */
export const WINDOW_PACKETS = 32;
/** Parts of one message. */
export const MAX_PARTS = 2 ** 20;

// The kind of a record is the low byte of its first word; MESSAGE and GOODBYE keep a count in the upper 24 bits.

/** Record: a whole small message. */
export const MESSAGE = 1;
/** Record: a large message begins. */
export const START = 2;
/** Record: a part of a large message, whole. */
export const PART = 3;
/** Record: a window of a part; its bytes follow as a frame. */
export const CHUNK = 4;
/** Record: the peer's large message is complete. */
export const DONE = 5;
/** Record: the link ends, and why. */
export const GOODBYE = 6;

/** Record: the large message that is under way has lost its memory; its bytes still come, and mean nothing. */
export const WITHDRAWN = 7;

/** Bytes of a START record. */
export const START_BYTES = 20;
/** Bytes of a CHUNK record. */
export const CHUNK_BYTES = 32;
/** Bytes of a DONE or a WITHDRAWN record. */
export const DONE_BYTES = 8;
/** The longest text of a GOODBYE record, in bytes. */
export const GOODBYE_TEXT = 256;

/** One multipart as a socket takes it: the packet, and the data frame if there is one. */
export type Frames = Uint8Array[];

/** The header of a packet, without magic and version. */
export interface PacketHeader {
  readonly flags: number;
  /** Counts every packet of this direction, so that a lost one is noticed. */
  readonly sequence: number;
  /** Counted packets that the writer of this header has consumed, modulo 2^32. */
  readonly acknowledged: number;
}

/** Writes the first HEADER_BYTES of a packet. */
export function writeHeader(packet: Buffer, flags: number, sequence: number, acknowledged: number): void {
  packet.writeUInt32LE(MAGIC, 0);
  packet.writeUInt32LE(WIRE_VERSION | (flags << 8), 4);
  packet.writeUInt32LE(sequence, 8);
  packet.writeUInt32LE(acknowledged, 12);
}

/** `isFiled`: its data are not among the frames. @throws ProtocolError for what no peer of this wire version sends */
export function readHeader(frames: readonly Uint8Array[], isFiled = false): PacketHeader {
  const packet = asBuffer(frames[0]);
  if (packet.length < HEADER_BYTES) throw new ProtocolError(`a packet of ${packet.length} bytes has no header`);
  if (packet.readUInt32LE(0) !== MAGIC) throw new ProtocolError('this is not a directview packet (wrong magic)');
  if (packet[4] !== WIRE_VERSION)
    throw new ProtocolError(`the peer speaks wire version ${packet[4]}, this side ${WIRE_VERSION}`);
  const flags = packet.readUInt32LE(4) >>> 8;
  if (flags > (COUNTED | DATA | LAST)) throw new ProtocolError(`unknown packet flags ${flags}`);
  if (frames.length + (isFiled ? 1 : 0) !== (flags & DATA ? 2 : 1))
    throw new ProtocolError(`a packet came with ${frames.length} frames`);
  return { flags, sequence: packet.readUInt32LE(8), acknowledged: packet.readUInt32LE(12) };
}

/** A Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array | undefined): Buffer {
  if (bytes === undefined) return Buffer.alloc(0);
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A last packet that tells the peer why the link ends. */
export function goodbyePacket(reason: string): Buffer {
  const text = Buffer.from(reason).subarray(0, GOODBYE_TEXT);
  const packet = Buffer.allocUnsafe(HEADER_BYTES + 4 + text.length);
  writeHeader(packet, LAST, 0, 0);
  packet.writeUInt32LE(((text.length << 8) | GOODBYE) >>> 0, HEADER_BYTES);
  packet.set(text, HEADER_BYTES + 4);
  return packet;
}
