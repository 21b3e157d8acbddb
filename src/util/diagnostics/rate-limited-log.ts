import { performance } from 'node:perf_hooks';

// Bound when the module loads: in an engine, a user's test may replace the global clock.
const clock = performance.now.bind(performance);
const WINDOW_MS = 1000;

/** How much a `RateLimitedLog` passes on. */
export interface RateLimits {
  /** Default 1. */
  readonly linesPerSecond?: number;
  /** Characters of a line that are kept. Default 500. */
  readonly maxChars?: number;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * A log for what strangers can cause, such as a peer that sends rubbish without end. It passes on a few lines a second;
 * the first line of the next second says how many were left out.
 */
export class RateLimitedLog {
  readonly #print: (line: string) => void;
  readonly #linesPerSecond: number;
  readonly #maxChars: number;
  readonly #now: () => number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #lines = 0;

  constructor(print: (line: string) => void, { linesPerSecond = 1, maxChars = 500, now = clock }: RateLimits = {}) {
    this.#print = print;
    this.#linesPerSecond = linesPerSecond;
    this.#maxChars = maxChars;
    this.#now = now;
  }

  write(line: string): void {
    const dropped = this.#nextWindow();
    if (++this.#lines > this.#linesPerSecond) return;
    const kept = line.slice(0, this.#maxChars);
    this.#print(dropped > 0 ? `${kept} (and ${dropped} more lines)` : kept);
  }

  /** Starts a new second if the last one is over; returns how many lines that one left out. */
  #nextWindow(): number {
    const time = this.#now();
    if (time - this.#windowStart < WINDOW_MS) return 0;
    const dropped = this.#lines - this.#linesPerSecond;
    this.#windowStart = time;
    this.#lines = 0;
    return dropped;
  }
}
