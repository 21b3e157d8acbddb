import { ProtocolError } from '../errors.ts';
import { faultPoint } from '../util/diagnostics/fault-point.ts';
import { Fifo } from '../util/fifo.ts';
import { Batch } from './batch.ts';
import {
  BATCH_BYTES,
  COUNTED,
  DATA,
  type Frames,
  HEADER_BYTES,
  INLINE_BYTES,
  MAX_PARTS,
  SMALL_BYTES,
  WINDOW_PACKETS,
} from './packet.ts';
import { isGone, OutgoingPart, OutgoingTransfer, TRANSFERRED_AWAY } from './transfer.ts';

/** The limits of a link, in bytes. */
export interface Limits {
  readonly chunkBytes: number;
  readonly windowBytes: number;
  readonly maxMessageBytes: number;
}

/** Small messages share this promise: they are copied, so their senders wait for nothing. */
export const COPIED: Promise<void> = Promise.resolve();
const CONTROL_HINT = 64;

/** The sending half of a link: messages go in, packets come out, in order and within the window. It does no I/O. */
export class Outbox {
  readonly #limits: Limits;
  readonly #items = new Fifo<Batch | OutgoingPart>();
  readonly #transfers = new Fifo<OutgoingTransfer>();
  /** Bytes of the data frame of each unacknowledged packet, oldest first. */
  readonly #unacknowledged = new Fifo<number>();
  readonly #done: number[] = [];
  #queuedBytes = 0;
  #inFlightBytes = 0;
  #acknowledged = 0;
  #sequence = 0;
  #transferCount = 0;
  #hint = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes that wait, and bytes of large parts that the peer has not acknowledged. */
  get pendingBytes(): number {
    return this.#queuedBytes + this.#inFlightBytes;
  }

  /** True if there is nothing to send. */
  get isEmpty(): boolean {
    return this.#items.length === 0 && this.#done.length === 0;
  }

  /** True while a large message is on its way. */
  get hasLarge(): boolean {
    return this.#transfers.length > 0;
  }

  /**
   * Queues a message.
   * The promise rejects with TypeError when memory of the message is transferred away before all of it was sent.
   * @throws ProtocolError for what the peer would refuse; TypeError for a part that is not bytes, or whose memory is gone
   */
  add(parts: readonly Uint8Array[]): Promise<void> {
    const total = totalBytes(parts);
    this.#checkSize(parts.length, total);
    if (total + 4 * parts.length > SMALL_BYTES) return this.#addLarge(parts, total);
    this.#count(this.#tail(4 + 4 * parts.length + total), (batch) => batch.message(parts, total));
    return COPIED;
  }

  /** To be told to the peer with the next packet: its transfer arrived. */
  reportDone(transfer: number): void {
    this.#done.push(transfer);
  }

  /**
   * The next packet, or undefined when there is nothing to send or the window is used up.
   * `acknowledge`: counted packets consumed so far; `force`: send even an empty packet.
   */
  take(acknowledge: number, force: boolean): Frames | undefined {
    const content = this.#unacknowledged.length < WINDOW_PACKETS ? this.#takeContent(acknowledge) : undefined;
    if (content !== undefined) return content;
    if (this.#done.length === 0 && !force) return undefined;
    return [this.#seal(new Batch(CONTROL_HINT), 0, acknowledge)];
  }

  /** @throws ProtocolError when more is acknowledged than was sent */
  acknowledge(count: number): void {
    const fresh = (count - this.#acknowledged) >>> 0;
    if (fresh > this.#unacknowledged.length) throw new ProtocolError('packets are acknowledged that were never sent');
    for (let i = 0; i < fresh; i++) this.#inFlightBytes -= this.#unacknowledged.shift() as number;
    this.#acknowledged = count;
  }

  /** @throws ProtocolError when that transfer is not the one that is due */
  finish(transfer: number): void {
    const oldest = this.#transfers.first;
    if (oldest?.id !== transfer || oldest.open > 0) throw new ProtocolError(`transfer ${transfer} is not under way`);
    this.#transfers.shift();
    oldest.finish();
  }

  /** Drops everything and rejects its senders. */
  fail(reason: Error): void {
    this.#items.clear();
    this.#unacknowledged.clear();
    this.#queuedBytes = 0;
    this.#inFlightBytes = 0;
    for (let t = this.#transfers.shift(); t !== undefined; t = this.#transfers.shift()) t.fail(reason);
  }

  #checkSize(count: number, total: number): void {
    if (count > MAX_PARTS) throw new ProtocolError(`a message of ${count} parts; at most ${MAX_PARTS} can be sent`);
    const most = this.#limits.maxMessageBytes;
    if (total > most)
      throw new ProtocolError(`a message of ${total} bytes; maxMessageBytes is ${most}: send it in pieces or raise it`);
  }

  #addLarge(parts: readonly Uint8Array[], total: number): Promise<void> {
    const transfer = new OutgoingTransfer(this.#transferCount++ >>> 0);
    this.#transfers.push(transfer);
    this.#count(this.#tail(64), (batch) => batch.start(transfer.id, parts.length, total));
    parts.forEach((part, index) => {
      if (part.byteLength > INLINE_BYTES) this.#addBody(new OutgoingPart(transfer, index, part));
      else this.#count(this.#tail(8 + part.byteLength), (batch) => batch.part(part));
    });
    return transfer.delivered;
  }

  #addBody(body: OutgoingPart): void {
    body.transfer.open++;
    this.#items.push(body);
    this.#queuedBytes += body.remaining;
  }

  /** The batch that the next record of `bytes` goes into. */
  #tail(bytes: number): Batch {
    const last = this.#items.last;
    if (last instanceof Batch && last.length + bytes <= BATCH_BYTES) return last;
    const batch = new Batch(this.#hint);
    this.#items.push(batch);
    return batch;
  }

  #count(batch: Batch, append: (batch: Batch) => void): void {
    const before = batch.length;
    append(batch);
    this.#queuedBytes += batch.length - before;
  }

  #takeContent(acknowledge: number): Frames | undefined {
    let batch: Batch | undefined;
    if (this.#items.first instanceof Batch) {
      batch = this.#items.shift() as Batch;
      this.#queuedBytes -= batch.length - HEADER_BYTES;
      // The next batch will probably be as large as this one: growing copies.
      this.#hint = Math.min(BATCH_BYTES, batch.length);
    }
    const body = this.#sendableBody();
    if (body !== undefined) return this.#takeChunk(batch ?? new Batch(CONTROL_HINT), body, acknowledge);
    if (batch === undefined) return undefined;
    this.#unacknowledged.push(0);
    return [this.#seal(batch, COUNTED, acknowledge)];
  }

  /** The part at the head, if the credit allows its next chunk. */
  #sendableBody(): OutgoingPart | undefined {
    const head = this.#items.first;
    if (!(head instanceof OutgoingPart)) return undefined;
    const bytes = Math.min(this.#limits.chunkBytes, head.remaining);
    return this.#inFlightBytes === 0 || this.#inFlightBytes + bytes <= this.#limits.windowBytes ? head : undefined;
  }

  #takeChunk(batch: Batch, body: OutgoingPart, acknowledge: number): Frames {
    faultPoint('link.chunkOut');
    if (body.isGone) this.#withdraw(batch, body.transfer);
    const { place, window } = body.next(this.#limits.chunkBytes);
    this.#queuedBytes -= place.bytes;
    this.#inFlightBytes += place.bytes;
    this.#unacknowledged.push(place.bytes);
    if (body.remaining === 0) {
      this.#items.shift();
      body.transfer.open--;
    }
    this.#appendDone(batch);
    batch.chunk(place);
    return [this.#seal(batch, COUNTED | DATA, acknowledge), window];
  }

  // The rest still goes, as zeros: the peer has been promised so many bytes.
  #withdraw(batch: Batch, transfer: OutgoingTransfer): void {
    if (transfer.isWithdrawn) return;
    transfer.isWithdrawn = true;
    transfer.fail(new TypeError(TRANSFERRED_AWAY));
    batch.withdrawn(transfer.id);
  }

  #seal(batch: Batch, flags: number, acknowledge: number): Buffer {
    this.#appendDone(batch);
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    return batch.seal(flags, sequence, acknowledge);
  }

  #appendDone(batch: Batch): void {
    for (const transfer of this.#done) batch.done(transfer);
    this.#done.length = 0;
  }
}

function totalBytes(parts: readonly Uint8Array[]): number {
  let total = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (!(part instanceof Uint8Array)) throw new TypeError(`part ${i} of a message must be a Uint8Array`);
    if (isGone(part)) throw new TypeError(TRANSFERRED_AWAY);
    total += part.byteLength;
  }
  return total;
}
