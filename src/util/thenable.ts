/** True for what `await` would wait for: a promise, or any object or function with a `then` method. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  const couldBe = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return couldBe && typeof (value as { then?: unknown }).then === 'function';
}
