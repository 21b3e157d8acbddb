import type { StatusBoard } from '../queue/status-board.ts';

/** Milliseconds that code waits at the closed door for a signal that is on its way. */
const SIGNAL_MS = 300;
/** How often it waits: a signal may be caught by the signal thread, and another one comes. */
const TRIES = 3;

/**
 * The main thread's part of the door around code that must not end half-way: Node's and the engine's own. A SIGINT ends
 * code at any instruction, so the control thread closes the door, waits until nobody is inside, and signals then. Code
 * that would enter meanwhile waits at the door: there the signal meets it. Two words of the board, each written before
 * the other is read, make sure that one side sees the other.
 */
export class SignalDoor {
  readonly #board: StatusBoard;
  /** Does a task compute in the trampoline? Elsewhere no signal can end code. */
  #isArmed = false;
  #depth = 0;

  constructor(board: StatusBoard) {
    this.#board = board;
  }

  /** The trampoline is entered, inside the door: `leave` before code of the user. */
  arm(): void {
    this.#isArmed = true;
    this.#depth = 1;
    this.#board.set('inside', 1);
  }

  /** The trampoline was left, perhaps half-way. */
  disarm(): void {
    this.#isArmed = false;
    this.#depth = 0;
    this.#board.set('inside', 0);
    this.#board.set('closing', 0);
  }

  /** Code that must not end half-way begins. */
  enter(): void {
    if (!this.#isArmed || this.#depth++ > 0) return;
    for (let tries = 0; tries < TRIES; tries++) {
      this.#board.set('inside', 1);
      if (this.#board.get('closing') === 0) return;
      this.#board.set('inside', 0);
      // The signal wakes this wait and ends the task. If none comes, the task was not meant.
      this.#board.waitWhile('closing', SIGNAL_MS);
    }
    this.#board.set('inside', 1);
  }

  /** Code that must not end half-way has ended. */
  leave(): void {
    if (this.#isArmed && --this.#depth === 0) this.#board.set('inside', 0);
  }
}
