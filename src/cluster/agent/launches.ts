import { setTimeout as pause } from 'node:timers/promises';
import type { EngineId } from '../../protocol/messages.ts';

/** Milliseconds in which a start that is given up must end: a scheduler's command has so much time. */
const GIVE_UP_MS = 35_000;

/** A start that its system has neither accepted nor refused. */
interface Launch {
  readonly slots: readonly EngineId[];
  /** Its engines that somebody wants. */
  readonly wanted: Set<EngineId>;
  readonly giveUp: AbortController;
  /** Never rejects. */
  readonly over: Promise<void>;
}

/**
 * The starts of a launcher that go on. Until one has ended, nobody knows what there is to cancel: jobs whose numbers come after a
 * stop would stay in the queue.
 */
export class Launches {
  readonly #all = new Set<Launch>();

  /** Runs a start. Its signal aborts with the given one, and when none of its engines is wanted any more. */
  async run<T>(
    slots: readonly EngineId[],
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const giveUp = new AbortController();
    const begun = start(AbortSignal.any([giveUp.signal, ...(signal === undefined ? [] : [signal])]));
    const over = begun.then(
      () => {},
      () => {},
    );
    const launch = { slots, wanted: new Set(slots), giveUp, over };
    this.#all.add(launch);
    try {
      return await begun;
    } finally {
      this.#all.delete(launch);
    }
  }

  /** These engines are not wanted; default: all. Starts that are for them alone are aborted, and have ended when it resolves. */
  async giveUp(slots: readonly EngineId[] | undefined): Promise<void> {
    const ended: Promise<void>[] = [];
    for (const { slots: its, wanted, giveUp, over } of this.#all) {
      for (const slot of slots ?? its) wanted.delete(slot);
      if (wanted.size > 0) continue;
      giveUp.abort();
      ended.push(over);
    }
    await within(ended);
  }

  /** Resolves when the starts of any of these engines have ended. True if there were some. */
  async settled(slots: readonly EngineId[] | undefined): Promise<boolean> {
    const its = [...this.#all].filter((launch) => launch.slots.some((slot) => slots?.includes(slot) ?? true));
    await within(its.map(({ over }) => over));
    return its.length > 0;
  }
}

async function within(all: readonly Promise<void>[]): Promise<void> {
  if (all.length > 0) await Promise.race([Promise.all(all), pause(GIVE_UP_MS, undefined, { ref: false })]);
}
