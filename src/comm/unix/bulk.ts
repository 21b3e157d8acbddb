import { closeSync, readSync, writeSync } from 'node:fs';
import { ProtocolError } from '../../errors.ts';
import type { DataFrame } from '../incoming.ts';
import type { BulkFile, BulkFolder } from './bulk-folder.ts';

/** Slots of a bulk file. A peer reads one while the next one is written; few slots stay in the caches of the processor. */
export const SLOTS = 8;

/** Writes data into a file that the peer reads: one copy here and one there, straight into place. */
export class BulkWriter {
  readonly #folder: BulkFolder;
  readonly #slotBytes: number;
  #file: BulkFile | undefined;
  #state: 'fresh' | 'offered' | 'open' | 'closed' = 'fresh';
  /** The slot that was used last comes first: its pages are warm. */
  readonly #free: number[] = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i);

  constructor(folder: BulkFolder, slotBytes: number) {
    this.#folder = folder;
    this.#slotBytes = slotBytes;
  }

  /** The name of a file that the peer should open; undefined if it was told before, or there can be none. */
  propose(): string | undefined {
    if (this.#state !== 'fresh') return undefined;
    this.#file = this.#folder.create();
    this.#state = this.#file === undefined ? 'closed' : 'offered';
    return this.#file?.name;
  }

  /** @throws ProtocolError for an answer to nothing */
  answered(isTaken: boolean): void {
    if (this.#state !== 'offered') throw new ProtocolError('an answer to no offer');
    this.#folder.remove((this.#file as BulkFile).name);
    if (isTaken) this.#state = 'open';
    else this.close();
  }

  /** True if data go through the file. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** True if all slots wait for the peer. */
  get isFull(): boolean {
    return this.#free.length === 0;
  }

  /** Writes data of at most one slot, and gives the slot; undefined where there is no room: then this writer is of no more use. */
  write(data: Uint8Array): number | undefined {
    const slot = this.#free.pop() as number;
    try {
      const { descriptor } = this.#file as BulkFile;
      if (writeSync(descriptor, data, 0, data.byteLength, slot * this.#slotBytes) === data.byteLength) return slot;
    } catch {
      // There is no room. The peer still reads the other slots.
    }
    this.#free.push(slot);
    this.#state = 'closed';
    return undefined;
  }

  /** @throws ProtocolError for a slot that is free */
  release(slot: number): void {
    if (slot >= SLOTS || this.#free.includes(slot)) throw new ProtocolError(`slot ${slot} is not in use`);
    this.#free.push(slot);
  }

  /** The peer keeps what it has opened. Idempotent. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#state = 'closed';
    if (file === undefined) return;
    this.#folder.remove(file.name);
    closeSync(file.descriptor);
  }
}

/** Reads the data of a peer's bulk file. */
export class BulkReader {
  readonly #folder: BulkFolder;
  readonly #slotBytes: number;
  #descriptor: number | undefined;
  #wasOffered = false;

  constructor(folder: BulkFolder, slotBytes: number) {
    this.#folder = folder;
    this.#slotBytes = slotBytes;
  }

  /** False if the file cannot be opened here. @throws ProtocolError for a second file, or a name that no peer makes */
  open(name: string): boolean {
    if (this.#wasOffered) throw new ProtocolError('a second bulk file');
    this.#wasOffered = true;
    try {
      this.#descriptor = this.#folder.open(name);
      return true;
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      return false;
    }
  }

  /** The data in a slot, to be read before the peer may use it again. @throws ProtocolError */
  frame(slot: number, length: number): DataFrame {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new ProtocolError('data in a bulk file that was not opened');
    if (slot >= SLOTS || length > this.#slotBytes) throw new ProtocolError(`no slot ${slot} of ${length} bytes`);
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
