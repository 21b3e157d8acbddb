import { closeSync, readSync } from 'node:fs';
import { ProtocolError } from '../../errors.ts';
import type { DataFrame } from '../incoming.ts';
import type { BulkFolder } from './bulk-folder.ts';
import type { Outgoing, OutgoingUser } from './outgoing.ts';
import { MAX_SLOTS, type OutgoingFile, SLOTS } from './outgoing-file.ts';

/** The link of a writer. */
export interface WriterEvents {
  /** The peer should open the file of that name. */
  offer(name: string): void;
  /** Data that had to wait may be written. */
  wake(): void;
}

/** Writes a link's data into a file that its peer reads: one copy here and one there, straight into place. */
export class BulkWriter implements OutgoingUser {
  readonly #outgoing: Outgoing;
  readonly #events: WriterEvents;
  /** The file that the peer has opened. */
  #file: OutgoingFile | undefined;
  /** The file that the peer was told to open, and has not answered. */
  #offered: OutgoingFile | undefined;
  #isClosed = false;
  /** Slots that the peer has not given back, each as often as it was sent. */
  readonly #held: number[] = [];

  constructor(outgoing: Outgoing, events: WriterEvents) {
    this.#outgoing = outgoing;
    this.#events = events;
  }

  /** There are data for a file: offers one to the peer unless it has the right one, or there can be none. */
  propose(): void {
    if (this.#isClosed || this.#offered !== undefined) return;
    const file = this.#outgoing.fileFor(this.#file);
    if (file === undefined) this.close();
    else this.moveTo(file);
  }

  moveTo(file: OutgoingFile): void {
    if (this.#offered !== undefined || file === this.#file) return;
    this.#offered = file;
    file.join();
    this.#events.offer(file.name);
  }

  /** @throws ProtocolError for an answer to nothing, and from a peer that keeps slots of the file before */
  answered(isTaken: boolean): void {
    const offered = this.#offered;
    if (offered === undefined) throw new ProtocolError('an answer to no offer');
    if (this.#held.length > 0)
      throw new ProtocolError('an answer before the slots of the file before it were given back');
    this.#offered = undefined;
    offered.answered();
    this.#file?.leave(this.#held, this.#events.wake);
    this.#file = offered;
    if (isTaken) this.#outgoing.add(this);
    else this.close();
  }

  /** True if data go through the file. */
  get isOpen(): boolean {
    return this.#file !== undefined && this.#offered === undefined;
  }

  /** True if data must wait for the peer: for its answer, or for a slot. */
  get isFull(): boolean {
    if (this.#offered !== undefined || this.#held.length >= SLOTS) return true;
    return this.#held.length > 0 && this.#file?.isFull === true;
  }

  /** True if these data must wait for peers that lag behind. */
  mustWait(data: Uint8Array): boolean {
    return this.#file?.mustWait(data, this.#events.wake) === true;
  }

  /** Writes data of at most one slot unless they are there, and gives the slot; undefined where there is no room. */
  write(data: Uint8Array): number | undefined {
    const file = this.#file as OutgoingFile;
    const slot = file.hold(data);
    if (slot !== undefined) this.#held.push(slot);
    else if (file.isUseless) this.close();
    return slot;
  }

  /** @throws ProtocolError for a slot that the peer does not hold */
  release(slot: number): void {
    const at = this.#held.indexOf(slot);
    if (at < 0) throw new ProtocolError(`slot ${slot} is not in use`);
    this.#held.splice(at, 1);
    this.#file?.release(slot);
  }

  /** The peer keeps what it has opened. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#outgoing.delete(this);
    this.#offered?.answered();
    this.#offered?.leave([], this.#events.wake);
    this.#file?.leave(this.#held, this.#events.wake);
    this.#offered = undefined;
    this.#file = undefined;
  }
}

/** Reads the data of a peer's bulk file. */
export class BulkReader {
  readonly #folder: BulkFolder;
  readonly #slotBytes: number;
  #descriptor: number | undefined;
  #name: string | undefined;
  #hasRefused = false;

  constructor(folder: BulkFolder, slotBytes: number) {
    this.#folder = folder;
    this.#slotBytes = slotBytes;
  }

  /**
   * False if the file cannot be opened here. It takes the place of one that was opened before: all its data have been read.
   * @throws ProtocolError for a file that was offered before, one after a refusal, or a name that no peer makes
   */
  open(name: string): boolean {
    if (this.#hasRefused || name === this.#name) throw new ProtocolError('a second offer of a bulk file');
    this.#hasRefused = true;
    this.#name = name;
    this.close();
    try {
      this.#descriptor = this.#folder.open(name);
      this.#hasRefused = false;
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
    }
    return !this.#hasRefused;
  }

  /** The data in a slot, to be read before the peer may use it again. @throws ProtocolError */
  frame(slot: number, length: number): DataFrame {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new ProtocolError('data in a bulk file that was not opened');
    if (slot >= MAX_SLOTS || length > this.#slotBytes) throw new ProtocolError(`no slot ${slot} of ${length} bytes`);
    return { length, copyTo: (to, at) => readInto(descriptor, to, at, length, slot * this.#slotBytes) };
  }

  /** Idempotent. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** @throws ProtocolError where the file is shorter */
function readInto(descriptor: number, to: Buffer, at: number, length: number, from: number): void {
  for (let done = 0; done < length; ) {
    const count = readSync(descriptor, to, at + done, length - done, from + done);
    if (count === 0) throw new ProtocolError('a bulk file is shorter than its peer says');
    done += count;
  }
}
