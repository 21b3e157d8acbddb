import { ProtocolError } from '../../errors.ts';
import { BATCH_BYTES, HEADER_BYTES, SMALL_BYTES } from '../packet.ts';

/** Bytes of a prefix: the length of the packet, the length of its data, and the slot of the data. */
const PREFIX_BYTES = 12;
/** The slot of data that follow in the stream. */
const INLINE = 0xffffffff;
/** The slot of data that the peer lends: their address follows the packet. */
const LENT = 0xfffffffe;
const ADDRESS_BYTES = 8;
/** The longest packet that a peer of this version makes: a batch that one more record was added to. */
const MAX_PACKET = BATCH_BYTES + SMALL_BYTES + 4096 + ADDRESS_BYTES;
/** The longest text of a notice, in bytes. */
const MAX_TEXT = 64;

/** The kinds of notices. A notice has 0 in place of a packet's length, and its kind in place of the data's. */
const NOTICE = {
  offer: 1,
  taken: 2,
  refused: 3,
  released: 4,
  memory: 5,
  challenge: 6,
  unreadable: 7,
  returned: 8,
} as const;
/** Kinds that a text follows; its length stands in place of the slot. */
const TEXTS: ReadonlySet<number> = new Set([NOTICE.offer, NOTICE.memory, NOTICE.challenge]);

/** The parts of a stream, as they come. */
export interface StreamEvents {
  /** The memory of `packet` belongs to the stream; `data` is the receiver's. */
  packet(packet: Buffer, data: Buffer | undefined): void;
  /** A packet whose data lie in a slot of the peer's bulk file. */
  filed(packet: Buffer, slot: number, bytes: number): void;
  /** The peer has made a bulk file of that name. */
  offer(name: string): void;
  /** The peer has opened our bulk file, or cannot. */
  answer(isTaken: boolean): void;
  /** The peer has read what lay in that slot of ours. */
  released(slot: number): void;
  /** Absent: nothing is lent here. */
  readonly lending?: LendingEvents | undefined;
}

/** The events of memory that peers lend each other. */
export interface LendingEvents {
  /** The peer offers to lend its memory. */
  memory(offer: string): void;
  /** The answer to our offer; undefined: the peer cannot read there. */
  challenge(text: string | undefined): void;
  /** A packet whose data lie in the peer's memory. */
  lent(packet: Buffer, address: bigint, bytes: number): void;
  /** The peer has read the oldest data that we lent. */
  returned(): void;
}

/** The packet behind its prefix, in memory of its own. `slot`: where its data are, unless they follow. */
export function prefixed(packet: Uint8Array, dataBytes: number, slot: number = INLINE): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + packet.byteLength);
  writePrefix(framed, packet.byteLength, dataBytes, slot);
  framed.set(packet, PREFIX_BYTES);
  return framed;
}

/** As `prefixed`, for data that the peer reads at that address. */
export function prefixedLent(packet: Uint8Array, dataBytes: number, address: bigint): Buffer {
  const length = packet.byteLength + ADDRESS_BYTES;
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + length);
  writePrefix(framed, length, dataBytes, LENT);
  framed.set(packet, PREFIX_BYTES);
  framed.writeBigUInt64LE(address, PREFIX_BYTES + packet.byteLength);
  return framed;
}

/** The notice that a slot was read. */
export function released(slot: number): Buffer {
  return notice(NOTICE.released, slot);
}

/** The answer to an offer. */
export function answer(isTaken: boolean): Buffer {
  return notice(isTaken ? NOTICE.taken : NOTICE.refused, 0);
}

/** The notice that a bulk file was made. */
export function offer(name: string): Buffer {
  return textNotice(NOTICE.offer, name);
}

/** The offer to lend memory. */
export function memoryOffer(text: string): Buffer {
  return textNotice(NOTICE.memory, text);
}

/** The answer to such an offer; undefined: this end cannot read there. */
export function memoryAnswer(challenge: string | undefined): Buffer {
  return challenge === undefined ? notice(NOTICE.unreadable, 0) : textNotice(NOTICE.challenge, challenge);
}

/** The notice that the oldest lent data were read. */
export function returned(): Buffer {
  return notice(NOTICE.returned, 0);
}

function textNotice(kind: number, text: string): Buffer {
  return Buffer.concat([notice(kind, Buffer.byteLength(text)), Buffer.from(text)]);
}

function notice(kind: number, value: number): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(framed, 0, kind, value);
  return framed;
}

function writePrefix(to: Buffer, packetBytes: number, dataBytes: number, slot: number): void {
  to.writeUInt32LE(packetBytes, 0);
  to.writeUInt32LE(dataBytes, 4);
  to.writeUInt32LE(slot, 8);
}

/** Cuts a stream of bytes into packets and notices. It checks every length before it allocates. */
export class Deframer {
  readonly #maxData: number;
  readonly #events: StreamEvents;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  /** The memory that is being filled. */
  #part: Buffer = this.#prefix;
  #filled = 0;
  /** The packet that waits for its data. */
  #packet: Buffer | undefined;

  /** `maxData`: the largest data of one packet, in bytes. */
  constructor(maxData: number, events: StreamEvents) {
    this.#maxData = maxData;
    this.#events = events;
  }

  /** Takes bytes that came; their memory may be used again after it. @throws ProtocolError for what no peer writes */
  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const end = this.#part === this.#prefix && this.#filled === 0 ? this.#whole(bytes, at) : undefined;
      at = end ?? this.#fill(bytes, at);
    }
  }

  /** A packet that is wholly here, and no data follow: passed on without a copy. */
  #whole(bytes: Buffer, at: number): number | undefined {
    if (bytes.length - at < PREFIX_BYTES) return undefined;
    const packetBytes = bytes.readUInt32LE(at);
    const end = at + PREFIX_BYTES + packetBytes;
    if (packetBytes === 0 || end > bytes.length) return undefined;
    const [dataBytes, slot] = [bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)];
    if (dataBytes !== 0 && slot === INLINE) return undefined;
    this.#check(packetBytes, dataBytes, slot);
    this.#emit(bytes.subarray(at + PREFIX_BYTES, end), dataBytes, slot);
    return end;
  }

  #fill(bytes: Buffer, at: number): number {
    const count = bytes.copy(this.#part, this.#filled, at);
    this.#filled += count;
    if (this.#filled === this.#part.length) this.#full(this.#part);
    return at + count;
  }

  #full(part: Buffer): void {
    const [packetBytes, dataBytes, slot] = this.#words();
    this.#filled = 0;
    if (part === this.#prefix) this.#begin(packetBytes, dataBytes, slot);
    else if (packetBytes === 0) this.#end(() => this.#text(dataBytes, part.toString('latin1')));
    else if (this.#packet !== undefined) {
      const packet = this.#packet;
      this.#end(() => this.#events.packet(packet, part));
    } else if (dataBytes === 0 || slot !== INLINE) this.#end(() => this.#emit(part, dataBytes, slot));
    else {
      this.#packet = part;
      this.#part = Buffer.allocUnsafeSlow(dataBytes);
    }
  }

  #words(): [packetBytes: number, dataBytes: number, slot: number] {
    return [this.#prefix.readUInt32LE(0), this.#prefix.readUInt32LE(4), this.#prefix.readUInt32LE(8)];
  }

  #begin(packetBytes: number, dataBytes: number, slot: number): void {
    if (packetBytes > 0) {
      this.#check(packetBytes, dataBytes, slot);
      this.#part = Buffer.allocUnsafeSlow(packetBytes);
    } else if (TEXTS.has(dataBytes)) {
      if (slot === 0 || slot > MAX_TEXT) throw new ProtocolError(`the text of a notice has ${slot} bytes`);
      this.#part = Buffer.alloc(slot);
    } else this.#notice(dataBytes, slot);
  }

  #notice(kind: number, slot: number): void {
    if (kind === NOTICE.released) this.#events.released(slot);
    else if (kind === NOTICE.taken || kind === NOTICE.refused) this.#events.answer(kind === NOTICE.taken);
    else if (kind === NOTICE.returned) this.#lending.returned();
    else if (kind === NOTICE.unreadable) this.#lending.challenge(undefined);
    else throw new ProtocolError(`unknown notice ${kind}`);
  }

  #text(kind: number, text: string): void {
    if (kind === NOTICE.offer) this.#events.offer(text);
    else if (kind === NOTICE.memory) this.#lending.memory(text);
    else this.#lending.challenge(text);
  }

  get #lending(): LendingEvents {
    const { lending } = this.#events;
    if (lending === undefined) throw new ProtocolError('nothing is lent on this link');
    return lending;
  }

  #end(emit: () => void): void {
    this.#part = this.#prefix;
    this.#packet = undefined;
    emit();
  }

  #emit(packet: Buffer, dataBytes: number, slot: number): void {
    if (dataBytes === 0) this.#events.packet(packet, undefined);
    else if (slot === LENT) {
      const at = packet.length - ADDRESS_BYTES;
      this.#lending.lent(packet.subarray(0, at), packet.readBigUInt64LE(at), dataBytes);
    } else this.#events.filed(packet, slot, dataBytes);
  }

  #check(packetBytes: number, dataBytes: number, slot: number): void {
    if (dataBytes === 0 && slot !== INLINE) throw new ProtocolError('a slot without data');
    if (packetBytes < HEADER_BYTES + (slot === LENT ? ADDRESS_BYTES : 0) || packetBytes > MAX_PACKET)
      throw new ProtocolError(`a packet of ${packetBytes} bytes`);
    if (dataBytes > this.#maxData) throw new ProtocolError(`data of ${dataBytes} bytes; at most ${this.#maxData}`);
  }
}
