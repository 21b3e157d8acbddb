import type { EngineId } from '../../../protocol/messages.ts';

/**
 * Engines that have given their places up, which they do one by one. The job of several engines ends when all of them have: until then
 * it would wait in the queue for nobody, or hold its place.
 */
export class GivenPlaces {
  readonly #slots = new Set<EngineId>();

  /** These are started anew. */
  take(slots: readonly EngineId[]): void {
    for (const slot of slots) this.#slots.delete(slot);
  }

  /** These give theirs up, undefined: all. Tells which jobs of theirs have no other engine; nothing is ended twice. */
  give(slots: readonly EngineId[] | undefined): (its: readonly EngineId[]) => boolean {
    for (const slot of slots ?? []) this.#slots.add(slot);
    return (its) => {
      if (slots === undefined) return true;
      return its.some((slot) => slots.includes(slot)) && its.every((slot) => this.#slots.has(slot));
    };
  }
}
