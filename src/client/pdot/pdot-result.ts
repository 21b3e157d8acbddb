import { inspect } from 'node:util';
import type { TaskId } from '../../protocol/messages.ts';
import { type WaitLimits, within } from '../../rpc/waiting.ts';
import { optionsOf, WAIT } from '../../util/checks.ts';
import { guardCalls, promises, type Signatures } from '../../util/signature.ts';
import type { Task } from '../links/task.ts';
import { WAIT_LIMITS } from '../options.ts';
import type { AsyncResult } from '../results/async-result.ts';

/** A call that is part of a product. */
export type PartOfProduct = AsyncResult<unknown, unknown>;

/** How a running product and its result talk to each other. */
export interface ProductLink {
  /** Fires when the result is aborted. */
  readonly signal: AbortSignal;
  /** Notes a call that was made; the last one multiplies. */
  made(call: PartOfProduct, isLast: boolean): void;
}

/**
 * The result of a product. It is there at once; `await` gives C, or a ref to it. Operands of more than 64 KiB must not
 * change before `await result.sent`.
 * @example
 * const product = pdot(engines, a, b);
 * await product.sent; // a and b may change
 * const c = await product;
 */
export class PdotResult<T> implements PromiseLike<T> {
  readonly #value: Promise<T>;
  readonly #abort = new AbortController();
  readonly #calls: PartOfProduct[] = [];
  readonly #allMade: Promise<void>;
  #last: PartOfProduct | undefined;
  #state: 'pending' | 'finished' | 'failed' = 'pending';

  /** Results are made by `pdot`. @internal */
  constructor(run: (link: ProductLink) => Promise<T>) {
    let allMade = (): void => {};
    this.#allMade = new Promise((resolve) => {
      allMade = resolve;
    });
    const made = (call: PartOfProduct, isLast: boolean): void => {
      this.#calls.push(call);
      if (!isLast) return;
      this.#last = call;
      allMade();
    };
    this.#value = run({ signal: this.#abort.signal, made });
    this.#value.then(
      () => (this.#state = 'finished'),
      () => (this.#state = 'failed'),
    );
    void this.done.then(allMade);
  }

  /** Has it ended? */
  get ready(): boolean {
    return this.#state !== 'pending';
  }

  /** Settles when it has ended, and never rejects. */
  get done(): Promise<void> {
    return this.#value.then(
      () => {},
      () => {},
    );
  }

  /** The tasks that were sent so far. */
  get tasks(): Task[] {
    return this.#calls.flatMap(({ tasks }) => tasks);
  }

  /** The message ids of these tasks. */
  get msgIds(): TaskId[] {
    return this.tasks.map(({ id }) => id);
  }

  /** Blocks of C; 0 until they are planned and sent. */
  get length(): number {
    return this.#last?.tasks.length ?? 0;
  }

  /** Blocks of C that are computed. */
  get progress(): number {
    return this.#last?.progress ?? 0;
  }

  /**
   * Settles when every engine has all bytes of its operands, or the product has ended: from then on operands may
   * change. It never rejects.
   */
  get sent(): Promise<void> {
    return this.#allMade.then(() => Promise.all(this.#calls.map(({ sent }) => sent))).then(() => {});
  }

  /** Waits, then gives C. Repeatable. @throws as pdot; TimeoutError, AbortError of these limits */
  get(options: WaitLimits = {}): Promise<T> {
    return within(this.#value, options, 'pdot');
  }

  /** Waits up to `ms` (default: for ever): true when it has ended. Never rejects. */
  async wait(ms?: number): Promise<boolean> {
    const timeout = ms === undefined || ms < 0 ? undefined : ms;
    await within(this.done, { timeout }, 'pdot').catch(() => {});
    return this.ready;
  }

  /** Ends it with AbortError, and drops its tasks that have not started. @throws Error when it has ended */
  async abort(): Promise<void> {
    if (this.ready) throw new Error("Can't abort, I am already done!");
    this.#abort.abort();
  }

  /** Waits as `get` does: a result can be awaited. */
  // biome-ignore lint/suspicious/noThenProperty: being awaitable is the point of a result
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#value.then(onFulfilled, onRejected);
  }

  /** As a promise's `catch`. */
  catch<B>(onRejected: (reason: unknown) => B | PromiseLike<B>): Promise<T | B> {
    return this.#value.catch(onRejected);
  }

  /** As a promise's `finally`. */
  finally(onFinally: () => void): Promise<T> {
    return this.#value.finally(onFinally);
  }

  /** The line that consoles print. */
  [inspect.custom](): string {
    return `<PdotResult: ${this.#state}, ${this.progress} of ${this.length} blocks>`;
  }
}

// Not `then` and its like: the language calls them.
const RESULT: Signatures<PdotResult<unknown>, 'then' | 'catch' | 'finally'> = {
  get: promises({}, { options: optionsOf(WAIT_LIMITS) }),
  wait: promises({}, { ms: WAIT }),
  abort: promises(),
};
guardCalls(PdotResult.prototype, 'result', RESULT);
