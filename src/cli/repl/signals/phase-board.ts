/** The work of a session's main thread. */
const PHASES = { idle: 0, sync: 1, waits: 2 } as const;
/** Places on the board. */
const PLACE = { phase: 0, answers: 1, turns: 2, asked: 3, followed: 4 } as const;
const BYTES = 4 * Object.keys(PLACE).length;
/** A thread that does not follow within this time (ms) is not waited for. */
const FOLLOW_MS = 20;

/**
 * The work of a session's main thread, in memory that its other threads see. `sync`: code of the user up to its first `await`,
 * which runs below a script that a signal ends. `waits`: it awaits something, or goes on behind an `await`.
 */
export class PhaseBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  /** A board on the buffer of another thread's board, or a new one. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
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
    this.#turn();
  }

  /** The number of answers so far. */
  get answers(): number {
    return Atomics.load(this.#numbers, PLACE.answers);
  }

  /** Blocks the main thread until the signal thread's script was entered behind the one that runs here. */
  letThreadFollow(): void {
    const number = Atomics.add(this.#numbers, PLACE.asked, 1) + 1;
    this.#turn();
    for (let now = this.#followed; now < number; now = this.#followed) {
      if (Atomics.wait(this.#numbers, PLACE.followed, now, FOLLOW_MS) === 'timed-out') return;
    }
  }

  /** The main thread has entered a script since this thread entered its own. */
  get mustFollow(): boolean {
    return Atomics.load(this.#numbers, PLACE.asked) !== this.#followed;
  }

  /** This thread's script is the last one that was entered. */
  followed(): void {
    Atomics.store(this.#numbers, PLACE.followed, Atomics.load(this.#numbers, PLACE.asked));
    Atomics.notify(this.#numbers, PLACE.followed);
  }

  /** Counts what the main thread has written here. */
  get turns(): number {
    return Atomics.load(this.#numbers, PLACE.turns);
  }

  /** Blocks this thread until the main one has written more than `known` times, for at most `ms`. */
  waitForTurn(known: number, ms = Infinity): void {
    Atomics.wait(this.#numbers, PLACE.turns, known, ms);
  }

  /** Blocks this thread for so long, or until the main one writes. */
  pause(ms: number): void {
    this.waitForTurn(this.turns, ms);
  }

  get #followed(): number {
    return Atomics.load(this.#numbers, PLACE.followed);
  }

  #turn(): void {
    Atomics.add(this.#numbers, PLACE.turns, 1);
    Atomics.notify(this.#numbers, PLACE.turns);
  }
}

/** The board of this process. */
export const PHASE = new PhaseBoard();
