/** The work of a session's main thread. */
const PHASES = { idle: 0, sync: 1, waits: 2 } as const;
/** Places on the board. */
const PLACE = { phase: 0, answers: 1 } as const;

/**
 * The work of a session's main thread, in memory that its other threads see. `sync`: code of the user up to its first `await`,
 * which runs below a script that a signal ends. `waits`: it awaits something, or goes on behind an `await`.
 */
export class PhaseBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  /** A board on the buffer of another thread's board, or a new one. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer);
  }

  enter(phase: keyof typeof PHASES): void {
    Atomics.store(this.#numbers, PLACE.phase, PHASES[phase]);
  }

  is(phase: keyof typeof PHASES): boolean {
    return Atomics.load(this.#numbers, PLACE.phase) === PHASES[phase];
  }

  /** The main thread takes messages: nothing computes there. */
  answer(): void {
    Atomics.add(this.#numbers, PLACE.answers, 1);
    Atomics.notify(this.#numbers, PLACE.answers);
  }

  /** The number of answers so far. */
  get answers(): number {
    return Atomics.load(this.#numbers, PLACE.answers);
  }

  /** Blocks this thread until there are more than `known` answers, for at most `ms`. True if there are. */
  waitForAnswer(known: number, ms = Infinity): boolean {
    Atomics.wait(this.#numbers, PLACE.answers, known, ms);
    return this.answers !== known;
  }

  /** Blocks this thread for so long. */
  pause(ms: number): void {
    this.waitForAnswer(this.answers, ms);
  }
}

/** The board of this process. */
export const PHASE = new PhaseBoard();
