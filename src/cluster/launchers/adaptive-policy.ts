import type { BacklogSums } from '../../protocol/messages/backlog.ts';

/** The bounds and the pace of an adaptive cluster. */
export interface AdaptOptions {
  /** Engines that are kept without work, too: at least 1, the default. */
  readonly min?: number | undefined;
  readonly max: number;
  /** Milliseconds between two looks; default 1000. More engines are asked for at the second look in a row that wants them. */
  readonly interval?: number | undefined;
  /** Milliseconds for which fewer must be enough before some end; default 10 000. */
  readonly patience?: number | undefined;
  /** Milliseconds of work that an engine is worth; default 5000. Tasks of unknown length are worth one each. */
  readonly target?: number | undefined;
}

/** The state of a cluster at one look. */
export interface Look {
  /** A monotonic time in milliseconds. */
  readonly now: number;
  /** The work of all clients. */
  readonly backlog: BacklogSums;
  /** Engines that are there or are to come, those in a scheduler's queue among them; not those that end. */
  readonly engines: number;
}

const PATIENCE_MS = 10_000;
const TARGET_MS = 5000;
/** Looks in a row that must want more engines. */
const GROW_LOOKS = 2;
const BACK_OFF_MS = 5000;
const LONGEST_MS = 300_000;

/**
 * Decides how many engines a cluster should have, by its load-balanced work. Growth is quick and shrinking slow, so that
 * gaps between two maps cost nothing: fewer engines must be enough for `patience`, and the most that were wanted in that time
 * stay. After a failed start it waits ever longer. Without I/O: times, work and engines go in.
 */
export class AdaptivePolicy {
  readonly #min: number;
  readonly #max: number;
  readonly #patience: number;
  readonly #target: number;
  #looksAbove = 0;
  /** Since when fewer would be enough, and the most that were wanted since. */
  #below: { readonly since: number; readonly most: number } | undefined;
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor({ min = 1, max, patience = PATIENCE_MS, target = TARGET_MS }: AdaptOptions) {
    this.#min = min;
    this.#max = max;
    this.#patience = patience;
    this.#target = target;
  }

  /** How many engines the work wants, within the bounds. */
  wanted({ tasks, unknown, ms }: BacklogSums): number {
    const byWork = Math.ceil(ms / this.#target) + unknown;
    return Math.min(this.#max, Math.max(this.#min, Math.min(tasks, byWork)));
  }

  /** The number that the cluster should go to now; undefined: it stays as it is. */
  look({ now, backlog, engines }: Look): number | undefined {
    if (engines > this.#max) return this.#decided(this.#max);
    const wanted = this.wanted(backlog);
    if (wanted > engines) return this.#grow(wanted, engines, now);
    this.#looksAbove = 0;
    return wanted < engines ? this.#shrink(wanted, now) : this.#rest();
  }

  #grow(wanted: number, engines: number, now: number): number | undefined {
    this.#below = undefined;
    if (now < this.#notBefore) return undefined;
    const isShort = engines < this.#min;
    if (!isShort && ++this.#looksAbove < GROW_LOOKS) return undefined;
    return this.#decided(wanted);
  }

  #shrink(wanted: number, now: number): number | undefined {
    const { since = now, most = 0 } = this.#below ?? {};
    this.#below = { since, most: Math.max(most, wanted) };
    return now - since < this.#patience ? undefined : this.#decided(this.#below.most);
  }

  #rest(): undefined {
    this.#below = undefined;
  }

  #decided(engines: number): number {
    this.#looksAbove = 0;
    this.#below = undefined;
    return engines;
  }

  /** Engines that were asked for have not come: the next try waits, each further one twice as long, at most 5 minutes. */
  failed(now: number): void {
    this.#notBefore = now + Math.min(LONGEST_MS, BACK_OFF_MS * 2 ** this.#failures++);
  }

  /** All that were asked for have come. */
  succeeded(): void {
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
  }
}
