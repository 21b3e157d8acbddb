// LoadBalancedView: each of its tasks runs on one engine, the least loaded. There is no scheduler process: the client
// deals the tasks out over its own connections.
import { inspect } from 'node:util';
import { InvalidDependency, NoEnginesRegistered, type RemoteError } from '../../errors.ts';
import { encodeBody } from '../../protocol/codec.ts';
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { Ref } from '../../protocol/values/ref.ts';
import { functionName, mapInputs } from '../calls/map.ts';
import type { JobSelection } from '../jobs/jobs.ts';
import { asRemoteError } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';
import { splitInputs } from '../options.ts';
import type { RemoteArgs, RemoteFunction } from '../remote.ts';
import { type Assembly, chunks, single } from '../results/assembly.ts';
import { AsyncResult } from '../results/async-result.ts';
import { type Targets, targetText } from '../targets.ts';
import { applyCall, type CallBase, callBase, chunkCall, itemsOf, mapCall } from './balanced-calls.ts';
import { BalancedTask, type Call } from './balanced-task.ts';
import type { Balancer, Conditions } from './balancer.ts';
import { KnownDependency } from './dependency.ts';
import { Pace } from './duration-estimate.ts';
import { ItemStream } from './item-stream.ts';
import {
  type BalancedMapOptions,
  type BalancedOptions,
  checkBalanced,
  checkImap,
  checkMap,
  dependencyOf,
  type ImapOptions,
  type Kept,
  type ReturnErrors,
} from './options.ts';
import { Guard } from './placement.ts';

/** Tasks per engine that `chunkSize: 'auto'` makes: enough to even out, few enough to cost nothing. */
const AUTO_TASKS = 16;

export class LoadBalancedView {
  /** Engine ids, or 'all': every engine, also those that join while a call runs. */
  readonly targets: Targets;
  readonly #balancer: Balancer;
  readonly #kept: Kept;
  /** Shared by the views that `with` derives. */
  readonly #owner: object;

  /** Views are made by `client.loadBalanced()`. */
  constructor(balancer: Balancer, targets: Targets, kept: Kept = {}, owner: object = {}) {
    this.#balancer = balancer;
    this.targets = targets;
    const { guard: _, ...options } = kept;
    checkBalanced(options);
    this.#kept = kept;
    this.#owner = owner;
  }

  /**
   * The same engines with options that hold for every call of the returned view; this one stays as it is.
   * @throws TypeError naming an unknown option
   */
  with(options: BalancedOptions): LoadBalancedView {
    return this.#derive({ ...this.#kept, ...checkBalanced(options) });
  }

  /**
   * Only engines on which `predicate()` is true; it is evaluated there before each task and answers at once. Where it is
   * false, or throws an error named UnmetDependency, another engine is tried; ImpossibleDependency when none is left.
   * @throws TypeError, NotSerializableError for a predicate that cannot travel
   */
  depend(predicate: (() => boolean) | Ref): LoadBalancedView {
    return this.#derive({ ...this.#kept, guard: this.#guard.predicate(predicate) });
  }

  /** Only engines on which these names are set; dotted names too. @throws TypeError for anything that is no name */
  require(...names: string[]): LoadBalancedView {
    return this.#derive({ ...this.#kept, guard: this.#guard.names(names) });
  }

  get #guard(): Guard {
    return this.#kept.guard ?? new Guard();
  }

  #derive(kept: Kept): LoadBalancedView {
    return new LoadBalancedView(this.#balancer, this.targets, kept, this.#owner);
  }

  /** Ids of the live engines that a call made now may use. */
  get ids(): EngineId[] {
    const live = this.#balancer.session.ids;
    if (this.targets === 'all') return live;
    const wanted = typeof this.targets === 'number' ? [this.targets] : this.targets;
    return live.filter((id) => wanted.includes(id));
  }

  get length(): number {
    return this.ids.length;
  }

  /**
   * Runs `fn(...args)` on one engine; the awaited value is bare.
   * @throws NotSerializableError, NoEnginesRegistered at once; RemoteError when awaited
   */
  apply<A extends unknown[], R>(
    fn: RemoteFunction<A, R>,
    ...args: RemoteArgs<[...A]>
  ): AsyncResult<Awaited<R>, Awaited<R>> {
    const call = applyCall(this.#base('apply', fn, this.#kept), this.#guarded(fn, this.#kept), args);
    return this.#result('apply', this.#submit(call, 1, this.#kept), single<Awaited<R>>(), this.#kept);
  }

  /**
   * Maps over sequences, `chunkSize` items per task; the result is one flat list in input order. A plain object after
   * the sequences is taken as options. Sequences are cut to the shortest and must not change until the map is done.
   * @throws TypeError without a sequence or for an unknown option; CompositeError with one entry per failed item when awaited
   */
  map<A extends unknown[], R>(
    fn: RemoteFunction<A, R>,
    ...sequences: readonly unknown[]
  ): AsyncResult<Awaited<R>[], Awaited<R>> {
    const { inputs, options } = splitInputs<BalancedMapOptions>(sequences, checkMap);
    const { chunkSize: wanted = 1, ordered = true, concurrency, ...rest } = options;
    const kept: Kept = { ...this.#kept, ...rest };
    const all = mapInputs(inputs);
    const chunkSize = wanted === 'auto' ? this.#autoChunk(all[0]?.length ?? 0) : wanted;
    const base = this.#base('map', fn, kept, chunkSize);
    const { call, sizes } = mapCall(base, this.#guarded(fn, kept), all, { chunkSize, concurrency });
    const tasks = this.#submit(call, sizes.length, kept);
    const split = (value: unknown, i: number) => itemsOf(value, sizes[i] as number, tasks[i] as Task) as never;
    const assembly = chunks<Awaited<R>>(sizes, split);
    return this.#result(functionName(fn), tasks, assembly, kept, ordered ? 'target' : 'arrival');
  }

  #autoChunk(n: number): number {
    return Math.max(1, Math.ceil(n / (AUTO_TASKS * Math.max(1, this.length))));
  }

  /**
   * Maps over iterables that may be endless or asynchronous: reads only as far ahead as `maxOutstanding` tasks that the
   * caller has not taken yet, and keeps nothing of what it gave. A plain object after the iterables is taken as options.
   * The stream throws at the first failed item; with `returnErrors: true` it yields the item's RemoteError and goes on.
   * Each item of a chunk whose task failed as a whole (its engine died, an item cannot travel) gives the same error.
   * @throws TypeError without an iterable or for an unknown option; NotSerializableError for a function that cannot travel
   * @example
   * for await (const found of lview.imap(corners, paths, { returnErrors: true, maxOutstanding: 32 })) {
   *   if (found instanceof RemoteError) console.error(found.message);
   *   else save(found);
   * }
   */
  imap<A extends unknown[], R>(
    fn: RemoteFunction<A, R>,
    ...iterables: readonly [...iterables: unknown[], options: ReturnErrors]
  ): ItemStream<Awaited<R> | RemoteError>;
  imap<A extends unknown[], R>(fn: RemoteFunction<A, R>, ...iterables: readonly unknown[]): ItemStream<Awaited<R>>;
  imap(fn: RemoteFunction<unknown[], unknown>, ...iterables: readonly unknown[]): ItemStream<unknown> {
    const { inputs, options } = splitInputs<ImapOptions>(iterables, checkImap);
    const {
      chunkSize = 1,
      ordered = true,
      maxOutstanding = 'auto',
      concurrency,
      returnErrors = false,
      ...rest
    } = options;
    const kept: Kept = { ...this.#kept, ...rest };
    const guarded = this.#guarded(fn, kept);
    encodeBody({ fn: guarded });
    const base = this.#base('imap', fn, kept, chunkSize);
    const submit = (columns: unknown[][]) =>
      this.#submit(chunkCall(base, guarded, columns, concurrency), 1, kept)[0] as Task;
    return new ItemStream({
      inputs,
      chunkSize,
      ordered,
      returnErrors,
      signal: kept.signal,
      limit: () => this.#limit(maxOutstanding),
      submit: returnErrors ? (columns) => this.#submitOrRefuse(base, () => submit(columns)) : submit,
      forget: (task) => this.#balancer.session.jobs.forget(task),
      abort: (tasks) => this.#balancer.session.abortTasks(tasks),
    });
  }

  // Items that cannot travel, or that find no engine, fail as their own tasks.
  #submitOrRefuse(base: CallBase, submit: () => Task): Task {
    try {
      return submit();
    } catch (error) {
      const refused = asRemoteError(error);
      const request = () => {
        throw refused;
      };
      return this.#balancer.refuse({ ...base, request }, 1, refused)[0] as Task;
    }
  }

  #limit(wanted: number | 'auto'): number {
    if (wanted === 'auto') return Math.max(1, this.length);
    return wanted === 0 ? Number.POSITIVE_INFINITY : wanted;
  }

  #base(label: string, fn: unknown, kept: Kept, chunkSize = 1): CallBase {
    const pace = chunkSize === 1 ? this.#balancer.paces.of(fn) : new Pace();
    const ids = typeof this.targets === 'number' ? [this.targets] : this.targets;
    return callBase(label, kept, { pace, owner: this.#owner, targets: ids === 'all' ? undefined : new Set(ids) });
  }

  #guarded(fn: unknown, kept: Kept): unknown {
    return kept.guard === undefined ? fn : kept.guard.wrap(fn);
  }

  #submit(call: Call, n: number, kept: Kept): BalancedTask[] {
    if (n > 0 && this.length === 0) throw new NoEnginesRegistered(inspect(this));
    try {
      return this.#balancer.submit(call, n, this.#conditions(kept));
    } catch (error) {
      if (error instanceof InvalidDependency) return this.#balancer.refuse(call, n, error);
      throw error;
    }
  }

  #conditions({ after, follow }: Kept): Conditions {
    const known = (value: Kept['after']) => {
      const rule = dependencyOf(value);
      return rule && new KnownDependency(rule, (id: TaskId) => this.#balancer.session.jobs.find(id));
    };
    return { after: known(after), follow: known(follow) };
  }

  #result<T, Item>(
    label: string,
    tasks: readonly Task[],
    assembly: Assembly<T, Item>,
    { signal, label: wanted = label }: Kept,
    order?: 'target' | 'arrival',
  ): AsyncResult<T, Item> {
    const abort = (some: readonly Task[]) => this.#balancer.session.abortTasks(some);
    return new AsyncResult({ label: wanted, tasks, assembly, abort, limits: { signal }, order });
  }

  /** Tasks of this view, and of those derived from it, that have not ended. */
  get outstanding(): Set<TaskId> {
    return new Set(this.#unfinished().map((task) => task.id));
  }

  #unfinished(): BalancedTask[] {
    const all = this.#balancer.session.jobs.select();
    return all.filter(
      (task): task is BalancedTask =>
        task instanceof BalancedTask && task.outcome === undefined && task.plan.owner === this.#owner,
    );
  }

  /** Drops tasks that have not started: those of `jobs`, or all outstanding ones of this view. Running tasks finish. */
  abort(jobs?: JobSelection): Promise<void> {
    const tasks = jobs === undefined ? this.#unfinished() : this.#balancer.session.jobs.select(jobs);
    return this.#balancer.session.abortTasks(tasks);
  }

  [inspect.custom](): string {
    return `<LoadBalancedView ${targetText(this.targets)}>`;
  }

  toString(): string {
    return this[inspect.custom]();
  }
}
