import type { EngineId } from '../../protocol/messages.ts';

/**
 * Operations on engines, one at a time for each id: a restart that meets another one, or a shutdown, waits for its end.
 * Operations without a common id run together.
 */
export class SlotLocks {
  readonly #last = new Map<EngineId, Promise<unknown>>();

  /** Runs when all earlier operations on these ids have ended, well or not. Gives its value, or throws its error. */
  run<T>(slots: readonly EngineId[], operation: () => Promise<T>): Promise<T> {
    const before = slots.map((slot) => this.#last.get(slot));
    const done = Promise.allSettled(before).then(operation);
    const settled: Promise<void> = done.catch(() => {}).then(() => this.#release(slots, settled));
    for (const slot of slots) this.#last.set(slot, settled);
    return done;
  }

  #release(slots: readonly EngineId[], settled: Promise<unknown>): void {
    for (const slot of slots) if (this.#last.get(slot) === settled) this.#last.delete(slot);
  }
}
