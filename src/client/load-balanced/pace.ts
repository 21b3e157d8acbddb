// Pace: how long the tasks of one function run, as far as is known. It rises at once and falls slowly, so that one
// long task ends the pipelining of its kind and a few dozen short ones bring it back.

const FALL = 0.1;

export class Pace {
  #ms: number | undefined;

  /** Milliseconds that the next task will probably run; undefined before the first has ended. */
  get estimate(): number | undefined {
    return this.#ms;
  }

  /** A task ran for `ms`. */
  learn(ms: number): void {
    this.#ms = this.#ms === undefined ? ms : Math.max(ms, this.#ms + FALL * (ms - this.#ms));
  }
}
