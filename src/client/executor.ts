// Executor: a pool of workers in the manner of piscina, over load-balanced engines: `await pool.run(task)`.

import type { LoadBalancedView } from './load-balanced/balanced-view.ts';
import type { BalancedOptions } from './load-balanced/options.ts';
import type { RemoteArgs, RemoteFunction } from './remote.ts';
import type { AsyncResult } from './results/async-result.ts';

/** `T` is what `run` takes, `R` what the pool's function gives. */
export class Executor<T = unknown, R = unknown> implements AsyncDisposable {
  readonly view: LoadBalancedView;
  readonly #fn: RemoteFunction<[T], R> | undefined;
  readonly #pending = new Set<AsyncResult<unknown, unknown>>();
  #completed = 0;
  #closed = false;

  /** `fn` is what `run` calls; `submit` and `map` bring their own. */
  constructor(view: LoadBalancedView, fn?: RemoteFunction<[T], R>) {
    this.view = view;
    this.#fn = fn;
  }

  /**
   * Runs the pool's function on one task, as piscina's `run`. Options are those of load-balanced calls.
   * @throws TypeError without a function; the promise rejects with RemoteError, or AbortError by `signal`
   */
  run(task: T, options: BalancedOptions = {}): Promise<Awaited<R>> {
    this.#mustBeOpen();
    if (this.#fn === undefined)
      throw new TypeError('this executor has no function: new Executor(view, fn), or use submit');
    return this.#keep(this.view.with(options).apply(this.#fn, ...([task] as RemoteArgs<[T]>)));
  }

  /** Runs `fn(...args)` on one engine. */
  submit<A extends unknown[], V>(fn: RemoteFunction<A, V>, ...args: RemoteArgs<[...A]>): Promise<Awaited<V>> {
    this.#mustBeOpen();
    return this.#keep(this.view.apply(fn, ...args));
  }

  /** As `view.map`: await it for the list, or iterate it. */
  map<A extends unknown[], V>(
    fn: RemoteFunction<A, V>,
    ...iterables: readonly unknown[]
  ): AsyncResult<Awaited<V>[], Awaited<V>> {
    this.#mustBeOpen();
    const result = this.view.map(fn, ...iterables);
    this.#follow(result);
    return result;
  }

  #keep<V>(result: AsyncResult<V, unknown>): Promise<V> {
    this.#follow(result);
    const value = result.get();
    // A failure that nobody awaits must not end the process.
    value.catch(() => {});
    return value;
  }

  #follow(result: AsyncResult<unknown, unknown>): void {
    this.#pending.add(result);
    void result.wait().then(() => {
      this.#pending.delete(result);
      this.#completed += result.length;
    });
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error('this executor is closed');
  }

  /** Items that no engine has finished yet. */
  get queueSize(): number {
    return [...this.#pending].reduce((n, result) => n + result.length - result.progress, 0);
  }

  /** Items that have ended, well or not. */
  get completed(): number {
    return [...this.#pending].reduce((n, result) => n + result.progress, this.#completed);
  }

  /** Takes no more, and resolves when all that it has is done. Engines go on. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#pending].map((result) => result.wait()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
