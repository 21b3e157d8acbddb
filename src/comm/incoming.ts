import { ProtocolError } from '../errors.ts';
import { largeBuffer } from '../util/system/huge-pages.ts';

/** Memory for part `part` of `bytes`, given the parts before it; undefined: memory of its own. */
export type Destination = (before: readonly Uint8Array[], part: number, bytes: number) => Uint8Array | undefined;

/** Data of a chunk that are elsewhere: they are read straight into their place. */
export interface DataFrame {
  /** Bytes. */
  readonly length: number;
  /** @throws ProtocolError where they are not there */
  copyTo(to: Buffer, at: number): void;
}

/** One large message on its way in: every byte in its place, in order, once. */
export class IncomingTransfer {
  readonly id: number;
  readonly parts: Uint8Array[] = [];
  /** Its sender has lost its memory: nobody may see it. */
  isWithdrawn = false;
  readonly #count: number;
  readonly #total: number;
  readonly #choose: Destination | undefined;
  /** Bytes of the parts begun so far. */
  #begun = 0;
  /** The part that is partly here. */
  #destination: Buffer | undefined;
  #partBytes = 0;
  #filled = 0;

  constructor(id: number, count: number, total: number, destination?: Destination) {
    this.id = id;
    this.#count = count;
    this.#total = total;
    this.#choose = destination;
  }

  get complete(): boolean {
    return this.parts.length === this.#count;
  }

  /** A whole part that travelled inside a packet. */
  part(bytes: Buffer): void {
    if (this.#destination !== undefined) throw new ProtocolError('a part began inside another');
    this.#begin(bytes.length);
    // Copied: the packet may be unaligned, and a view would keep all of it alive.
    const copy = Buffer.allocUnsafeSlow(bytes.length);
    copy.set(bytes);
    this.#end(copy);
  }

  /** Takes one chunk; the part's destination is allocated with its first. */
  chunk(part: number, partBytes: number, offset: number, data: Buffer | DataFrame): void {
    this.#check(part, partBytes, offset, data.length);
    if (offset === 0) {
      this.#begin(partBytes);
      this.#destination = this.#chosen(part, partBytes);
      this.#partBytes = partBytes;
    }
    // A part that came in one frame is that frame.
    if (this.#destination === undefined && isWhole(data, partBytes)) this.#end(data);
    else this.#place(partBytes, offset, data);
  }

  #chosen(part: number, bytes: number): Buffer | undefined {
    const given = this.#choose?.(this.parts, part, bytes);
    if (given?.length !== bytes) return undefined;
    return Buffer.from(given.buffer, given.byteOffset, bytes);
  }

  #place(partBytes: number, offset: number, data: Buffer | DataFrame): void {
    let destination = this.#destination ?? largeBuffer(partBytes);
    // The owner of chosen memory has transferred it away, and will find out: the rest still has to go somewhere.
    if (destination.length !== partBytes) destination = Buffer.alloc(partBytes);
    this.#destination = destination;
    // The one copy on the way in: chunks become one piece of memory.
    if (Buffer.isBuffer(data)) destination.set(data, offset);
    else data.copyTo(destination, offset);
    this.#filled = offset + data.length;
    if (this.#filled === partBytes) this.#end(destination);
  }

  #check(part: number, partBytes: number, offset: number, bytes: number): void {
    if (part !== this.parts.length)
      throw new ProtocolError(`a chunk of part ${part} while ${this.parts.length} is due`);
    if (offset !== this.#filled) throw new ProtocolError(`a chunk at ${offset} while ${this.#filled} is due`);
    if (bytes === 0 || offset + bytes > partBytes)
      throw new ProtocolError(`a chunk of ${bytes} bytes at ${offset} of a part of ${partBytes}`);
    if (this.#destination !== undefined && this.#partBytes !== partBytes)
      throw new ProtocolError('a part changed its length');
  }

  #begin(bytes: number): void {
    this.#begun += bytes;
    if (this.#begun > this.#total || (this.parts.length + 1 === this.#count && this.#begun !== this.#total))
      throw new ProtocolError('the parts of a transfer do not add up to its length');
  }

  #end(part: Buffer): void {
    this.parts.push(part);
    this.#destination = undefined;
    this.#filled = 0;
  }
}

function isWhole(data: Buffer | DataFrame, partBytes: number): data is Buffer {
  return Buffer.isBuffer(data) && data.length === partBytes && data.byteOffset % 8 === 0;
}
