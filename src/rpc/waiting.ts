import { AbortError, TimeoutError } from '../errors.ts';
import { onAbort } from './abort-listeners.ts';
import { timerMs } from './timer-ms.ts';

/** How long to wait. */
export interface WaitLimits {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; absent: for ever. */
  readonly timeout?: number | undefined;
}

/**
 * The promise, until the limits strike first; the promise itself goes on. Leaves no timer or listener behind. `what`
 * names the wait in errors, `late` is the message at the time limit.
 * @throws AbortError, TimeoutError
 */
export function within<T>(
  promise: Promise<T>,
  { signal, timeout }: WaitLimits,
  what: string,
  late = `Result not ready. (${what}, after ${timeout} ms)`,
): Promise<T> {
  if (signal === undefined && (timeout === undefined || timeout === Number.POSITIVE_INFINITY)) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => finish(() => reject(abortError(signal as AbortSignal, what)));
    const end = () => finish(() => reject(new TimeoutError(late)));
    const timer = timeout === undefined ? undefined : setTimeout(end, timerMs(timeout));
    const off = signal?.aborted === false ? onAbort(signal, () => abort()) : undefined;
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      off?.();
      settle();
    };
    promise.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
    if (signal?.aborted) abort();
  });
}

/** The error of a wait that its signal ended. */
export function abortError(signal: AbortSignal, what: string): AbortError {
  return new AbortError(`the wait for ${what} was aborted`, { cause: signal.reason });
}
