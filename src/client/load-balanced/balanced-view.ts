import { inspect } from 'node:util';
import { InvalidDependency, NoEnginesRegistered, type RemoteError } from '../../errors.ts';
import { encodeBody } from '../../protocol/codec.ts';
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { Ref } from '../../protocol/values/ref.ts';
import { ANYTHING, checkOptions, optionsOf } from '../../util/checks.ts';
import { guardCalls, promises, type Signatures, takes } from '../../util/signature.ts';
import type { MapInput, MapInputs, StreamInput, StreamInputs } from '../calls/inputs.ts';
import { functionName, mapInputs, progressName } from '../calls/map.ts';
import type { JobSelection } from '../jobs/jobs.ts';
import { asRemoteError } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';
import { NAME } from '../names.ts';
import { assertUseful, CALLABLE, JOBS, splitInputs } from '../options.ts';
import type { InferredFunction, Mode, RemoteArgs } from '../remote.ts';
import { type Assembly, chunks, single } from '../results/assembly.ts';
import { AsyncResult, type ModeOf, type PerTargetResult } from '../results/async-result.ts';
import { type Targets, targetText } from '../targets.ts';
import { applyCall, type CallBase, callBase, chunkCall, itemsOf, mapCall } from './balanced-calls.ts';
import { type BalancedCall, BalancedTask } from './balanced-task.ts';
import type { Balancer, Conditions } from './balancer.ts';
import { KnownDependency } from './dependency.ts';
import { DurationEstimate } from './duration-estimate.ts';
import { ItemStream } from './item-stream.ts';
import {
  BALANCED_MAP_OPTIONS,
  BALANCED_OPTIONS,
  type BalancedMapOptions,
  type BalancedOptions,
  dependencyOf,
  IMAP_OPTIONS,
  type ImapOptions,
  type ReturnErrors,
  type ViewOptions,
} from './options.ts';
import { TaskPlacement } from './placement.ts';

/** Tasks per engine that `chunkSize: 'auto'` makes: enough to even out, few enough to cost nothing. */
const AUTO_TASKS = 16;

const LOAD_BALANCED_VIEW: Signatures<LoadBalancedView, 'toString'> = {
  with: takes({ options: optionsOf(BALANCED_OPTIONS) }),
  depend: takes({ predicate: CALLABLE }),
  require: takes({}, {}, NAME),
  apply: takes({ fn: CALLABLE }, {}, ANYTHING),
  map: takes({ fn: CALLABLE }, {}, ANYTHING),
  imap: takes({ fn: CALLABLE }, {}, ANYTHING),
  abort: promises({}, { jobs: JOBS }),
};

/**
 * A view whose tasks run on one engine each, the least loaded. There is no scheduler process: the client deals the tasks
 * out over its own links. Made by `rc.loadBalanced()`. Durations are milliseconds.
 * @example
 * const lview = rc.loadBalanced();
 * await lview.apply((x) => x ** 2, 7); // 49
 * await lview.with({ retries: 2, timeout: 5000 }).map(crunch, inputs);
 */
export class LoadBalancedView {
  /** Engine ids, or 'all': every engine, also those that join while a call runs. */
  readonly targets: Targets;
  readonly #balancer: Balancer;
  readonly #options: ViewOptions;
  /** Shared by the views that `with` derives. */
  readonly #owner: object;

  /** Views are made by `client.loadBalanced()`. @internal */
  constructor(balancer: Balancer, targets: Targets, options: ViewOptions = {}, owner: object = {}) {
    this.#balancer = balancer;
    this.targets = targets;
    const { placement: _, ...others } = options;
    assertUseful(checkOptions(others, BALANCED_OPTIONS, 'loadBalanced'), 'loadBalanced');
    this.#options = options;
    this.#owner = owner;
  }

  /**
   * The same engines with options that hold for every call of the returned view; this one stays as it is.
   * @throws TypeError naming an unknown option
   */
  with(options: BalancedOptions): LoadBalancedView {
    return this.#derive({ ...this.#options, ...checkOptions(options, BALANCED_OPTIONS, 'with') });
  }

  /**
   * Only engines on which `predicate()` is true; it is evaluated there before each task and answers at once. Where it is
   * false, or throws an error named UnmetDependency, another engine is tried; ImpossibleDependency when none is left.
   * @throws TypeError, NotSerializableError for a predicate that cannot travel
   */
  depend(predicate: (() => boolean) | Ref): LoadBalancedView {
    return this.#derive({ ...this.#options, placement: this.#placement.predicate(predicate) });
  }

  /** Only engines on which these names are set; dotted names too. @throws TypeError for anything that is not a name */
  require(...names: string[]): LoadBalancedView {
    return this.#derive({ ...this.#options, placement: this.#placement.names(names) });
  }

  get #placement(): TaskPlacement {
    return this.#options.placement ?? new TaskPlacement();
  }

  #derive(options: ViewOptions): LoadBalancedView {
    return new LoadBalancedView(this.#balancer, this.targets, options, this.#owner);
  }

  /** Ids of the live engines that a call made now may use. */
  get ids(): EngineId[] {
    const live = this.#balancer.links.ids;
    if (this.targets === 'all') return live;
    const wanted = typeof this.targets === 'number' ? [this.targets] : this.targets;
    return live.filter((id) => wanted.includes(id));
  }

  /** How many live engines a call made now may use. */
  get length(): number {
    return this.ids.length;
  }

  /**
   * Runs `fn(...args)` on one engine; the awaited value is bare.
   * @throws NotSerializableError, NoEnginesRegistered at once; RemoteError when awaited
   */
  apply<A extends unknown[], R>(
    fn: InferredFunction<A, R>,
    ...args: RemoteArgs<A>
  ): PerTargetResult<'one', Awaited<R>> {
    const options = this.#options;
    const call = applyCall(this.#base('apply', fn, options), placed(fn, options), args);
    const tasks = this.#submit(call, 1, options);
    return this.#result({ label: 'apply', shown: progressName(fn, 'apply') }, tasks, single<Awaited<R>>(), options);
  }

  /**
   * Maps over sequences, `chunkSize` items per task; the result is one flat list in input order. A plain object after
   * the sequences is taken as options. Sequences are cut to the shortest and must not change until the map is done. A
   * Tensor is mapped over its axis 0.
   * @throws TypeError without a sequence or for an unknown option; CompositeError with one entry per failed item when awaited
   * @example
   * await lview.map((x, y) => x + y, [1, 2, 3], [10, 20, 30]); // [11, 22, 33]
   * for await (const found of lview.map(crunch, inputs, { chunkSize: 'auto', ordered: false })) console.log(found);
   */
  map<F, A extends unknown[], R>(
    fn: InferredFunction<[F, ...A], R>,
    first: MapInput<F>,
    ...more: MapInputs<A>
  ): AsyncResult<Awaited<R>[], Awaited<R>, 'many'>;
  /** With options after the sequences. */
  map<F, A extends unknown[], R>(
    fn: InferredFunction<[F, ...A], R>,
    first: MapInput<F>,
    ...more: [...MapInputs<A>, options: BalancedMapOptions | undefined]
  ): AsyncResult<Awaited<R>[], Awaited<R>, 'many'>;
  map<R>(fn: unknown, ...sequences: readonly unknown[]): AsyncResult<R[], R, 'many'> {
    const { inputs, options } = splitInputs<BalancedMapOptions>(sequences, BALANCED_MAP_OPTIONS, 'map');
    const { chunkSize: wanted = 1, ordered = true, concurrency, ...given } = options;
    const all: ViewOptions = assertUseful({ ...this.#options, ...given }, 'map');
    const columns = mapInputs(inputs);
    const chunkSize = wanted === 'auto' ? this.#autoChunk(columns[0]?.length ?? 0) : wanted;
    const base = this.#base('map', fn, all, chunkSize);
    const { call, sizes } = mapCall(base, placed(fn, all), columns, { chunkSize, concurrency });
    const tasks = this.#submit(call, sizes.length, all);
    const split = (value: unknown, i: number) => itemsOf(value, sizes[i] as number, tasks[i] as Task) as never;
    const assembly = chunks<R>(sizes, split);
    const names = { label: functionName(fn), shown: progressName(fn, 'map') };
    return this.#result(names, tasks, assembly, all, ordered ? 'target' : 'arrival');
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
   * for await (const found of lview.imap(crunch, endlessInput(), { returnErrors: true, maxOutstanding: 32 })) {
   *   if (found instanceof RemoteError) console.error(found.message);
   *   else save(found);
   * }
   */
  imap<F, A extends unknown[], R>(
    fn: InferredFunction<[F, ...A], R>,
    first: StreamInput<F>,
    ...more: [...StreamInputs<A>, options: ReturnErrors]
  ): ItemStream<Awaited<R> | RemoteError>;
  /** The stream throws at the first failed item. */
  imap<F, A extends unknown[], R>(
    fn: InferredFunction<[F, ...A], R>,
    first: StreamInput<F>,
    ...more: StreamInputs<A>
  ): ItemStream<Awaited<R>>;
  /** With options after the iterables. */
  imap<F, A extends unknown[], R>(
    fn: InferredFunction<[F, ...A], R>,
    first: StreamInput<F>,
    ...more: [...StreamInputs<A>, options: ImapOptions | undefined]
  ): ItemStream<Awaited<R>>;
  imap(fn: unknown, ...iterables: readonly unknown[]): ItemStream<unknown> {
    const { inputs, options } = splitInputs<ImapOptions>(iterables, IMAP_OPTIONS, 'imap');
    const { chunkSize = 1, ordered = true, maxOutstanding = 'auto', returnErrors = false, ...rest } = options;
    const { concurrency, ...given } = rest;
    const all: ViewOptions = assertUseful({ ...this.#options, ...given }, 'imap');
    const run = placed(fn, all);
    encodeBody({ fn: run });
    const base = this.#base('imap', fn, all, chunkSize);
    const submit = (columns: unknown[][]) =>
      this.#submit(chunkCall(base, run, columns, concurrency), 1, all)[0] as Task;
    const { abort, stop } = this.#balancer.links;
    return new ItemStream({
      inputs,
      chunkSize,
      ordered,
      returnErrors,
      signal: all.signal,
      limit: () => this.#limit(maxOutstanding),
      submit: returnErrors ? (columns) => this.#submitOrRefuse(base, () => submit(columns)) : submit,
      forget: (task) => this.#balancer.jobs.forget(task),
      abort,
      onSignal: all.interrupt === true ? stop : abort,
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

  #base(label: string, fn: unknown, options: ViewOptions, chunkSize = 1): CallBase {
    const duration = chunkSize === 1 ? this.#balancer.durations.of(fn) : new DurationEstimate();
    const ids = typeof this.targets === 'number' ? [this.targets] : this.targets;
    const targets = ids === 'all' ? undefined : new Set(ids);
    return callBase(label, options, { duration, owner: this.#owner, targets });
  }

  #submit(call: BalancedCall, n: number, options: ViewOptions): BalancedTask[] {
    const { closed } = this.#balancer;
    if (closed !== undefined) return this.#balancer.refuse(call, n, closed);
    if (n > 0 && this.length === 0) throw new NoEnginesRegistered(inspect(this));
    try {
      return this.#balancer.submit(call, n, this.#conditions(options));
    } catch (error) {
      if (error instanceof InvalidDependency) return this.#balancer.refuse(call, n, error);
      throw error;
    }
  }

  #conditions({ after, follow }: ViewOptions): Conditions {
    const known = (value: ViewOptions['after']) => {
      const rule = dependencyOf(value);
      return rule && new KnownDependency(rule, (id: TaskId) => this.#balancer.jobs.find(id));
    };
    return { after: known(after), follow: known(follow) };
  }

  #result<T, Item, N extends Mode = ModeOf<T, Item>>(
    { label, shown }: { readonly label: string; readonly shown: string },
    tasks: readonly Task[],
    assembly: Assembly<T, Item>,
    { signal, interrupt, label: wanted }: ViewOptions,
    order?: 'target' | 'arrival',
  ): AsyncResult<T, Item, N> {
    const { abort, stop } = this.#balancer.links;
    const onSignal = interrupt === true ? stop : abort;
    const [name, progressLabel] = [wanted ?? label, wanted ?? shown];
    return new AsyncResult({ label: name, tasks, assembly, abort, onSignal, limits: { signal }, order, progressLabel });
  }

  /** Message ids of the tasks of this view, and of those derived from it, that have not ended. */
  get outstanding(): Set<TaskId> {
    return new Set(this.#unfinished().map((task) => task.id));
  }

  #unfinished(): BalancedTask[] {
    const isOurs = (task: Task): task is BalancedTask =>
      task instanceof BalancedTask && task.outcome === undefined && task.call.owner === this.#owner;
    return this.#balancer.jobs.select().filter(isOurs);
  }

  /** Drops tasks that have not started: those of `jobs`, or all outstanding ones of this view. Running tasks finish. */
  abort(jobs?: JobSelection): Promise<void> {
    const { jobs: submitted, links } = this.#balancer;
    return links.abort(jobs === undefined ? this.#unfinished() : submitted.select(jobs));
  }

  /** The line that consoles print. */
  [inspect.custom](): string {
    return `<LoadBalancedView ${targetText(this.targets)}>`;
  }

  /** The line that consoles print. */
  toString(): string {
    return this[inspect.custom]();
  }
}

guardCalls(LoadBalancedView.prototype, 'loadBalanced', LOAD_BALANCED_VIEW);

function placed(fn: unknown, { placement }: ViewOptions): unknown {
  return placement === undefined ? fn : placement.wrap(fn);
}
