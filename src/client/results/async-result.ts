import { inspect } from 'node:util';
import { CompositeError, type RemoteError, TimeoutError } from '../../errors.ts';
import type { TaskId } from '../../protocol/messages.ts';
import type { MimeBundle } from '../../protocol/methods.ts';
import type { WaitLimits } from '../../rpc/waiting.ts';
import {
  type Check,
  count,
  DURATION,
  FLAG,
  FUNCTION,
  must,
  optionsOf,
  type Rules,
  SINK,
  WAIT,
  wordOf,
} from '../../util/checks.ts';
import { guardCalls, promises, type Signatures, takes } from '../../util/signature.ts';
import type { Metadata, Task } from '../links/task.ts';
import { WAIT_LIMITS } from '../options.ts';
import type { Mode, PerTarget } from '../remote.ts';
import {
  type Assembly,
  assemble,
  byEngine,
  failuresIn,
  firstError,
  isFailed,
  list,
  mixed,
  type NamedCall,
} from './assembly.ts';
import { type CallSite, callSite } from './call-site.ts';
import { arrivals, iterate } from './iteration.ts';
import { type DisplayOptions, displayOutputs, type StreamOptions, streamOutput } from './output/display.ts';
import { GROUPINGS } from './output/grouping.ts';
import type { Sinks } from './output/sinks.ts';
import { resultBundle } from './output/summary.ts';
import {
  type InteractiveOptions,
  type ProgressEvent,
  type ProgressName,
  type ProgressOptions,
  progressEvents,
  waitInteractive,
} from './progress.ts';
import { TaskGroup, type WaitSets } from './task-group.ts';

/** When a wait is over: after all tasks, after the first one, or after the first one that failed. */
export type ReturnWhen = 'ALL_COMPLETED' | 'FIRST_COMPLETED' | 'FIRST_EXCEPTION';

/** The options of `get`. */
export interface GetOptions extends WaitLimits {
  /** Errors stand among the values, in their places, instead of being thrown. */
  readonly returnErrors?: boolean;
  /** FIRST_EXCEPTION rejects with the first failure without waiting for the others. */
  readonly returnWhen?: ReturnWhen;
}

/** The pieces that a result is made of. */
export interface AsyncResultInit<T, Item> {
  /** The name of the call, for errors and printing. */
  readonly label: string;
  readonly tasks: readonly Task[];
  /** How the tasks' outcomes become the value. */
  readonly assembly: Assembly<T, Item>;
  /** Drops those of the tasks that have not started. */
  readonly abort: (tasks: readonly Task[]) => Promise<void>;
  /** Called with the unfinished tasks when the signal fires; default `abort`. */
  readonly onSignal?: ((tasks: readonly Task[]) => Promise<void>) | undefined;
  /** The limits of a bare await; the signal drops tasks that have not started, too. */
  readonly limits?: WaitLimits | undefined;
  /** The name that progress bars show, where it is not the label: the function's. */
  readonly progressLabel?: string | undefined;
  /** Order of iteration; 'arrival' for unordered maps. Values stay in target order. */
  readonly order?: 'target' | 'arrival' | undefined;
  /** Results that nobody could await (assignments): their failures surface with this one. */
  readonly before?: readonly AsyncResult<unknown, unknown>[] | undefined;
}

const WHEN = wordOf('ALL_COMPLETED', 'FIRST_COMPLETED', 'FIRST_EXCEPTION');
const GET_OPTIONS: Rules<GetOptions> = { ...WAIT_LIMITS, returnErrors: FLAG, returnWhen: WHEN };
const PROGRESS_OPTIONS: Rules<ProgressOptions> = { ...WAIT_LIMITS, interval: DURATION };
const SINKS: Rules<Sinks> = { stdout: SINK, stderr: SINK, display: FUNCTION };
const STREAM_OPTIONS: Rules<StreamOptions> = { ...WAIT_LIMITS, ...SINKS };
const DISPLAY_OPTIONS: Rules<DisplayOptions> = { ...STREAM_OPTIONS, groupBy: wordOf(...GROUPINGS) };

// Not `then` and its like: the language calls them.
const ASYNC_RESULT: Signatures<AsyncResult<unknown>, 'then' | 'catch' | 'finally'> = {
  get: promises({}, { options: optionsOf(GET_OPTIONS) }),
  wait: promises({}, { ms: WAIT, options: optionsOf<{ readonly returnWhen: ReturnWhen }>({ returnWhen: WHEN }) }),
  asReady: takes(),
  byEngine: promises({}, { options: optionsOf(WAIT_LIMITS) }),
  abort: promises(),
  split: takes(),
  progressEvents: takes({}, { options: optionsOf(PROGRESS_OPTIONS) }),
  waitInteractive: promises({}, { options: optionsOf<InteractiveOptions>({ ...PROGRESS_OPTIONS, ...SINKS }) }),
  displayOutputs: promises({}, { options: optionsOf(DISPLAY_OPTIONS) }),
  streamOutput: promises({}, { options: optionsOf(STREAM_OPTIONS) }),
};
const RESULT: Check = must('an AsyncResult', (value) => value instanceof AsyncResult);

/** The kind of view that a value of `T` came from, where only its items are known. */
export type ModeOf<T, Item> = [unknown] extends [T] ? Mode : [T] extends [readonly Item[]] ? 'many' : 'one';

/** The result of a call that gives one value per target: bare for one target, a list for several. */
export type PerTargetResult<M extends Mode, V> = AsyncResult<PerTarget<M, V>, V, M>;

/**
 * The result of a call on one or several engines. It is there at once; `await` gives the value, or one per target. An
 * async function cannot return one: it would be awaited on the way. `M` says if `stdout`, `metadata` and the like are
 * bare ('one') or lists with one entry per task ('many').
 * @example
 * const result = view.apply((x) => x ** 2, 7);
 * result.ready; // false
 * await result; // [49, 49, 49, 49]
 * for await (const square of view.map((x) => x ** 2, [1, 2, 3])) console.log(square);
 */
export class AsyncResult<T, Item = unknown, M extends Mode = ModeOf<T, Item>>
  implements PromiseLike<T>, AsyncIterable<Item>
{
  /** The name of the call in errors and printing: the method's, or the `label` that the caller gave. */
  readonly label: string;
  /** The tasks of the call: one per engine, or one per chunk of a load-balanced map. */
  readonly tasks: readonly Task[];
  readonly #init: AsyncResultInit<T, Item>;
  readonly #group: TaskGroup;
  readonly #site: CallSite;
  /** Failed items of each task that has ended, counted once. */
  readonly #failures: (number | undefined)[] = [];

  /** Results are made by the methods of views. @internal */
  constructor(init: AsyncResultInit<T, Item>) {
    const { label, tasks, limits = {} } = init;
    this.#init = init;
    this.label = label;
    this.tasks = tasks;
    this.#site = callSite(AsyncResult, tasks[0]?.submitted ?? 0);
    this.#group = new TaskGroup(tasks, label, limits);
    this.#group.abortOn(limits.signal, init.onSignal ?? init.abort);
  }

  /** Have all tasks ended? */
  get ready(): boolean {
    return this.#group.ready;
  }

  /** Did all of them succeed? @throws TimeoutError before the end */
  get successful(): boolean {
    this.#group.mustBeReady('Cannot check successful() if not done.');
    const { assembly } = this.#init;
    return !this.#group.outcomes.some((outcome, i) => isFailed(assembly, outcome, i));
  }

  /** Items, not messages: results of an `apply`, elements of a `map`. */
  get length(): number {
    return this.#init.assembly.length ?? 1;
  }

  /** Items that have arrived. */
  get progress(): number {
    return this.tasks.reduce((n, task, i) => n + (task.outcome ? this.#init.assembly.size(i) : 0), 0);
  }

  /** Items of `progress` that have failed: 0 as long as all is well. */
  get failed(): number {
    const { assembly } = this.#init;
    let failed = 0;
    for (const [i, { outcome }] of this.tasks.entries()) {
      if (outcome !== undefined) failed += this.#failures[i] ??= failuresIn(assembly, outcome, i);
    }
    return failed;
  }

  /** The message ids of the tasks, in task order. */
  get msgIds(): TaskId[] {
    return this.tasks.map((task) => task.id);
  }

  /** Times, state and output of each task, before and after completion; bare for a single result. */
  get metadata(): PerTarget<M, Metadata> {
    return this.#perTask((task) => task.metadata);
  }

  /** The stdout of each task so far; bare for a single result. */
  get stdout(): PerTarget<M, string> {
    return this.#perTask((task) => task.stdout);
  }

  /** The stderr of each task so far; bare for a single result. */
  get stderr(): PerTarget<M, string> {
    return this.#perTask((task) => task.stderr);
  }

  /** The outputs that each task displayed, as mime bundles; bare for a single result. */
  get outputs(): PerTarget<M, readonly MimeBundle[]> {
    return this.#perTask((task) => task.outputs);
  }

  /** The data that each task has published so far; live while it runs; bare for a single result. */
  get data(): PerTarget<M, Readonly<Record<string, unknown>>> {
    return this.#perTask((task) => task.data);
  }

  /** The id of each task's engine, null until one has been chosen (load balancing); bare for a single result. */
  get engineId(): PerTarget<M, number | null> {
    return this.#perTask((task) => task.engine?.id ?? null);
  }

  // `isSingle` at run time is what the mode M says at compile time.
  #perTask<V>(pick: (task: Task) => V): PerTarget<M, V> {
    const all = this.tasks.map(pick);
    return (this.isSingle ? all[0] : all) as PerTarget<M, V>;
  }

  /** Was the call on one target, so that its value is bare? */
  get isSingle(): boolean {
    return this.#init.assembly.length === undefined;
  }

  /** Waits as `get` does: a result can be awaited. */
  // biome-ignore lint/suspicious/noThenProperty: being awaitable is the point of an AsyncResult
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.get().then(onFulfilled, onRejected);
  }

  /** As a promise's `catch`, for the value that `get` gives. */
  catch<B>(onRejected: (reason: unknown) => B | PromiseLike<B>): Promise<T | B> {
    return this.get().catch(onRejected);
  }

  /** As a promise's `finally`, for the value that `get` gives. */
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
    const { assembly, before = [] } = this.#init;
    try {
      if (options.returnWhen === 'FIRST_EXCEPTION') await this.#firstException(options);
      else await this.#group.ended(this.#group.limits(options));
    } catch (error) {
      throw this.#site.mark(error);
    }
    for (const earlier of before) await earlier.get(options);
    const { outcomes } = this.#group;
    return options.returnErrors ? mixed(assembly, outcomes, this.#site) : assemble(assembly, outcomes, this.#call);
  }

  get #call(): NamedCall {
    return { label: this.label, site: this.#site };
  }

  async #firstException(limits: WaitLimits): Promise<void> {
    await this.#reached('FIRST_EXCEPTION', this.#group.limits(limits));
    const error = firstError(this.#init.assembly, this.tasks);
    if (error !== undefined) throw error;
  }

  /** Waits up to `ms`: true when all have ended. Never rejects for a failed task. */
  wait(ms?: number): Promise<boolean>;
  /** With `returnWhen`: the sets of ended and pending msgIds as soon as the condition holds. */
  wait(ms: number | undefined, options: { returnWhen: ReturnWhen }): Promise<WaitSets>;
  async wait(ms?: number, options?: { returnWhen: ReturnWhen }): Promise<boolean | WaitSets> {
    const limits = { timeout: ms === undefined || ms < 0 ? undefined : ms };
    await this.#reached(options?.returnWhen ?? 'ALL_COMPLETED', limits).catch(ignoreTimeout);
    return options === undefined ? this.ready : this.#group.sets;
  }

  #reached(when: ReturnWhen, limits: WaitLimits): Promise<void> {
    if (when === 'ALL_COMPLETED') return this.#group.ended(limits);
    const { assembly } = this.#init;
    return this.#group.endedOr((...ended) => when === 'FIRST_COMPLETED' || isFailed(assembly, ...ended), limits);
  }

  /**
   * Items as they arrive, in target order: good results up to the first failure, then its error is thrown.
   * @throws TypeError for a single result, which has no items
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    if (this.isSingle) throw new TypeError('a single result is not iterable: await it');
    if (this.#init.order === 'arrival') yield* this.asReady();
    else yield* iterate(this.#group, this.#init.assembly, this.tasks.keys(), this.#site);
  }

  /** Items in the order in which their tasks came back, also once everything is done. */
  asReady(): AsyncGenerator<Item, void, undefined> {
    return iterate(this.#group, this.#init.assembly, arrivals(this.#group), this.#site);
  }

  /**
   * Values by engine id.
   * @throws RangeError "Cannot build dict, 3 jobs ran on engine #3"; RemoteError / CompositeError as `get`
   */
  async byEngine(options: WaitLimits = {}): Promise<Map<number, Item>> {
    await this.#group.ended(this.#group.limits(options));
    return byEngine(this.#init.assembly, this.tasks, this.#call);
  }

  /**
   * Settles when every task has its large arrays, and small values are copied, or it has ended: from then on the arrays that
   * were passed may change. It never rejects. A small task may still be on its way; `close` of the client lets it leave. Load-balanced tasks keep their arrays for another engine, so it waits for their end.
   * @example
   * for (const step of steps) {
   *   buffer.set(step);
   *   await view.push({ buffer }).sent; // the engines get these numbers
   * }
   */
  get sent(): Promise<void> {
    return Promise.all(this.tasks.map((task) => task.sent)).then(() => {});
  }

  /** Drops the tasks that have not started: they end in TaskAborted. @throws Error when all are done */
  async abort(): Promise<void> {
    if (this.ready) throw new Error("Can't abort, I am already done!");
    await this.#init.abort(this.#group.unfinished);
  }

  /** One result per task. */
  split(): AsyncResult<unknown[], unknown>[] {
    const { label, abort } = this.#init;
    return this.tasks.map((task) => new AsyncResult({ label, tasks: [task], assembly: list(1), abort }));
  }

  /** One result over the tasks of several: the inverse of `split`. */
  static join(...results: readonly AsyncResult<unknown, unknown>[]): AsyncResult<unknown[], unknown> {
    const tasks = results.flatMap((result) => result.tasks);
    const abort = async () => {
      await Promise.all(results.filter((r) => !r.ready).map((r) => r.abort()));
    };
    return new AsyncResult({ label: results[0]?.label ?? 'join', tasks, assembly: list(tasks.length), abort });
  }

  /** Milliseconds since the submission, or until the last result arrived. */
  get elapsed(): number {
    return this.#group.elapsed;
  }

  /** Milliseconds of work, summed over the tasks. @throws TimeoutError before the end */
  get serialTime(): number {
    this.#group.mustBeReady('Result not ready. (serialTime)');
    return this.#group.serialTime;
  }

  /** Milliseconds from the first submission to the last arrival. @throws TimeoutError before the end */
  get wallTime(): number {
    this.#group.mustBeReady('Result not ready. (wallTime)');
    return this.#group.elapsed;
  }

  /** Progress now, every `interval` ms (default and least 100) and at the end. @throws AbortError */
  progressEvents(options: ProgressOptions = {}): AsyncGenerator<ProgressEvent> {
    return progressEvents(this, options, this.#shown);
  }

  /**
   * Waits with a progress bar on stderr when that is a TTY, one final line otherwise. True when all have ended, false
   * after `timeout` ms; never rejects for a failed task.
   * @throws AbortError
   * @example
   * const result = lview.map(crunch, inputs);
   * if (!(await result.waitInteractive({ timeout: 60_000 }))) await result.abort();
   */
  waitInteractive(options: InteractiveOptions = {}): Promise<boolean> {
    return waitInteractive(this, options, this.#shown);
  }

  get #shown(): ProgressName {
    const { progressLabel = this.label, assembly } = this.#init;
    return { label: progressLabel, unit: assembly.isMap ? 'items' : undefined };
  }

  /**
   * Waits for the end, then writes what the tasks printed, displayed and gave; also what failed tasks printed.
   * @throws RangeError for an unknown grouping; TimeoutError, AbortError; never for a failed task
   */
  displayOutputs(options: DisplayOptions = {}): Promise<void> {
    return displayOutputs(this.#group, this.isSingle ? 'bare' : 'prefixed', options);
  }

  /**
   * Writes what the tasks print as it arrives, from their beginning; resolves when all have ended.
   * @throws TimeoutError, AbortError; never for a failed task
   */
  streamOutput(options: StreamOptions = {}): Promise<void> {
    return streamOutput(this.#group, this.isSingle ? 'bare' : 'prefixed', options);
  }

  /** For notebooks: a line, and a table of the tasks. */
  [Symbol.for('Jupyter.display')](): MimeBundle {
    return resultBundle(inspect(this), this.tasks);
  }

  /** The line that consoles print. */
  [inspect.custom](): string {
    const state = this.ready ? (this.successful ? 'finished' : 'failed') : 'pending';
    return `<${this.#init.assembly.isMap ? 'AsyncMapResult' : 'AsyncResult'}(${this.label}): ${state}>`;
  }
}

guardCalls(AsyncResult, 'AsyncResult', { join: takes({}, {}, RESULT) });
guardCalls(AsyncResult.prototype, 'result', ASYNC_RESULT);
// Here, as errors stand below the checks: results throw them.
guardCalls(CompositeError.prototype, 'CompositeError', { raise: takes({ index: count() }), render: takes() });

function ignoreTimeout(error: unknown): void {
  if (!(error instanceof TimeoutError)) throw error;
}
