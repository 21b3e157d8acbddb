import { ANYTHING, must, optionsOf } from '../util/checks.ts';
import { ends, guardCalls, noMore, promises, type Signatures, takes } from '../util/signature.ts';
import type { MapInput, MapInputs } from './calls/inputs.ts';
import { LoadBalancedView } from './load-balanced/balanced-view.ts';
import { BALANCED_OPTIONS, type BalancedMapOptions, type BalancedOptions } from './load-balanced/options.ts';
import { CALLABLE } from './options.ts';
import type { InferredFunction, RemoteArgs, RemoteFunction } from './remote.ts';
import type { AsyncResult } from './results/async-result.ts';

const EXECUTOR: Signatures<Executor> = {
  close: ends(),
  run: promises({}, { task: ANYTHING, options: optionsOf(BALANCED_OPTIONS) }),
  submit: promises({ fn: CALLABLE }, {}, ANYTHING),
  map: takes({ fn: CALLABLE }, {}, ANYTHING),
};
const NEW_EXECUTOR = { view: must('a view such as rc.loadBalanced()', isBalanced), fn: CALLABLE };

function isBalanced(value: unknown): boolean {
  return value instanceof LoadBalancedView;
}

/**
 * A pool of workers in the manner of piscina, over load-balanced engines. `T` is what `run` takes, `R` what the pool's
 * function gives. Made by `rc.executor(fn)`, or over some engines by `new Executor(rc.loadBalanced([0, 2]), fn)`.
 * @example
 * await using pool = rc.executor((n: number) => n ** 2);
 * await Promise.all([1, 2, 3].map((n) => pool.run(n))); // [1, 4, 9]
 */
export class Executor<T = unknown, R = unknown> implements AsyncDisposable {
  /** The view whose engines do the work. */
  readonly view: LoadBalancedView;
  readonly #fn: RemoteFunction<[T], R> | undefined;
  readonly #pending = new Set<AsyncResult<unknown, unknown>>();
  #completed = 0;
  #closed = false;

  /** `fn` is what `run` calls; `submit` and `map` bring their own. @throws TypeError for another kind of view or function */
  constructor(view: LoadBalancedView, fn?: RemoteFunction<[T], R>, ...surplus: never[]) {
    noMore(surplus, 'new Executor', ['view', 'fn']);
    NEW_EXECUTOR.view(view, 'view', 'new Executor');
    if (fn !== undefined) NEW_EXECUTOR.fn(fn, 'fn', 'new Executor');
    this.view = view;
    this.#fn = fn;
  }

  /**
   * Runs the pool's function on one task, as piscina's `run`. Options are those of load-balanced calls.
   * @throws TypeError without a function, Error once the pool is closed; the promise rejects with RemoteError, or
   *   AbortError by `signal`
   * @example
   * await pool.run(7, { priority: 1, signal });
   */
  run(task: T, options: BalancedOptions = {}): Promise<Awaited<R>> {
    this.#mustBeOpen();
    if (this.#fn === undefined)
      throw new TypeError('this executor has no function: new Executor(view, fn), or use submit');
    return this.#keep(this.view.with(options).apply(this.#fn, ...([task] as RemoteArgs<[T]>)));
  }

  /** Runs `fn(...args)` on one engine. @throws Error once the pool is closed; the promise rejects with RemoteError */
  submit<A extends unknown[], V>(fn: InferredFunction<A, V>, ...args: RemoteArgs<A>): Promise<Awaited<V>> {
    this.#mustBeOpen();
    return this.#keep(this.view.apply(fn, ...args));
  }

  /** As `view.map`: await it for the list, or iterate it. @throws Error once the pool is closed; as `view.map` */
  map<F, A extends unknown[], V>(
    fn: InferredFunction<[F, ...A], V>,
    first: MapInput<F>,
    ...more: MapInputs<A>
  ): AsyncResult<Awaited<V>[], Awaited<V>, 'many'>;
  /** With options after the sequences. */
  map<F, A extends unknown[], V>(
    fn: InferredFunction<[F, ...A], V>,
    first: MapInput<F>,
    ...more: [...MapInputs<A>, options: BalancedMapOptions | undefined]
  ): AsyncResult<Awaited<V>[], Awaited<V>, 'many'>;
  map<V>(
    fn: RemoteFunction<unknown[], V>,
    first: MapInput<unknown>,
    ...more: readonly unknown[]
  ): AsyncResult<Awaited<V>[], Awaited<V>, 'many'> {
    this.#mustBeOpen();
    const result = this.view.map(fn, first, ...(more as MapInput<unknown>[]));
    this.#follow(result);
    return result;
  }

  #keep<V>(result: AsyncResult<V, unknown, 'one'>): Promise<V> {
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

  /** How many items no engine has finished yet. */
  get queueSize(): number {
    return [...this.#pending].reduce((n, result) => n + result.length - result.progress, 0);
  }

  /** How many items have ended, well or not. */
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

guardCalls(Executor.prototype, 'executor', EXECUTOR);
