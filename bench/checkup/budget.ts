/** How long a part may run, in seconds. */
export interface Share {
  /** With less left, the part is not worth its start. */
  readonly least: number;
  readonly most: number;
}

/** Seconds that are kept for the last words: the JSON and the seed. */
const RESERVE_S = 3;

/** One span of time for everything: each part gets what the parts before it left. */
export class Budget {
  readonly #seconds: number;
  readonly #now: () => number;
  readonly #started: number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(seconds: number, now: () => number = () => performance.now()) {
    this.#seconds = seconds;
    this.#now = now;
    this.#started = now();
  }

  /** Seconds since the start. */
  get spent(): number {
    return (this.#now() - this.#started) / 1000;
  }

  /** Seconds that parts may still use; never below 0. */
  get left(): number {
    return Math.max(0, this.#seconds - RESERVE_S - this.spent);
  }

  /** The seconds of a part; undefined where too few are left for it. */
  shareOf({ least, most }: Share): number | undefined {
    const { left } = this;
    return left < least ? undefined : Math.min(left, most);
  }
}
