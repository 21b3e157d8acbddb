// Dawn for Node polls for finished GPU work through setImmediate, as fast as the event loop turns. One waiting engine
// takes a whole core from the others, and from a software GPU. Here the polls get pauses once a wait has lasted a while.
const FAST_POLLS = 64;
const SPACING_MS = 1;
/** Polls further apart than this belong to two waits. */
const PAUSE_MS = 5;

let installed = false;

/**
 * Replaces setImmediate so that Dawn's polls are spaced. Only Dawn passes a native function; calls of user code and of
 * Node's libraries go through unchanged.
 */
export function throttlePolling(): void {
  if (installed) return;
  installed = true;
  const original = globalThis.setImmediate;
  let polls = 0;
  let last = 0;
  const throttled = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    if (!isNative(callback)) return original(callback, ...args);
    const now = performance.now();
    polls = now - last > PAUSE_MS ? 0 : polls + 1;
    last = now;
    return polls < FAST_POLLS ? original(callback, ...args) : setTimeout(callback, SPACING_MS, ...args);
  };
  globalThis.setImmediate = Object.assign(throttled, original);
}

const natives = new WeakMap<object, boolean>();

function isNative(callback: object): boolean {
  const known = natives.get(callback);
  if (known !== undefined) return known;
  const native = Function.prototype.toString.call(callback).includes('[native code]');
  natives.set(callback, native);
  return native;
}
