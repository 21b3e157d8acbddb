// Dawn for Node polls for finished GPU work through setImmediate, as fast as the event loop turns. One waiting engine
// takes a whole core from the others, and from a software GPU. Here the polls get pauses once a wait has lasted a while.
// On hardware a product takes a fraction of a millisecond: there a wait may be quick for longer.
const FAST_POLLS = 64;
const FAST_MS = 5;
const SPACING_MS = 1;
/** Polls further apart than this belong to two waits. */
const PAUSE_MS = 5;

/** The kind of adapter that is polled. */
export interface PollingOptions {
  /** The GPU computes beside this process, and not on its cores. */
  readonly isHardware: boolean;
}

/** Tells for each poll of Dawn whether it waits. */
export class PollPacer {
  readonly #isHardware: boolean;
  #polls = 0;
  #began = 0;
  #last = Number.NEGATIVE_INFINITY;

  constructor({ isHardware }: PollingOptions) {
    this.#isHardware = isHardware;
  }

  /** True if this poll goes on at once. @param now milliseconds of a clock that never goes back */
  isFast(now: number): boolean {
    if (now - this.#last > PAUSE_MS) {
      this.#polls = 0;
      this.#began = now;
    } else this.#polls++;
    this.#last = now;
    return this.#polls < FAST_POLLS || (this.#isHardware && now - this.#began < FAST_MS);
  }
}

let pacer: PollPacer | undefined;

/**
 * Replaces setImmediate so that Dawn's polls are spaced. Only Dawn passes a native function; calls of user code and of
 * Node's libraries go through unchanged. The first adapter of a process decides on the pace.
 */
export function throttlePolling(options: PollingOptions): void {
  if (pacer !== undefined) return;
  const pace = new PollPacer(options);
  pacer = pace;
  const original = globalThis.setImmediate;
  const throttled = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    if (!isNative(callback)) return original(callback, ...args);
    return pace.isFast(performance.now()) ? original(callback, ...args) : setTimeout(callback, SPACING_MS, ...args);
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
