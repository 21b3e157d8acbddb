/** The bounds of the waits, in milliseconds. */
export interface BackoffOptions {
  /** The first wait; default 50. */
  readonly first?: number | undefined;
  /** The longest wait; default 2000. */
  readonly longest?: number | undefined;
  /** A number from 0 to 1, for the jitter; default Math.random. */
  readonly random?: (() => number) | undefined;
}

/** Waits between tries: each twice as long as the one before, up to a limit, with jitter, so that many do not try at once. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #tries = 0;

  constructor({ first = 50, longest = 2000, random = Math.random }: BackoffOptions = {}) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** Milliseconds until the next try: between half of the wait and all of it. */
  next(): number {
    const wait = Math.min(this.#longest, this.#first * 2 ** Math.min(this.#tries++, 30));
    return wait * (0.5 + this.#random() / 2);
  }

  /** A try succeeded: the next wait is the first again. */
  reset(): void {
    this.#tries = 0;
  }
}
