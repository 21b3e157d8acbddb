import type { EngineId } from '../../protocol/messages.ts';
import { timerMs } from '../../rpc/timer-ms.ts';

/** Successors are asked for in the last fifth of the time, at most 10 minutes before its end. */
const LAST_PART = 0.2;
const MOST_MS = 600_000;
/** A place that ends sooner is left to its end: a successor would not be there in time. */
const LEAST_MS = 5000;

/** The part of a cluster whose engines get successors. */
export interface WalltimeHost {
  /** Those of the ids whose engines are there and are to stay. */
  staying(slots: readonly EngineId[]): readonly EngineId[];
  /** Asks for so many more; each promise resolves when its engine has come. */
  grow(n: number): ReadonlyMap<EngineId, Promise<void>>;
  /** That one ends when it has nothing to do. `reason` completes the sentence "engine 3 …". */
  retire(slot: EngineId, reason: string): void;
  /** A successor did not come. */
  failed(slot: EngineId, error: Error): void;
}

/**
 * Engines whose places end at a known time (the time limit of a job) get successors before it, under new ids. An engine ends
 * when its successor has come and it has nothing to do; one whose successor is late ends with its place.
 */
export class Walltimes {
  readonly #host: WalltimeHost;
  readonly #timers = new Set<NodeJS.Timeout>();

  readonly #least: number;

  /** `least`: milliseconds that a place must last. */
  constructor(host: WalltimeHost, least: number = LEAST_MS) {
    this.#host = host;
    this.#least = least;
  }

  /** The places of these engines end at `until` (milliseconds since 1970). */
  end(slots: readonly EngineId[], until: number): void {
    const left = until - Date.now();
    if (left >= this.#least) this.#wait(slots, performance.now() + left - Math.min(MOST_MS, left * LAST_PART));
  }

  /** `due` is a time of `performance.now()`, which no change of the clock moves. A timer cannot wait for a month. */
  #wait(slots: readonly EngineId[], due: number): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (performance.now() < due) this.#wait(slots, due);
        else this.#succeed(slots);
      },
      timerMs(Math.ceil(due - performance.now())),
    ).unref();
    this.#timers.add(timer);
  }

  #succeed(slots: readonly EngineId[]): void {
    const ending = this.#host.staying(slots);
    if (ending.length === 0) return;
    const successors = [...this.#host.grow(ending.length)];
    for (const [i, slot] of ending.entries()) {
      const [successor, arrival] = successors[i] as (typeof successors)[number];
      const retire = () => this.#retire(slot, successor);
      arrival.then(retire, (error: Error) => this.#host.failed(successor, error));
    }
  }

  // It may have died meanwhile, or was shut down.
  #retire(slot: EngineId, successor: EngineId): void {
    if (this.#host.staying([slot]).length > 0)
      this.#host.retire(slot, `was shut down: the time of its place ends, and engine ${successor} is there`);
  }

  /** The cluster ends. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
