import { deferred } from '../util/deferred.ts';
import { timerMs } from './timer-ms.ts';

/** Waits for ends that are told one by one. */
export class EndWaits {
  readonly #looks = new Set<() => void>();

  /** One more has ended. */
  ended(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves when `areOver` says so, which is asked now and after each end, or after `limit` ms. */
  async until(areOver: () => boolean, limit: number): Promise<void> {
    const { promise, resolve } = deferred();
    const look = () => {
      if (areOver()) resolve();
    };
    this.#looks.add(look);
    const timer = setTimeout(resolve, timerMs(limit));
    look();
    await promise;
    clearTimeout(timer);
    this.#looks.delete(look);
  }
}
