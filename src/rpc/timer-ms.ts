/** The longest time that a timer of Node waits: 24.8 days. A longer one, or Infinity, would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Milliseconds that a timer can wait: those asked for, or the longest time that there is. */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST_MS);
}
