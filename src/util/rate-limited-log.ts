import { performance } from 'node:perf_hooks';

// Bound when the module loads: in an engine, a user's test may replace the global clock.
const now = performance.now.bind(performance);
const WINDOW_MS = 1000;

/**
 * A log for what strangers can cause, such as a peer that sends rubbish without end: it passes on `linesPerSecond`
 * lines at most. The first line after a pause says how many were left out.
 */
export class RateLimitedLog {
  readonly #print: (line: string) => void;
  readonly #linesPerSecond: number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #lines = 0;

  constructor(print: (line: string) => void, linesPerSecond = 1) {
    this.#print = print;
    this.#linesPerSecond = linesPerSecond;
  }

  write(line: string): void {
    const dropped = this.#nextWindow();
    if (++this.#lines > this.#linesPerSecond) return;
    this.#print(dropped > 0 ? `${line} (and ${dropped} more lines)` : line);
  }

  /** Starts a new second if the last one is over; returns how many lines that one left out. */
  #nextWindow(): number {
    const time = now();
    if (time - this.#windowStart < WINDOW_MS) return 0;
    const dropped = this.#lines - this.#linesPerSecond;
    this.#windowStart = time;
    this.#lines = 0;
    return dropped;
  }
}
