import { clearTimeout, setTimeout } from 'node:timers';
import { TimeoutError } from '../errors.ts';
import { type Deferred, deferred } from '../util/deferred.ts';
import { timerMs } from './timer-ms.ts';

interface Waiting<T> {
  readonly answer: Deferred<T>;
  readonly timer: NodeJS.Timeout | undefined;
}

/** The requests that wait for their answers, by the id that the answer will carry. */
export class Requests<T, Id = number> {
  readonly #waiting = new Map<Id, Waiting<T>>();

  /** Does any request wait? */
  get isOpen(): boolean {
    return this.#waiting.size > 0;
  }

  /** Ids that wait, in the order of asking. */
  get ids(): Iterable<Id> {
    return this.#waiting.keys();
  }

  /**
   * Waits for the answer with this id; a request that waits already shares its answer, and its time.
   * `what` begins the error at the end of the time: "engine 3 did not answer 'status' within 500 ms".
   * @throws TimeoutError after `timeout` ms; or the error of `fail` or `failAll`
   */
  open(id: Id, what: string, timeout?: number): Promise<T> {
    const open = this.#waiting.get(id);
    if (open !== undefined) return open.answer.promise;
    const answer = deferred<T>();
    const late = () => this.fail(id, new TimeoutError(`${what} within ${timeout} ms`));
    this.#waiting.set(id, { answer, timer: timeout === undefined ? undefined : setTimeout(late, timerMs(timeout)) });
    return answer.promise;
  }

  /** The answer came. Does nothing if nobody waits for it (any more). */
  settle(id: Id, value: T): void {
    this.#take(id)?.resolve(value);
  }

  /** The request failed. Does nothing if nobody waits for it (any more). */
  fail(id: Id, error: Error): void {
    this.#take(id)?.reject(error);
  }

  /** No answer will come any more. */
  failAll(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, error);
  }

  #take(id: Id): Deferred<T> | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    return waiting?.answer;
  }
}
