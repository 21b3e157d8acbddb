// What the main thread shows to the control thread while it computes: shared memory, written without a message.
import type { TaskId } from '../../src/protocol/messages.ts';

export const PHASE = { idle: 0, sync: 1, awaiting: 2 } as const;
export const REASON = { none: 0, interrupt: 1, timeout: 2 } as const;

const WORD = {
  phase: 0,
  /** Count of started tasks: tells two tasks apart. */
  started: 1,
  commands: 2,
  reason: 3,
  /** 1 while a thread catches a SIGINT that no task is there for (signal-thread.ts). */
  guarded: 4,
  closed: 5,
  completed: 6,
  outbox: 7,
  done: 8,
  tail: 9,
  stopping: 10,
} as const;
const WORDS = 16;
const SLOTS = 4096;
const SLOT_BYTES = 64;

/** A ring of task ids in the order of arrival: finished up to `done`, then the running one, then the queue to `tail`. */
export class Board {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #slots: Buffer;

  constructor(buffer = new SharedArrayBuffer(WORDS * 4 + SLOTS * SLOT_BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#slots = Buffer.from(buffer, WORDS * 4);
  }

  get(word: keyof typeof WORD): number {
    return Atomics.load(this.#words, WORD[word]);
  }

  set(word: keyof typeof WORD, value: number): void {
    Atomics.store(this.#words, WORD[word], value);
  }

  add(word: keyof typeof WORD, by: number): void {
    Atomics.add(this.#words, WORD[word], by);
  }

  /** Blocks until the word is set, at most `ms`. */
  waitFor(word: keyof typeof WORD, ms: number): void {
    Atomics.wait(this.#words, WORD[word], 0, ms);
  }

  /** Resolves when the word is set. */
  async whenSet(word: keyof typeof WORD): Promise<void> {
    await Atomics.waitAsync(this.#words, WORD[word], 0).value;
  }

  wake(word: keyof typeof WORD): void {
    this.set(word, 1);
    Atomics.notify(this.#words, WORD[word]);
  }

  queued(id: TaskId): void {
    const tail = this.get('tail');
    this.#write(tail, id);
    this.set('tail', tail + 1);
  }

  started(): void {
    this.set('reason', REASON.none);
    this.add('started', 1);
    this.set('phase', PHASE.awaiting);
  }

  ended(outbox: number): void {
    this.set('phase', PHASE.idle);
    this.add('done', 1);
    this.add('completed', 1);
    this.set('outbox', outbox);
  }

  /** After tasks left the middle of the queue. */
  rewrite(outbox: readonly TaskId[], running: TaskId | null, queue: readonly TaskId[], completed: number): void {
    const before = outbox.slice(-SLOTS / 2);
    const ids = [...before, ...(running === null ? [] : [running]), ...queue];
    ids.forEach((id, at) => {
      this.#write(at, id);
    });
    this.set('done', before.length);
    this.set('outbox', outbox.length);
    this.set('tail', ids.length);
    this.set('completed', completed);
  }

  /** The running task and which start it was, or null. */
  running(): { readonly id: TaskId; readonly started: number } | null {
    const started = this.get('started');
    if (this.get('phase') === PHASE.idle) return null;
    return { id: this.#read(this.get('done')), started };
  }

  /** Ids in the queue and in the outbox; at most 4096 of each. */
  ids(): { readonly queue: TaskId[]; readonly outbox: TaskId[] } {
    const tail = this.get('tail');
    const done = this.get('done');
    const first = done + (this.get('phase') === PHASE.idle ? 0 : 1);
    const oldest = Math.max(0, tail - SLOTS);
    return {
      queue: this.#readAll(Math.max(first, oldest), tail),
      outbox: this.#readAll(Math.max(oldest, done - this.get('outbox')), done),
    };
  }

  #write(at: number, id: TaskId): void {
    const offset = (at % SLOTS) * SLOT_BYTES;
    this.#slots[offset] = this.#slots.write(id, offset + 1, SLOT_BYTES - 1, 'latin1');
  }

  #read(at: number): TaskId {
    const offset = (at % SLOTS) * SLOT_BYTES;
    return this.#slots.toString('latin1', offset + 1, offset + 1 + (this.#slots[offset] as number));
  }

  #readAll(from: number, to: number): TaskId[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => this.#read(from + i));
  }
}
