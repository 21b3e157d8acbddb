// AsyncResult: the handle of a call on one or several engines. Returned at once, never from an async function (it is a
// thenable and would be unwrapped).
import { inspect } from 'node:util';
import { type RemoteError, TimeoutError } from '../../errors.ts';
import type { TaskId } from '../../protocol/messages.ts';
import type { Metadata, MimeBundle, Task } from '../links/task.ts';
import { type WaitLimits, within } from '../links/waiting.ts';
import type { CallOptions } from '../options.ts';
import { arrivals } from './arrivals.ts';
import { type Assembly, assemble, list, mixed } from './assembly.ts';
import { InteractiveResult } from './interactive-result.ts';

export type ReturnWhen = 'ALL_COMPLETED' | 'FIRST_COMPLETED' | 'FIRST_EXCEPTION';

export interface GetOptions extends WaitLimits {
  /** Errors stand among the values, in their places, instead of being thrown. */
  readonly returnErrors?: boolean;
  /** FIRST_EXCEPTION rejects with the first failure without waiting for the others. */
  readonly returnWhen?: ReturnWhen;
}

export interface WaitSets {
  readonly done: ReadonlySet<TaskId>;
  readonly pending: ReadonlySet<TaskId>;
}

export interface AsyncResultInit<T, Item> {
  /** The public method name, for errors and printing. */
  readonly label: string;
  readonly tasks: readonly Task[];
  readonly assembly: Assembly<T, Item>;
  /** Drops those of the tasks that have not started. */
  readonly abort: (tasks: readonly Task[]) => Promise<void>;
  readonly options?: CallOptions;
  /** The name of the function that runs, for progress bars; default: the label. */
  readonly functionName?: string;
  /** `AsyncMapResult` for maps. */
  readonly kind?: string;
  /** Order of iteration; 'arrival' for unordered maps. Values stay in target order. */
  readonly arrival?: 'target' | 'arrival';
  /** Results that nobody could await (assignments): their failures surface with this one. */
  readonly before?: readonly AsyncResult<unknown, unknown>[];
}

/** A value for one target or one per target: a list, when the call was on a list. */
export type PerTask<V> = V | V[];

export class AsyncResult<T, Item = unknown> extends InteractiveResult implements PromiseLike<T>, AsyncIterable<Item> {
  readonly label: string;
  readonly tasks: readonly Task[];
  readonly #init: AsyncResultInit<T, Item>;
  readonly #done: Promise<void>;
  #pending: number;

  constructor(init: AsyncResultInit<T, Item>) {
    super();
    this.#init = init;
    this.label = init.options?.label ?? init.label;
    this.tasks = init.tasks;
    this.#pending = init.tasks.length;
    this.#done = this.#allDone();
    this.#abortWith(init.options?.signal);
  }

  // One promise and one listener for all of them: a map may have a hundred thousand.
  #allDone(): Promise<void> {
    return new Promise((resolve) => {
      const ended = () => {
        if (--this.#pending === 0) resolve();
      };
      if (this.#pending === 0) resolve();
      for (const task of this.tasks) task.onEnd(ended);
    });
  }

  // Tasks that have not started are dropped when the caller's signal fires.
  #abortWith(signal: AbortSignal | undefined): void {
    if (signal === undefined || this.ready) return;
    const drop = () => {
      this.#init.abort(this.#unfinished()).catch(() => {});
    };
    if (signal.aborted) drop();
    else signal.addEventListener('abort', drop, { once: true });
    void this.#done.then(() => signal.removeEventListener('abort', drop));
  }

  #unfinished(): Task[] {
    return this.tasks.filter((task) => task.outcome === undefined);
  }

  /** Have all tasks ended? */
  get ready(): boolean {
    return this.#pending === 0;
  }

  /** Did all of them succeed? @throws TimeoutError before the end */
  get successful(): boolean {
    if (!this.ready) throw new TimeoutError('Cannot check successful() if not done.');
    return this.#items().every((item) => item.ok);
  }

  #items() {
    return this.tasks.flatMap((task, i) => (task.outcome ? this.#init.assembly.items(task.outcome, i) : []));
  }

  /** Items, not messages: results of an `apply`, elements of a `map`. */
  get length(): number {
    return this.#init.assembly.length ?? 1;
  }

  /** Items that have arrived. */
  get progress(): number {
    return this.tasks.reduce((n, task, i) => n + (task.outcome ? this.#init.assembly.size(i) : 0), 0);
  }

  get msgIds(): TaskId[] {
    return this.tasks.map((task) => task.id);
  }

  /** What is known of each task, before and after completion; bare for a single result. */
  get metadata(): PerTask<Metadata> {
    return this.#perTask((task) => task.metadata);
  }

  get stdout(): PerTask<string> {
    return this.#perTask((task) => task.stdout);
  }

  get stderr(): PerTask<string> {
    return this.#perTask((task) => task.stderr);
  }

  /** What the tasks displayed, as mime bundles. */
  get outputs(): PerTask<readonly MimeBundle[]> {
    return this.#perTask((task) => task.outputs);
  }

  /** What the tasks have published so far; live while they run. */
  get data(): PerTask<Readonly<Record<string, unknown>>> {
    return this.#perTask((task) => task.data);
  }

  get engineId(): PerTask<number | null> {
    return this.#perTask((task) => task.engine?.id ?? null);
  }

  #perTask<V>(pick: (task: Task) => V): PerTask<V> {
    const all = this.tasks.map(pick);
    return this.isSingle ? (all[0] as V) : all;
  }

  get isSingle(): boolean {
    return this.#init.assembly.length === undefined;
  }

  // biome-ignore lint/suspicious/noThenProperty: being awaitable is the point of an AsyncResult
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.get().then(onFulfilled, onRejected);
  }

  catch<B>(onRejected: (reason: unknown) => B | PromiseLike<B>): Promise<T | B> {
    return this.get().catch(onRejected);
  }

  finally(onFinally: () => void): Promise<T> {
    return this.get().finally(onFinally);
  }

  /**
   * Waits for all tasks, then gives the value(s). Repeatable: it gives or throws the same each time.
   * @throws RemoteError for one target, CompositeError for several; TimeoutError ("Result not ready."), AbortError
   */
  get(options: GetOptions & { returnErrors: true }): Promise<(Item | RemoteError)[]>;
  get(options?: GetOptions): Promise<T>;
  async get(options: GetOptions = {}): Promise<T | (Item | RemoteError)[]> {
    if (options.returnWhen === 'FIRST_EXCEPTION') await this.#firstException(options);
    else await within(this.#done, this.#limits(options), this.#what);
    for (const earlier of this.#init.before ?? []) await earlier.get(options);
    const outcomes = this.#outcomes();
    if (options.returnErrors) return mixed(this.#init.assembly, outcomes);
    return assemble(this.#init.assembly, outcomes, this.label);
  }

  #outcomes() {
    return this.tasks.flatMap((task) => (task.outcome ? [task.outcome] : []));
  }

  // An explicit wait has its own limits; a bare await has those of the call.
  #limits(options: WaitLimits): WaitLimits {
    return {
      signal: options.signal ?? this.#init.options?.signal,
      timeout: options.timeout ?? this.#init.options?.timeout,
    };
  }

  get #what(): string {
    return `${this.label} on ${this.tasks.length} engine task${this.tasks.length === 1 ? '' : 's'}`;
  }

  async #firstException(limits: WaitLimits): Promise<void> {
    await this.#reached('FIRST_EXCEPTION', this.#limits(limits));
    const first = this.#items().find((item) => !item.ok);
    if (first && !first.ok) throw first.error;
  }

  /** Waits up to `ms`: true when all have ended. Never rejects for a failed task. */
  wait(ms?: number): Promise<boolean>;
  /** With `returnWhen`: the sets of ended and pending msgIds as soon as the condition holds. */
  wait(ms: number | undefined, options: { returnWhen: ReturnWhen }): Promise<WaitSets>;
  async wait(ms?: number, options?: { returnWhen: ReturnWhen }): Promise<boolean | WaitSets> {
    const limits = { timeout: ms === undefined || ms < 0 ? undefined : ms };
    await this.#reached(options?.returnWhen ?? 'ALL_COMPLETED', limits).catch(ignoreTimeout);
    return options === undefined ? this.ready : this.#sets();
  }

  #reached(when: ReturnWhen, limits: WaitLimits): Promise<unknown> {
    if (when === 'ALL_COMPLETED' || this.ready) return within(this.#done, limits, this.#what);
    const awaited = this.tasks.map(async (task, i) => {
      const outcome = await task.done;
      const stops = when === 'FIRST_COMPLETED' || this.#init.assembly.items(outcome, i).some((item) => !item.ok);
      return stops ? undefined : new Promise<void>(() => {});
    });
    return within(Promise.race([this.#done, ...awaited]), limits, this.#what);
  }

  #sets(): WaitSets {
    const ids = (ended: boolean) =>
      new Set(this.tasks.filter((task) => (task.outcome !== undefined) === ended).map((task) => task.id));
    return { done: ids(true), pending: ids(false) };
  }

  /**
   * Items as they arrive, in target order: good results up to the first failure, then its error is thrown.
   * @throws TypeError for a single result, which is no sequence
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    if (this.isSingle) throw new TypeError('a single result is not iterable: await it');
    yield* this.#init.arrival === 'arrival' ? this.asReady() : this.#iterate(this.tasks.keys());
  }

  async *#iterate(order: Iterable<number> | AsyncIterable<number>): AsyncGenerator<Item, void, undefined> {
    for await (const index of order) {
      const task = this.tasks[index] as Task;
      const outcome = task.outcome ?? (await within(task.done, this.#limits({}), this.#what));
      for (const item of this.#init.assembly.items(outcome, index)) {
        if (!item.ok) throw item.error;
        yield item.value;
      }
    }
  }

  /** Items in the order in which their tasks came back, also once everything is done. */
  asReady(): AsyncGenerator<Item, void, undefined> {
    return this.#iterate(arrivals(this.tasks, this.#limits({})));
  }

  /**
   * Values by engine id.
   * @throws RangeError "Cannot build dict, 3 jobs ran on engine #3"; RemoteError / CompositeError as `get`
   */
  async byEngine(options: WaitLimits = {}): Promise<Map<number, Item>> {
    await within(this.#done, this.#limits(options), this.#what);
    const ids = this.tasks.map((task) => task.engine?.id ?? -1);
    for (const id of ids) {
      const jobs = ids.filter((other) => other === id).length;
      if (jobs > 1) throw new RangeError(`Cannot build dict, ${jobs} jobs ran on engine #${id}`);
    }
    assemble({ ...this.#init.assembly, join: () => undefined }, this.#outcomes(), this.label);
    return new Map(ids.map((id, i) => [id, this.#valueOf(i)]));
  }

  // What one engine gave: its value, or the list of its items for a map.
  #valueOf(index: number): Item {
    const items = this.#init.assembly.items(this.#outcomes()[index]!, index);
    const values = items.map((item) => (item as { value: Item }).value);
    return this.#init.kind === 'AsyncMapResult' ? (values as Item) : (values[0] as Item);
  }

  /** What progress bars say: the function's name, or the method's. */
  get functionName(): string {
    return this.#init.functionName ?? this.label;
  }

  protected within(promise: Promise<void>, limits: WaitLimits): Promise<void> {
    return within(promise, this.#limits(limits), this.#what);
  }

  /** The same result under another name; its tasks keep theirs. */
  named(label: string): AsyncResult<T, Item> {
    return new AsyncResult({ ...this.#init, options: { ...this.#init.options, label } });
  }

  /** Drops the tasks that have not started: they end in TaskAborted. @throws Error when all are done */
  async abort(): Promise<void> {
    if (this.ready) throw new Error("Can't abort, I am already done!");
    await this.#init.abort(this.#unfinished());
  }

  /** One child per message. */
  split(): AsyncResult<unknown, unknown>[] {
    const { abort, label } = this.#init;
    return this.tasks.map((task) => new AsyncResult({ label, tasks: [task], assembly: list(1), abort }));
  }

  /** The inverse of `split`: one result over the tasks of several. */
  static join(...results: readonly AsyncResult<unknown, unknown>[]): AsyncResult<unknown[], unknown> {
    const tasks = results.flatMap((result) => result.tasks);
    const abort = async () => {
      await Promise.all(results.filter((r) => !r.ready).map((r) => r.abort()));
    };
    return new AsyncResult({ label: results[0]?.label ?? 'join', tasks, assembly: list(tasks.length), abort });
  }

  /** Milliseconds since the submission, or until the last result arrived. */
  get elapsed(): number {
    if (this.tasks.length === 0) return 0;
    const first = this.tasks.reduce((ms, task) => Math.min(ms, task.submitted), Number.POSITIVE_INFINITY);
    const last = this.tasks.reduce((ms, task) => Math.max(ms, task.received ?? 0), 0);
    return (this.ready ? last : Date.now()) - first;
  }

  /** Milliseconds of work, summed over the tasks. @throws TimeoutError before the end */
  get serialTime(): number {
    this.#mustBeReady('serialTime');
    return this.tasks.reduce((ms, task) => ms + ((task.completed ?? 0) - (task.started ?? task.completed ?? 0)), 0);
  }

  /** Milliseconds from the first submission to the last arrival. @throws TimeoutError before the end */
  get wallTime(): number {
    this.#mustBeReady('wallTime');
    return this.elapsed;
  }

  #mustBeReady(what: string): void {
    if (!this.ready) throw new TimeoutError(`Result not ready. (${what})`);
  }

  [inspect.custom](): string {
    const state = this.ready ? (this.successful ? 'finished' : 'failed') : 'pending';
    return `<${this.#init.kind ?? 'AsyncResult'}(${this.label}): ${state}>`;
  }
}

function ignoreTimeout(error: unknown): void {
  if (!(error instanceof TimeoutError)) throw error;
}
