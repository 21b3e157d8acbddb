/** The listeners of each signal: thousands of calls may share one, and Node looks through all of its listeners. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once when the signal fires, until the returned function is called. The signal gets one listener, however
 * many there are here. One that has fired calls nobody: look at `aborted` first.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const all = listeners.get(signal) ?? listenTo(signal);
  all.add(listener);
  return () => {
    all.delete(listener);
    if (all.size === 0 && listeners.get(signal) === all) stopListening(signal);
  };
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const all = new Set<() => void>();
  listeners.set(signal, all);
  signal.addEventListener('abort', fire);
  return all;
}

function stopListening(signal: AbortSignal): void {
  listeners.delete(signal);
  signal.removeEventListener('abort', fire);
}

function fire(this: AbortSignal): void {
  const all = listeners.get(this);
  stopListening(this);
  for (const listener of all ?? []) listener();
}
