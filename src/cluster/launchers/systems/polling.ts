import { type Check, ranged } from '../../../util/checks.ts';

/** The kind of a `poll` option: milliseconds between two questions. */
export const POLL: Check = ranged(
  'milliseconds ≥ 50',
  (value) => typeof value === 'number',
  (value) => (value as number) >= 50,
);

/** A question that is asked again and again while there is something to ask about. */
export class Polling {
  readonly #ask: () => Promise<unknown>;
  readonly #every: number;
  readonly #failed: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  /**
   * `ask` may fail: that changes nothing, and `failed` is told. `every`: milliseconds between an answer and the next question.
   */
  constructor(ask: () => Promise<unknown>, every: number, failed: (error: Error) => void = () => {}) {
    this.#failed = failed;
    this.#ask = ask;
    this.#every = every;
  }

  /** Asks now and then from now on. */
  start(): void {
    if (this.#timer !== undefined || this.#isAsking) return;
    this.#timer = setTimeout(() => void this.#once(), this.#every).unref();
  }

  async #once(): Promise<void> {
    this.#timer = undefined;
    this.#isAsking = true;
    await this.#ask().catch(this.#failed);
    const goesOn = this.#isAsking;
    this.#isAsking = false;
    if (goesOn) this.start();
  }

  /** Asks no more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isAsking = false;
  }
}
