import type { TaskId } from '../../src/protocol/messages.ts';
import { IdRing, readSlot, SLOT_BYTES, writeSlot } from './id-ring.ts';
import type { QueueEvent } from './queue-event.ts';

/** The main thread is idle, computes for a task (a signal finds user code), or awaits something for the task. */
export const PHASE = { idle: 0, sync: 1, awaiting: 2 } as const;
/** The reason for ending the running task. */
export const REASON = { none: 0, interrupt: 1, timeout: 2, clientGone: 3 } as const;

/** The engine is to go on, to end when it has nothing to do, or ends for that reason. */
export const RETIRING = { no: 0, asked: 1, ends: 2 } as const;

const WORD = {
  phase: 0,
  /** Count of started tasks: tells two tasks apart. */
  started: 1,
  /** Messages of the control thread that the main thread has not taken. */
  commands: 2,
  reason: 3,
  /** 1 while a thread catches a SIGINT that meets no task (signal-thread.ts). */
  guarded: 4,
  closed: 5,
  /** Count of tasks that ended, whatever the end. */
  completed: 6,
  stopping: 7,
  /** Count of SIGINTs that were sent for a task. */
  signals: 8,
  /** How many of them have been caught, wherever. */
  caught: 9,
  /** 1 from an interrupted task until Node's timers and console were found to work. */
  unproved: 10,
  /** Count of turns of the main thread's event loop, by a timer. */
  turns: 11,
  /** 1 while code that must not end half-way computes for a task (control/door.ts). */
  inside: 12,
  /** 1 while the control thread is about to signal: nobody else comes inside. */
  closing: 13,
  /** 1 when the control thread admits peers that show a key. */
  admits: 14,
  /** 1 when the control thread has passed on the first whole roster. */
  follows: 15,
  /** A value of RETIRING: both threads may change it. */
  retiring: 16,
} as const;
/** The places of ids begin at whole steps of 8 bytes. */
const WORDS = 18;
const SLOT_AT = WORDS * 4;
const QUEUE_AT = SLOT_AT + SLOT_BYTES;
const KEPT_AT = QUEUE_AT + IdRing.bytes;
const BYTES = KEPT_AT + IdRing.bytes;

/** The names of the board's words. */
export type StatusWord = keyof typeof WORD;

/**
 * The state of the main thread in shared memory, for the control thread to read while the main thread computes. The main
 * thread folds the events of its task queue into it; no message is sent.
 */
export class StatusBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #slot: Buffer;
  readonly #queue: IdRing;
  readonly #kept: IdRing;

  /** A board on the buffer of another thread's board, or a new one. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#slot = Buffer.from(buffer, SLOT_AT, SLOT_BYTES);
    this.#queue = new IdRing(buffer, QUEUE_AT);
    this.#kept = new IdRing(buffer, KEPT_AT);
  }

  get(word: StatusWord): number {
    // Counts overflow to negative numbers after 2³¹.
    return Atomics.load(this.#words, WORD[word]) >>> 0;
  }

  set(word: StatusWord, value: number): void {
    Atomics.store(this.#words, WORD[word], value);
  }

  /** Sets the word to `to` if it is `from`, in one step; tells whether it was. */
  change(word: StatusWord, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, WORD[word], from, to) === from;
  }

  add(word: StatusWord, by: number): void {
    Atomics.add(this.#words, WORD[word], by);
  }

  /** Blocks until the word is set, at most `ms`. */
  waitFor(word: StatusWord, ms: number): void {
    Atomics.wait(this.#words, WORD[word], 0, ms);
  }

  /** Blocks while the word is 1, at most `ms`. */
  waitWhile(word: StatusWord, ms: number): void {
    Atomics.wait(this.#words, WORD[word], 1, ms);
  }

  /** Sets the word to 0 and wakes those who wait for that. */
  clear(word: StatusWord): void {
    this.set(word, 0);
    Atomics.notify(this.#words, WORD[word]);
  }

  /** Resolves when the word is set. */
  async whenSet(word: StatusWord): Promise<void> {
    await Atomics.waitAsync(this.#words, WORD[word], 0).value;
  }

  /** Sets the word to 1 and wakes those who wait for it. */
  wake(word: StatusWord): void {
    this.set(word, 1);
    Atomics.notify(this.#words, WORD[word]);
  }

  /** Applies what happened in the task queue. */
  fold(events: readonly QueueEvent<unknown>[]): void {
    let leave = false;
    for (const event of events) {
      if (event.type === 'queued') this.#queue.push(event.task.message.id);
      else if (event.type === 'started') this.#started(event.task.message.id, event.isOvertaking);
      else if (event.type === 'ended') this.#ended();
      else if (event.type === 'kept') this.#kept.push(event.id);
      else if (event.type === 'evicted') this.#kept.shift();
      else if (event.type === 'dropped' || event.type === 'purged') leave = true;
    }
    if (leave) this.#removeAll(events);
  }

  // `running` reads these in the opposite order.
  #started(id: TaskId, isOvertaking: true | undefined): void {
    if (isOvertaking) this.#queue.removeOne(id);
    else this.#queue.shift();
    this.set('reason', REASON.none);
    this.add('started', 1);
    writeSlot(this.#slot, 0, id);
    this.set('phase', PHASE.awaiting);
  }

  #ended(): void {
    this.set('phase', PHASE.idle);
    this.add('completed', 1);
  }

  // One pass over a ring finds all ids that leave it.
  #removeAll(events: readonly QueueEvent<unknown>[]): void {
    const dropped = new Set<TaskId>();
    const purged = new Set<TaskId>();
    for (const event of events) {
      if (event.type === 'dropped') dropped.add(event.task.message.id);
      else if (event.type === 'purged') purged.add(event.id);
    }
    this.#queue.remove(dropped);
    this.#kept.remove(purged);
    this.add('completed', dropped.size);
  }

  /** The running task and its start number, or null. */
  running(): { readonly id: TaskId; readonly started: number } | null {
    for (;;) {
      const started = this.get('started');
      if (this.get('phase') === PHASE.idle) return null;
      const id = readSlot(this.#slot, 0);
      // Another task has started meanwhile: the id may be half of each.
      if (this.get('started') === started) return { id, started };
    }
  }

  /** Ids in the queue and ids of kept replies, oldest first; the newest 4096 of each. */
  ids(): { readonly queue: TaskId[]; readonly outbox: TaskId[] } {
    return { queue: this.#queue.list(), outbox: this.#kept.list() };
  }
}
