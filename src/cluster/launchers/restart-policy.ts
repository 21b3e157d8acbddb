import type { EngineId } from '../../protocol/messages.ts';

/** How a cluster restarts engines that die. */
export interface RestartOptions {
  /** How often one engine is restarted within `within` milliseconds, before the cluster gives it up; default 3. */
  readonly times?: number | undefined;
  /** Milliseconds; default 60 000. */
  readonly within?: number | undefined;
  /** Milliseconds before the first restart, default 100; each further one within `within` waits twice as long, at most 10 s. */
  readonly delay?: number | undefined;
}

/** The consequence of a death: a restart after `wait` ms, or none, because the engine died `deaths` times in a row. */
export type RestartDecision = { readonly wait: number } | { readonly deaths: number };

const TIMES = 3;
const WITHIN_MS = 60_000;
const DELAY_MS = 100;
const LONGEST_MS = 10_000;

/**
 * Decides whether an engine that died is restarted: with back-off, and not for ever, because one that dies of its own
 * start, or of each task, would die again and again. Without I/O: deaths and a monotonic time in milliseconds go in.
 */
export class RestartPolicy {
  readonly #times: number;
  readonly #within: number;
  readonly #delay: number;
  readonly #restarts = new Map<EngineId, readonly number[]>();

  constructor({ times = TIMES, within = WITHIN_MS, delay = DELAY_MS }: RestartOptions) {
    this.#times = times;
    this.#within = within;
    this.#delay = delay;
  }

  /** Is any engine restarted at all? */
  get isOn(): boolean {
    return this.#times > 0;
  }

  /** The engine in that slot has died. */
  died(slot: EngineId, now: number): RestartDecision {
    const recent = (this.#restarts.get(slot) ?? []).filter((time) => now - time < this.#within);
    if (recent.length >= this.#times) {
      this.#restarts.delete(slot);
      return { deaths: recent.length + 1 };
    }
    this.#restarts.set(slot, [...recent, now]);
    return { wait: Math.min(LONGEST_MS, this.#delay * 2 ** recent.length) };
  }

  /** Describes the limit, to end the sentence "engine 3 …". */
  givenUp(deaths: number): string {
    const often = deaths === 1 ? 'once' : `${deaths} times`;
    return `died ${often} within ${this.#within / 1000} s and is not restarted again`;
  }

  /** Somebody restarts the engine, or ends it for good: its deaths so far do not count. */
  forget(slot: EngineId): void {
    this.#restarts.delete(slot);
  }
}
