import type { TaskId } from '../../src/protocol/messages.ts';

const WORD = { tail: 0, length: 1 } as const;
const HEAD_BYTES = 8;
// A power of two, so that a position that overflows 32 bits still finds its slot.
const SLOTS = 4096;
/** Bytes of a slot: the length of an id and its characters. Longer ids are cut. */
export const SLOT_BYTES = 64;
const EMPTY = 0;

/** Writes an id into a slot. */
export function writeSlot(slots: Buffer, offset: number, id: TaskId): void {
  const length = Math.min(id.length, SLOT_BYTES - 1);
  // A loop, because it takes half the time of slots.write.
  for (let i = 0; i < length; i++) slots[offset + 1 + i] = id.charCodeAt(i);
  slots[offset] = length;
}

/** From the end: the ids of one client begin alike. */
function isSlotOf(slots: Buffer, offset: number, id: TaskId): boolean {
  const length = Math.min(id.length, SLOT_BYTES - 1);
  if (slots[offset] !== length) return false;
  for (let i = length - 1; i >= 0; i--) if (slots[offset + 1 + i] !== id.charCodeAt(i)) return false;
  return true;
}

/** Reads the id of a slot. */
export function readSlot(slots: Buffer, offset: number): TaskId {
  return slots.toString('latin1', offset + 1, offset + 1 + (slots[offset] as number));
}

/**
 * A queue of task ids in shared memory: one thread writes it, others list it. It counts all its ids and shows the newest
 * 4096. Ids leave at the front, or from the middle, where they leave an empty slot.
 */
export class IdRing {
  /** Bytes that a ring takes in the shared buffer. */
  static readonly bytes = HEAD_BYTES + SLOTS * SLOT_BYTES;
  readonly #words: Int32Array;
  readonly #slots: Buffer;

  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.#words = new Int32Array(buffer, offset, HEAD_BYTES / 4);
    this.#slots = Buffer.from(buffer, offset + HEAD_BYTES, SLOTS * SLOT_BYTES);
  }

  get length(): number {
    return Atomics.load(this.#words, WORD.length);
  }

  /** Adds an id at the end. */
  push(id: TaskId): void {
    writeSlot(this.#slots, offsetOf(Atomics.load(this.#words, WORD.tail)), id);
    Atomics.add(this.#words, WORD.tail, 1);
    Atomics.add(this.#words, WORD.length, 1);
  }

  /** The oldest id leaves. */
  shift(): void {
    Atomics.sub(this.#words, WORD.length, 1);
  }

  /** These ids leave; all of them must be in the ring. */
  remove(ids: ReadonlySet<TaskId>): void {
    if (ids.size === 0) return;
    for (const [offset, id] of this.#newest()) if (ids.has(id)) this.#slots[offset] = EMPTY;
    Atomics.sub(this.#words, WORD.length, ids.size);
  }

  /** This id leaves; it must be in the ring. Without a text for each slot: a flood has thousands. */
  removeOne(id: TaskId): void {
    const tail = Atomics.load(this.#words, WORD.tail);
    const least = tail - Math.min(SLOTS, tail >>> 0);
    for (let at = tail - 1; at >= least; at--) {
      const offset = offsetOf(at);
      if (!isSlotOf(this.#slots, offset, id)) continue;
      this.#slots[offset] = EMPTY;
      break;
    }
    Atomics.sub(this.#words, WORD.length, 1);
  }

  /** The newest 4096 ids, oldest first. */
  list(): TaskId[] {
    return Array.from(this.#newest(), ([, id]) => id).reverse();
  }

  /** From the newest id back to the oldest: its slot's offset, and the id. */
  *#newest(): Generator<readonly [offset: number, id: TaskId]> {
    const { length } = this;
    const tail = Atomics.load(this.#words, WORD.tail);
    let found = 0;
    for (let at = tail - 1; found < length && at >= tail - SLOTS; at--) {
      const offset = offsetOf(at);
      if (this.#slots[offset] === EMPTY) continue;
      found += 1;
      yield [offset, readSlot(this.#slots, offset)];
    }
  }
}

function offsetOf(at: number): number {
  return (at & (SLOTS - 1)) * SLOT_BYTES;
}
