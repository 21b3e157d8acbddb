// One time limit for several calls after each other.
import type { CallOptions } from '../options.ts';

/** The same options, whose `timeout` (milliseconds) is what is left of it at each reading. */
export function deadline(options: CallOptions): CallOptions {
  const { timeout } = options;
  if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return options;
  const end = Date.now() + timeout;
  return {
    ...options,
    get timeout() {
      return Math.max(0, end - Date.now());
    },
  };
}
