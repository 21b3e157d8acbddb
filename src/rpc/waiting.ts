// Waiting with an AbortSignal and a limit in milliseconds, leaving no timer or listener behind.
import { AbortError, TimeoutError } from '../errors.ts';

export interface WaitLimits {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; absent = for ever. */
  readonly timeout?: number | undefined;
}

/** The promise, or AbortError / TimeoutError when the limits strike first. The promise itself goes on. */
export function within<T>(promise: Promise<T>, limits: WaitLimits, what: string): Promise<T> {
  const { signal, timeout } = limits;
  if (signal === undefined && (timeout === undefined || timeout === Number.POSITIVE_INFINITY)) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => finish(() => reject(abortError(signal as AbortSignal, what)));
    const late = () => finish(() => reject(new TimeoutError(`Result not ready. (${what}, after ${timeout} ms)`)));
    const timer = timeout === undefined ? undefined : setTimeout(late, Math.min(timeout, 2 ** 31 - 1));
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    promise.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

export function abortError(signal: AbortSignal, what: string): AbortError {
  return new AbortError(`the wait for ${what} was aborted`, { cause: signal.reason });
}
