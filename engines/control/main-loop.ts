import { setInterval } from 'node:timers';
import { PHASE, type StatusBoard } from '../queue/status-board.ts';

/** Milliseconds between two turns that the main thread counts, and between two looks. */
const TURN_MS = 250;
/** Milliseconds without a turn, and without a task that computes, after which the main loop is blocked. */
const BLOCKED_MS = 3000;

/** The main thread's part: counts turns of its event loop as long as it turns. */
export function countTurns(board: StatusBoard): void {
  board.add('turns', 1);
  setInterval(() => board.add('turns', 1), TURN_MS).unref();
}

/** A monotonic clock in milliseconds. */
export type Clock = () => number;

/** Is told after how many milliseconds without a turn the main loop is blocked, and 0 when it turns again. */
export type BlockedListener = (ms: number) => void;

/**
 * Watches the main thread's event loop from the control thread. A task that computes may take its time. But a loop that a
 * task has left behind, in a timer or a listener, blocks every task that waits, and no task is there to be interrupted.
 */
export class MainLoop {
  readonly #board: StatusBoard;
  readonly #now: Clock;
  readonly #onBlocked: BlockedListener;
  #turns = 0;
  #started = 0;
  #since: number;
  #looked: number;
  #isTold = false;

  /** `onBlocked` is told once for each time that the loop is blocked, and once when it turns again. */
  constructor(board: StatusBoard, onBlocked: BlockedListener, now: Clock = () => performance.now()) {
    this.#board = board;
    this.#onBlocked = onBlocked;
    this.#now = now;
    this.#since = now();
    this.#looked = now();
  }

  /** Looks from now on. */
  watch(): void {
    setInterval(() => this.look(), TURN_MS).unref();
  }

  // A task that has started proves a turn before the timer does.
  get #hasTurned(): boolean {
    const isIdle = this.#board.get('phase') === PHASE.idle;
    return !isIdle || this.#board.get('turns') !== this.#turns || this.#board.get('started') !== this.#started;
  }

  /** Looks once. If this thread itself slept, the silence of the other one counts for nothing. */
  look(): void {
    const now = this.#now();
    const slept = now - this.#looked > 4 * TURN_MS;
    this.#looked = now;
    if (slept || this.#board.get('turns') === 0 || this.#hasTurned) {
      this.#turns = this.#board.get('turns');
      this.#started = this.#board.get('started');
      this.#since = now;
      if (this.#isTold) this.#tell(0);
    } else if (now - this.#since >= BLOCKED_MS && !this.#isTold) this.#tell(now - this.#since);
  }

  #tell(ms: number): void {
    this.#isTold = ms > 0;
    this.#onBlocked(ms);
  }

  /** For how many milliseconds it has been standing, without a task; undefined unless a look has found 3 s. */
  get blockedMs(): number | undefined {
    return this.#isTold && !this.#hasTurned ? Math.round(this.#now() - this.#since) : undefined;
  }
}
