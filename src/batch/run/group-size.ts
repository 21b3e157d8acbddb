/** Pictures of one task, at most. */
export const MOST_IN_GROUP = 16;
/** Large files are large pictures, and several of a group are in memory at once. */
const MOST_BYTES = 1 << 24;
/** Milliseconds of work that a task should have: much more than a round trip, and little enough to see progress. */
export const GROUP_MS = 150;
/** The weight of the newest picture in the estimate. */
const WEIGHT = 0.3;

/** A picture, as its file is known before it is read. */
interface Sized {
  /** Bytes. */
  readonly size: number;
}

/**
 * Chooses how many pictures an engine gets in one task. Quick pictures go in groups, so that some are read and written
 * while another is computed; a slow one goes alone, and so do the last ones, to keep all engines busy.
 */
export class GroupSize {
  /** The duration estimate of one picture, in milliseconds. Undefined: none has ended, and pictures go alone. */
  #ms: number | undefined;

  /** A picture took so many milliseconds. */
  took(ms: number): void {
    this.#ms = this.#ms === undefined ? ms : this.#ms + WEIGHT * (ms - this.#ms);
  }

  /** The size of the next group, from place `from` on, for so many engines. At least 1. */
  next(work: readonly Sized[], from: number, engines: number): number {
    const share = Math.ceil((work.length - from) / (2 * Math.max(1, engines)));
    const most = Math.min(MOST_IN_GROUP, Math.floor(GROUP_MS / (this.#ms ?? GROUP_MS)), share);
    let [count, bytes] = [1, work[from]?.size ?? 0];
    while (count < most) {
      bytes += work[from + count]?.size ?? 0;
      if (bytes > MOST_BYTES) break;
      count++;
    }
    return count;
  }
}
