/** The code of a cell calls it with each value that it awaits; `each` is for `for await`. */
export interface WaitFunction {
  <T>(value: T): Promise<Awaited<T>>;
  each<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterable<Awaited<T>>;
}

/** Failures after an interruption: enough for code that cleans up. */
const MAX_LATE = 10;

type Reject = (reason: unknown) => void;
type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/**
 * The awaits of one cell. Once it is interrupted, those that wait fail, and so do the next ones, so that a loop that
 * awaits in every turn ends. Code that catches all of these failures is left waiting for ever.
 */
export class CellWaits {
  readonly #pending = new Set<Reject>();
  #error: unknown;
  /** Awaits that came after the interruption. */
  #late = 0;

  /** Ends all awaits of the cell with this error. */
  interrupt(error: unknown): void {
    this.#error ??= error;
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }

  /** The value, or the interruption. A set and no `Promise.race`, which would keep every value of an endless loop. */
  readonly wait = <T>(value: T): Promise<Awaited<T>> =>
    new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        if (this.#late++ < MAX_LATE) setImmediate(() => reject(this.#error));
        return;
      }
      this.#pending.add(reject);
      const done = (end: () => void) => {
        this.#pending.delete(reject);
        end();
      };
      Promise.resolve(value).then(
        (result) => done(() => resolve(result)),
        (error) => done(() => reject(error)),
      );
    });

  /** `wait` as rewritten code takes it. */
  get asFunction(): WaitFunction {
    return Object.assign(<T>(value: T) => this.wait(value), { each: this.#each.bind(this) as WaitFunction['each'] });
  }

  async *#each(items: AsyncIterable<unknown> & Iterable<unknown>): AsyncGenerator<unknown> {
    const iterator: AnyIterator = items[Symbol.asyncIterator]?.() ?? items[Symbol.iterator]();
    let isOver = false;
    try {
      while (!isOver) {
        isOver = true; // an iterator that throws is over
        const { done, value } = (await this.wait(iterator.next())) as IteratorResult<unknown>;
        isOver = done === true;
        if (!isOver) yield await this.wait(value);
      }
    } finally {
      if (this.#error !== undefined) void leave(iterator);
      else if (!isOver) await iterator.return?.();
    }
  }
}

// After an interruption nobody waits for it: it may hang behind what was awaited.
async function leave(iterator: AnyIterator): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The loop has ended already.
  }
}
