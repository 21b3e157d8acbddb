// Pace: how long the tasks of one function run, as far as is known. It rises at once and falls slowly, so that one
// long task ends the pipelining of its kind and a few dozen short ones bring it back.

const FALL = 0.1;
// The first one may be the exception: an empty input, a cold cache.
const LEAST_RUNS = 4;

export class Pace {
  #ms: number | undefined;
  #runs = 0;

  /** Milliseconds that the next task will probably run; undefined until a few have ended. */
  get estimate(): number | undefined {
    return this.#runs < LEAST_RUNS ? undefined : this.#ms;
  }

  /** A task ran for `ms`. */
  learn(ms: number): void {
    this.#runs++;
    this.#ms = this.#ms === undefined ? ms : Math.max(ms, this.#ms + FALL * (ms - this.#ms));
  }
}
