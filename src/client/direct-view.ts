import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import type { EngineId, TaskId } from '../protocol/messages.ts';
import type { EngineMemory } from '../protocol/methods.ts';
import type { Ref } from '../protocol/values/ref.ts';
import { guardCalls, type Signatures } from '../util/signature.ts';
import type { Calls } from './calls/calls.ts';
import { join } from './calls/gathering.ts';
import { type ImportOptions, importCode } from './calls/import-module.ts';
import type { MapInput, MapInputs, Scatterable } from './calls/inputs.ts';
import { type CombinedKernels, type CombiningFunction, combineKernels } from './calls/kernels/combined-kernels.ts';
import { createKernel, type Kernel, type KernelFunction } from './calls/kernels/kernel.ts';
import { createKernelMap, type KernelMap, type KernelParts } from './calls/kernels/kernel-map.ts';
import type { KernelSettings } from './calls/kernels/kernel-settings.ts';
import { mapInBlocks, progressName } from './calls/map.ts';
import { type Namespace, namespaceProxy } from './calls/namespace.ts';
import { profiled } from './calls/profiles.ts';
import { gatherInto, pullInto } from './calls/receiving/receiving.ts';
import { type ParallelFunction, type ParallelOptions, parallelFunction } from './calls/remote-functions.ts';
import { flattenPart, partsOf, sequenceOf } from './calls/sequences.ts';
import { DIRECT_VIEW, IMPORT_OPTIONS } from './calls/signatures.ts';
import type { JobSelection } from './jobs/jobs.ts';
import type { QueueOptions, ViewQueueStatus } from './jobs/queue-status.ts';
import type { ViewJobs } from './jobs/view-jobs.ts';
import { endWhereBusy } from './links/busy.ts';
import type { InterruptOptions } from './links/engine-links.ts';
import { checkNames, checkNamespace } from './names.ts';
import {
  type CallOptions,
  type ExecuteOptions,
  GATHER_OPTIONS,
  type GatherOptions,
  type MapOptions,
  PULL_OPTIONS,
  type PullOptions,
  type ReceiveBuffer,
  SCATTER_OPTIONS,
  type ScatterOptions,
  type TargetOptions,
} from './options.ts';
import { type Px, pxOf } from './px/px.ts';
import type { InferredFunction, Mode, PerTarget, RemoteArgs } from './remote.ts';
import { joined } from './results/assembly.ts';
import type { AsyncResult, PerTargetResult } from './results/async-result.ts';
import type { ExecuteReply } from './results/execute-reply.ts';
import type { Profile } from './results/profiles/profile.ts';
import type { Targets } from './targets.ts';

// The class hands its private parts to these two, and to nobody else.
let construct: <M extends Mode>(calls: Calls<M>, jobs: ViewJobs) => DirectView<M>;
let reveal: <M extends Mode>(view: DirectView<M>) => Calls<M>;

/**
 * Engines that all do the same at each call. A view of one engine gives bare values, a view of several one value per
 * engine, in target order. Views are made by a Client: `rc[0]`, `rc[':']`, `rc.view([0, 2])`, `rc.view('all')`.
 * Every call returns an AsyncResult at once; all durations are milliseconds.
 */
export class DirectView<M extends Mode = Mode> {
  readonly #calls: Calls<M>;
  readonly #jobs: ViewJobs;
  #ns: Namespace | undefined;

  private constructor(calls: Calls<M>, jobs: ViewJobs) {
    this.#calls = calls;
    this.#jobs = jobs;
  }

  static {
    construct = (calls, jobs) => new DirectView(calls, jobs);
    reveal = (view) => view.#calls;
  }

  /** An engine id, a list of them, or 'all': every engine that is there at each call. */
  get targets(): Targets {
    return this.#calls.targets;
  }

  /** The engine ids that a call made now would go to. */
  get ids(): EngineId[] {
    return this.#calls.ids;
  }

  /** How many engines a call made now would go to. */
  get length(): number {
    return this.ids.length;
  }

  /**
   * The same targets with call options that hold for every call of the returned view; this one stays as it is.
   * @throws TypeError naming an unknown option
   * @example
   * const hurried = view.with({ timeout: 500 });
   * await hurried.apply(() => engine.id);
   */
  with(options: CallOptions): DirectView<M> {
    return new DirectView(this.#calls.with(options), this.#jobs);
  }

  /**
   * Runs `fn(...args)` once per target, in the engine's namespace: free names are the engine's globals. Every argument
   * goes to `fn`: options go by `with`. Large arrays are read while they are sent, and must not change before `await
   * result.sent`; `with({ copy: true })` copies them.
   * @throws NotSerializableError, NoEnginesRegistered before anything is sent; RemoteError / CompositeError when awaited
   * @example
   * await rc[0].apply((a, b) => a + b, 2, 3); // 5
   * await rc[':'].apply(() => engine.id); // [0, 1, 2, 3]
   * await view.with({ timeout: 500 }).apply(crunch, data);
   */
  apply<A extends unknown[], R>(fn: InferredFunction<A, R>, ...args: RemoteArgs<A>): PerTargetResult<M, Awaited<R>> {
    return this.#calls.each<'apply', Awaited<R>>('apply', 'apply', { fn, args }, undefined, progressName(fn, 'apply'));
  }

  /**
   * As `apply`, with V8's CPU profiler at work on each engine while the function runs. The result has what the function gave,
   * and a profile for each engine; `save` writes the files. The function has the name that it has here. One profile at a time
   * per engine; tasks of other clients wait, as behind any task. V8 counts a loop that it has optimized before to its caller.
   * @throws as `apply`: errors of the function too
   * @example
   * const profile = await view.profile(crunch, data);
   * profile.value; // what apply gives
   * await profile.save('profiles'); // engine-0.cpuprofile, …, speedscope.json
   */
  profile<A extends unknown[], R>(
    fn: InferredFunction<A, R>,
    ...args: RemoteArgs<A>
  ): AsyncResult<Profile<PerTarget<M, Awaited<R>>>, unknown, M> {
    return profiled<M, Awaited<R>>(this.#calls, fn, args);
  }

  /**
   * Maps over sequences, one block and one task per engine; the result is one flat list of all items, in input order.
   * Sequences are cut to the shortest; a Tensor is mapped over its axis 0. A plain object after the sequences is taken as
   * options: MapOptions. Sequences count as in `scatter`, and any other iterable is read to its end. Large arrays are read
   * while they are sent, and must not change before `await result.sent`, unless `copy` is true.
   * @throws TypeError without a sequence or for a bad option; CompositeError with one entry per failed item when awaited
   * @example
   * await view.map((x) => x ** 2, [1, 2, 3]); // [1, 4, 9]
   * await view.map((x, name) => name.repeat(x), [1, 2], ['a', 'b']); // ['a', 'bb']
   * await view.map(async (url) => (await fetch(url)).status, urls, { concurrency: 8 });
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
    ...more: [...MapInputs<A>, options: MapOptions | undefined]
  ): AsyncResult<Awaited<R>[], Awaited<R>, 'many'>;
  map<R>(fn: unknown, ...sequences: readonly unknown[]): AsyncResult<R[], R, 'many'> {
    return mapInBlocks(this.#calls, fn, sequences);
  }

  /**
   * Runs source text; top-level `await`, and `const`, `let`, `function`, `class`, `import` persist as in a REPL.
   * @throws TypeError for anything but text; RemoteError / CompositeError when awaited
   * @example
   * await view.execute('let a = engine.id');
   * const reply = await rc[0].execute('a + 1', { silent: false });
   * reply.text; // '1'
   */
  execute(code: string, options?: ExecuteOptions): PerTargetResult<M, ExecuteReply> {
    return this.#calls.execute(code, options);
  }

  /**
   * Runs source text and prints what each engine says.
   * @example
   * await view.px`a.length`;
   * await view.px.with({ stream: false })`console.log(engine.id)`;
   */
  get px(): Px {
    return pxOf(this.#calls);
  }

  /**
   * A function that does `apply(fn, …)` when it is called.
   * @example
   * const add = view.remote((a: number, b: number) => a + b);
   * await add(2, 3); // [5, 5, 5, 5]
   */
  remote<A extends unknown[], R>(
    fn: InferredFunction<A, R>,
  ): (...args: RemoteArgs<A>) => PerTargetResult<M, Awaited<R>> {
    return (...args) => this.apply(fn, ...args);
  }

  /**
   * A function that calls `fn` on each engine with its parts of the sequences and joins the results as `gather` does;
   * `.map` calls it with each item.
   * @throws TypeError naming an unknown option
   * @example
   * const sums = view.parallel((part: number[]) => [part.reduce((a, b) => a + b, 0)]);
   * await sums([1, 2, 3, 4, 5, 6, 7, 8]); // [3, 7, 11, 15] on four engines
   */
  parallel<A extends unknown[], R>(
    fn: InferredFunction<A, R>,
    options: ParallelOptions = {},
  ): ParallelFunction<A, Awaited<R>> {
    return parallelFunction(this.#calls, fn, options);
  }

  /**
   * Imports a module on every engine. The name holds the default export if there is one, else all exports. Packages are
   * found from the engine's directory.
   * @throws TypeError before sending for a relative path or a bad name
   * @example
   * await view.importModule('sharp');
   * await view.importModule('node:fs', { names: ['readFileSync'] });
   */
  importModule(specifier: string, options: ImportOptions & TargetOptions = {}): PerTargetResult<M, ExecuteReply> {
    const code = importCode(specifier, options);
    const call = this.#calls.open('execute', { label: 'importModule', ...options }, IMPORT_OPTIONS);
    return this.#calls.source(call, { code, silent: true });
  }

  /**
   * Executes a file that is read here.
   * @throws Error when it cannot be read; as `execute`
   * @example
   * await view.run('./setup.js');
   */
  run(file: string, options?: ExecuteOptions): PerTargetResult<M, ExecuteReply> {
    return this.#calls.execute(`${readFileSync(file, 'utf8')}\n`, { label: 'run', ...options });
  }

  /**
   * Sets names on every target; keys may be dotted. Large arrays are read while they are sent, and must not change before
   * `await result.sent`, unless `copy` is true.
   * @throws TypeError before sending unless given an object of valid names; NotSerializableError
   * @example
   * await view.push({ a: 5, 'settings.depth': 3 });
   * await view.push({ buffer }).sent; // now the buffer may be filled again
   * view.push({ buffer }, { copy: true }); // at once
   */
  push(ns: Readonly<Record<string, unknown>>, options?: TargetOptions): PerTargetResult<M, undefined> {
    const names = checkNamespace(ns);
    return this.#calls.each('push', 'push', { names: Object.keys(names), values: Object.values(names) }, options);
  }

  /**
   * Values of a name, of a list of names, or of any expression: one per target, or a list per target.
   * @throws TypeError before sending for anything else; RemoteError / CompositeError for unknown names when awaited
   * @example
   * await rc[0].pull('a'); // 5
   * await view.pull(['a', 'b']); // [[5, 6], [5, 6]] on two engines
   * const n = await rc[0].pull<number>('a'); // the compiler cannot know it
   * const [a, text] = await rc[0].pull<[number, string]>(['a', 'text']);
   * await rc[0].pull('a', { into: array }); // array
   * await view.pull('a', { into: arrays }); // one for each target
   */
  pull<D extends ReceiveBuffer>(name: string | Ref, options: PullOptions & { readonly into: D }): AsyncResult<D, D, M>;
  /** Into one array or tensor for each target. */
  pull<D extends readonly ReceiveBuffer[]>(
    name: string | Ref,
    options: PullOptions & { readonly into: D },
  ): AsyncResult<D, D[number], M>;
  pull(name: string | Ref, options?: TargetOptions): PerTargetResult<M, unknown>;
  pull(names: readonly string[], options?: TargetOptions): PerTargetResult<M, unknown[]>;
  /** With the type of the value. */
  pull<T>(name: string | Ref, options?: TargetOptions): PerTargetResult<M, T>;
  /** Several names: `T` lists the types of their values. */
  pull<T extends readonly unknown[]>(names: readonly string[], options?: TargetOptions): PerTargetResult<M, T>;
  /** Several names whose values have the same type. */
  pull<T>(names: readonly string[], options?: TargetOptions): PerTargetResult<M, T[]>;
  pull(names: string | Ref | readonly string[], options: PullOptions = {}): AsyncResult<never, never, M> {
    const list = checkNames(names);
    const call = this.#calls.open('pull', options, PULL_OPTIONS);
    const { into } = options;
    if (into !== undefined) return pullInto(this.#calls, call, list, into) as AsyncResult<never, never, M>;
    const tasks = this.#calls.submit(call, 'pull', { names: list });
    return this.#calls.valuesOf<never>(call, tasks) as AsyncResult<never, never, M>;
  }

  /**
   * Deals a sequence to the targets, along axis 0 for a Tensor: every engine gets the name, also for an empty part. With
   * `n` items on `q` engines the first `n mod q` engines get one item more. A string is dealt by characters, a Set by
   * elements, a Map or an object by keys; holes count as undefined. Large arrays are read while they are sent, and must not
   * change before `await result.sent`, unless `copy` is true.
   * @throws TypeError before sending for something without a length, RangeError for an unknown dist
   * @example
   * await view.scatter('a', range(16));
   * await view.scatter('id', rc.ids, { flatten: true }); // id is a number on each engine
   */
  scatter(name: string, sequence: Scatterable, options: ScatterOptions = {}): PerTargetResult<M, undefined> {
    const whole = sequenceOf(sequence);
    const call = this.#calls.open('scatter', options, SCATTER_OPTIONS);
    const parts = partsOf(whole, call.engines.length, options.dist);
    const values = options.flatten ? parts.map(flattenPart) : parts;
    this.#calls.context.partSizes.remember(name, values);
    const tasks = this.#calls.submit(call, 'push', (i) => ({ names: [name], values: [values[i]] }));
    return this.#calls.valuesOf(call, tasks);
  }

  /**
   * The parts of a name, joined by the kind of the first: arrays and Tensors concatenate along axis 0 (dtype kept), lists
   * become one flat list, anything else a list of parts.
   * @throws TypeError when parts do not fit together (awaited), RangeError for an unknown dist
   * @example
   * await view.scatter('a', range(16));
   * await view.execute('b = a.map((x) => 2 * x)');
   * const doubled = await view.gather<number[]>('b'); // [0, 2, …, 30]
   * await view.gather('c', { into: matrix }); // matrix, a Tensor of the shape and dtype of the whole
   */
  gather<D extends ReceiveBuffer>(
    name: string,
    options: GatherOptions & { readonly into: D },
  ): AsyncResult<D, unknown, 'many'>;
  gather<T = unknown>(name: string, options?: GatherOptions): AsyncResult<T, unknown, 'many'>;
  gather<T>(name: string, options: GatherOptions = {}): AsyncResult<T, unknown, 'many'> {
    const names = checkNames(name);
    const { partSizes } = this.#calls.context;
    const call = this.#calls.open('gather', options, GATHER_OPTIONS);
    const { dist, into } = options;
    if (into !== undefined)
      return gatherInto(this.#calls, call, name, { into, dist }) as AsyncResult<T & ReceiveBuffer, unknown, 'many'>;
    const arena = dist === 'r' ? undefined : partSizes.arena(name, call.engines.length);
    const tasks = this.#calls.submit(call, 'pull', { names }, arena && ((i, bytes) => arena.slot(i, bytes)));
    const assembly = joined(tasks.length, (parts) => {
      partSizes.remember(name, parts);
      return join(parts, call.engines, dist) as T;
    });
    return this.#calls.result<T, unknown, 'many'>(call, tasks, assembly);
  }

  /** Clears these names, or everything that users set. @throws TypeError before sending for a bad name */
  clear(names?: readonly string[], options?: TargetOptions): PerTargetResult<M, undefined> {
    return this.#calls.each('clear', 'clear', names === undefined ? {} : { names: checkNames(names) }, options);
  }

  /**
   * The engines' namespaces: reading a name pulls it, assigning pushes a copy, deleting clears. An assignment cannot be
   * awaited: its failure is thrown by the next result of this view that is.
   * @example
   * view.ns.a = 5;
   * await view.ns.a; // [5, 5, 5, 5]
   * const names = view.ns as Namespace<{ a: number }>; // typed for reading
   */
  get ns(): Namespace {
    this.#ns ??= namespaceProxy({
      get: (name) => this.pull(name),
      set: (name, value) => this.#calls.surfaceLater(this.push({ [name]: value }, { copy: true })),
      drop: (name) => this.#calls.surfaceLater(this.clear([name])),
    });
    return this.#ns;
  }

  /**
   * One gpu.js kernel, compiled on the engines of this view as they are now, and called like a function. Results come
   * back as float32 Tensors of the shape of `output` in reverse, or stay on the engines.
   * @throws TypeError, RangeError, NotSerializableError before anything is sent; the first call: KernelError with the source
   * @example
   * const saxpy = await view.kernel(function (a, x, y) {
   *   return a * x[this.thread.x] + y[this.thread.x];
   * }, { outputLike: 'x' });
   * await saxpy(2, ref('x'), ref('y'));
   * await saxpy.into('y')(2, ref('x'), ref('y'));
   */
  kernel<F extends KernelFunction, const S extends KernelSettings>(fn: F, settings: S): Promise<Kernel<M, F, S>> {
    return createKernel(this.#calls, fn, settings);
  }

  /**
   * A kernel with several results: its own, and the values of the functions `parts` that it calls. Each engine gives
   * `{ result, … }` with a Tensor per part. gpu.js has these in its modes cpu and headlessgl. The contexts wasm and
   * tensorflow run them in mode cpu, and the task's stderr says so; webgpu has none.
   * @throws as `kernel`; the first call on webgpu: ContextError
   * @example
   * const parts = { sum: function add(a, b) { return a + b; } };
   * const kernel = await view.kernelMap(parts, function (a, b) {
   *   return add(a[this.thread.x], b[this.thread.x]) * 2;
   * }, { outputLike: 'a' });
   * const [{ sum, result }] = await kernel([1, 2], [3, 4]);
   */
  kernelMap<const P extends KernelParts, F extends KernelFunction, const S extends KernelSettings>(
    parts: P,
    fn: F,
    settings: S,
  ): Promise<KernelMap<M, P, F, S>> {
    return createKernelMap(this.#calls, parts, fn, settings);
  }

  /**
   * Kernels as one function: `fn`, the last argument, calls them one after the other, and returns a result of one of them.
   * It runs here, at every call, and sees no values of results. The engines run all calls as one task. Results between
   * stay on the device, and are freed at its end. Also what gpu.js calls a pipeline.
   * @throws TypeError for kernels that are not of `view.kernel`
   * @example
   * const scaled = view.combineKernels(add, mul, (a, b, k) => mul(add(a, b), k));
   * await scaled(ref('a'), [1, 2, 3], 2);
   */
  combineKernels<F extends CombiningFunction>(
    ...kernelsAndFn: [...kernels: ((...args: never[]) => unknown)[], fn: F]
  ): CombinedKernels<M, F> {
    return combineKernels(this.#calls, kernelsAndFn);
  }

  /**
   * Memory of each engine, in bytes: by name, on its device, in its mailbox. It is read between tasks. Behind a task that
   * runs for long it ends at once in a TaskTimeout that names the task, unless a `timeout` is given; `rc.status()` is
   * answered meanwhile.
   */
  memory(options?: TargetOptions): PerTargetResult<M, EngineMemory> {
    const { links, jobs } = this.#calls.context;
    const call = this.#calls.open('memory', options);
    const tasks = this.#calls.submit(call, 'memory', {});
    if (call.options.timeout === undefined) endWhereBusy(links, tasks, (id) => jobs.find(id)?.label);
    return this.#calls.valuesOf(call, tasks);
  }

  /** Message ids of this client's tasks on these engines, in the order of submission. */
  get history(): TaskId[] {
    return this.#jobs.history;
  }

  /** Message ids of those that have not ended. */
  get outstanding(): Set<TaskId> {
    return this.#jobs.outstanding;
  }

  /**
   * Drops what is queued on these engines: these jobs, or all of this client. Running tasks finish.
   * @example
   * const slow = view.map(work, items);
   * await view.abort(slow);
   */
  abort(jobs?: JobSelection): Promise<void> {
    return this.#jobs.abort(jobs);
  }

  /**
   * Waits up to `ms` for these jobs, or for all of this client on these engines: true when all are done.
   * @throws RangeError for an unknown job
   * @example
   * view.apply(work);
   * await view.wait(undefined, 5000); // false if it still runs after 5 s
   */
  wait(jobs?: JobSelection, ms?: number): Promise<boolean> {
    return this.#jobs.wait(jobs, ms);
  }

  /** Tasks that wait, run and have ended: the counts of one engine, or of several by id. As `client.queueStatus`. */
  queueStatus(options?: QueueOptions): Promise<ViewQueueStatus<M>> {
    return this.#jobs.queueStatus(options) as Promise<ViewQueueStatus<M>>;
  }

  /**
   * The result of a job again: by message id, or by place in this view's history (default -1, the last).
   * @throws RangeError for a place that is not in the history
   */
  getResult(job?: TaskId | number): AsyncResult<unknown, unknown> {
    return this.#jobs.getResult(job);
  }

  /** Frees what has ended on these engines, here and there: these jobs, or all of this client's. */
  purge(jobs?: JobSelection): Promise<void> {
    return this.#jobs.purge(jobs);
  }

  /** Stops these engines for good; resolves when they are gone. @throws ClusterError */
  shutdown(): Promise<void> {
    return this.#calls.links.shutdown(this.ids);
  }

  /** Asks these engines to end the running tasks of this client, as `rc.interrupt` does, and does not wait for that. */
  async interrupt(options: InterruptOptions = {}): Promise<void> {
    const { links } = this.#calls;
    await links.controlEach(this.ids, links.interruptVerb(options));
  }

  [inspect.custom](): string {
    return String(this.#calls);
  }

  toString(): string {
    return String(this.#calls);
  }
}

guardCalls(DirectView.prototype, 'view', DIRECT_VIEW satisfies Signatures<DirectView, 'toString' | 'px'>);

/** A view that makes these calls: for the Client, which gives views to users. */
export function viewOf<M extends Mode>(calls: Calls<M>, jobs: ViewJobs): DirectView<M> {
  return construct(calls, jobs);
}

/** The calls of a view: for the parts of the library that are built on views. */
export function callsOf<M extends Mode>(view: DirectView<M>): Calls<M> {
  return reveal(view);
}
