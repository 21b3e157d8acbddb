import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import { clearTimeout, setTimeout } from 'node:timers';
import { isAwaited, useOf, type WindowUse } from '../transfer.ts';
import type { BulkFile, BulkFolder } from './bulk-folder.ts';

/** Slots that one link may hold. A peer reads one while the next one is written; few slots stay in the processor's caches. */
export const SLOTS = 8;
/** Slots of one file: enough for 1024 peers that all hold theirs. */
export const MAX_SLOTS = 1024 * SLOTS;
/** Slots of a file before links wait for peers that lag behind: as many as a link's credit window has chunks. */
const KEPT = 16;
/** Links wait so many ms for peers that lag behind and take nothing. */
const LAG_MS = 20;

/** Where data lie, as long as the slot has not been written again since. */
interface Place {
  readonly slot: Slot;
  readonly write: number;
}

/** A place for one chunk. */
interface Slot {
  readonly number: number;
  /** How many times it was sent and not given back. */
  holds: number;
  /** How many times it was written. */
  writes: number;
  use: WindowUse | undefined;
}

/**
 * A bulk file that all links of a transport write to. Data that go to several peers are written once: a link that sends what a
 * slot holds holds that slot, too. A slot is written again when every peer has given it back, and no other link is going to
 * send what it holds. Links wait a little for those that lag behind, but no link waits for a peer that has stopped.
 */
export class OutgoingFile {
  readonly name: string;
  readonly #folder: BulkFolder;
  readonly #descriptor: number;
  readonly #slotBytes: number;
  readonly #slots: Slot[] = [];
  /** Nobody needs what they hold. The slot that was used last comes first: its pages are warm. */
  readonly #free: Slot[] = [];
  /** Every peer has given them back, and other links are going to send what they hold. */
  readonly #kept = new Set<Slot>();
  /** Weak: data must not live as long as the file. */
  readonly #written = new WeakMap<Uint8Array, Place>();
  /** Wakes links that wait for others. */
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #links = 0;
  #unanswered = 0;
  #hasRoom = true;
  #isRetired = false;

  constructor(folder: BulkFolder, { name, descriptor }: BulkFile, slotBytes: number) {
    this.#folder = folder;
    this.name = name;
    this.#descriptor = descriptor;
    this.#slotBytes = slotBytes;
  }

  /** True if another link can still open it: it keeps its name until every peer has answered. */
  get isNamed(): boolean {
    return this.#unanswered > 0;
  }

  /** True if new data should go into another file. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** True if nothing was ever written: there is no room for it. */
  get isUseless(): boolean {
    return !this.#hasRoom && this.#slots.length === 0;
  }

  /** True if no slot is free, and no more can be made. */
  get isFull(): boolean {
    return this.#free.length === 0 && this.#kept.size === 0 && !this.#canGrow;
  }

  get #canGrow(): boolean {
    return this.#hasRoom && this.#slots.length < MAX_SLOTS;
  }

  /** A link has offered it to its peer. */
  join(): void {
    this.#links++;
    this.#unanswered++;
  }

  /** That peer has answered, or has gone. */
  answered(): void {
    if (--this.#unanswered === 0) this.#folder.remove(this.name);
  }

  /** A link uses it no more. Slots that its peer has not given back are never written again: the peer may read them yet. */
  leave(held: readonly number[], wake: () => void): void {
    this.#waiting.delete(wake);
    if (held.length > 0) this.#isRetired = true;
    if (--this.#links > 0) return;
    this.#isRetired = true;
    clearTimeout(this.#timer);
    closeSync(this.#descriptor);
  }

  /** True if the data are not there, and should not be written yet: `wake` is called when they may. */
  mustWait(data: Uint8Array, wake: () => void): boolean {
    const isFree = this.#free.length > 0 || this.#kept.size === 0 || (this.#slots.length < KEPT && this.#canGrow);
    if (isFree || this.#slotOf(data) !== undefined) return false;
    this.#waiting.add(wake);
    this.#timer ??= setTimeout(() => this.#giveUp(), LAG_MS).unref();
    return true;
  }

  /** Holds the slot with these data, at most one slot long; they are written unless they are there. Undefined: there is no room. */
  hold(data: Uint8Array): number | undefined {
    const slot = this.#found(data) ?? this.#write(data);
    if (slot === undefined) return undefined;
    slot.holds++;
    return slot.number;
  }

  /** A peer has read a slot that a link of this file held. */
  release(number: number): void {
    const slot = this.#slots[number] as Slot;
    if (--slot.holds > 0) return;
    if (isAwaited(slot.use)) {
      this.#kept.add(slot);
      return;
    }
    this.#free.push(slot);
    this.#wake();
  }

  // A peer that has stopped would hold up the others: from now on each link writes that part for itself.
  #giveUp(): void {
    for (const slot of this.#kept) {
      if (slot.use !== undefined) slot.use.senders.isGivenUp = true;
      this.#free.push(slot);
    }
    this.#kept.clear();
    this.#wake();
  }

  #wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #slotOf(data: Uint8Array): Slot | undefined {
    const place = this.#written.get(data);
    return place?.slot.writes === place?.write ? place?.slot : undefined;
  }

  #found(data: Uint8Array): Slot | undefined {
    const slot = this.#slotOf(data);
    if (slot?.holds === 0 && !this.#kept.delete(slot)) this.#free.splice(this.#free.indexOf(slot), 1);
    return slot;
  }

  #write(data: Uint8Array): Slot | undefined {
    const slot = this.#free.pop() ?? this.#grow() ?? this.#lastKept();
    if (slot === undefined) return undefined;
    slot.writes++;
    slot.use = useOf(data);
    if (this.#fill(slot, data)) {
      this.#written.set(data, { slot, write: slot.writes });
      return slot;
    }
    this.#shrink(slot);
    return undefined;
  }

  #lastKept(): Slot | undefined {
    const slot = [...this.#kept].pop();
    if (slot !== undefined) this.#kept.delete(slot);
    return slot;
  }

  #grow(): Slot | undefined {
    if (!this.#canGrow) return undefined;
    const slot = { number: this.#slots.length, holds: 0, writes: 0, use: undefined };
    this.#slots.push(slot);
    return slot;
  }

  #fill({ number }: Slot, data: Uint8Array): boolean {
    try {
      return writeSync(this.#descriptor, data, 0, data.byteLength, number * this.#slotBytes) === data.byteLength;
    } catch {
      return false;
    }
  }

  // There is no room. The pages that a new slot got are given back; an old one is kept.
  #shrink(slot: Slot): void {
    this.#hasRoom = false;
    if (slot.writes > 1) {
      this.#free.push(slot);
      return;
    }
    this.#slots.pop();
    try {
      ftruncateSync(this.#descriptor, slot.number * this.#slotBytes);
    } catch {
      // The pages go with the file.
    }
  }
}
