import type { CallOptions } from '../options.ts';

/** The same options for several calls in a row: at each reading, `timeout` is the rest of it in milliseconds. */
export function deadline(options: CallOptions): CallOptions {
  const { timeout } = options;
  if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return options;
  // Not the wall clock: somebody may set it meanwhile.
  const end = performance.now() + timeout;
  return {
    ...options,
    get timeout() {
      return Math.max(0, end - performance.now());
    },
  };
}
