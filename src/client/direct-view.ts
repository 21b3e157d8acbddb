// DirectView: does the same thing on each of its engines.
import { readFileSync } from 'node:fs';
import { type Body, encodeBody } from '../protocol/codec.ts';
import type { Method } from '../protocol/messages.ts';
import type { EngineMemory } from '../protocol/methods.ts';
import type { Ref } from '../protocol/values/ref.ts';
import type { Dist } from '../tensor/partition.ts';
import { type Bodies, type MapOptions, TargetedCalls, type TargetOptions } from './calls/calls.ts';
import { join } from './calls/gathering.ts';
import { type ImportOptions, importCode } from './calls/import-module.ts';
import { createKernel, type Kernel, type KernelFunction, type KernelSettings } from './calls/kernel.ts';
import { functionName, itemOutcomes, mapInputs, mapParts } from './calls/map.ts';
import { type Namespace, namespaceProxy } from './calls/namespace.ts';
import { arriveSideBySide, rememberParts } from './calls/part-sizes.ts';
import { type ParallelFunction, type ParallelOptions, parallelFunction } from './calls/remote-functions.ts';
import { flattenPart, partsOf, sequenceOf } from './calls/sequences.ts';
import type { ViewSession } from './jobs/view-jobs.ts';
import type { Task } from './links/task.ts';
import { checkNames, checkNamespace } from './names.ts';
import { type CallOptions, checkCount, checkOptions, splitInputs } from './options.ts';
import { type Px, pxOf } from './px/px.ts';
import type { Mode, PerTarget, RemoteArgs, RemoteFunction } from './remote.ts';
import { chunks, joined } from './results/assembly.ts';
import type { AsyncResult } from './results/async-result.ts';
import { ExecuteReply } from './results/execute-reply.ts';
import type { Targets } from './targets.ts';

export interface ScatterOptions extends TargetOptions {
  /** 'b': blocks (default); 'r': round robin. */
  readonly dist?: Dist;
  /** A part of exactly one item becomes that item. */
  readonly flatten?: boolean;
}

export interface GatherOptions extends TargetOptions {
  readonly dist?: Dist;
}

export interface ExecuteOptions extends TargetOptions {
  /** true (default): no value, never aborts queued work. false: the last expression's value, as px does. */
  readonly silent?: boolean;
}

export class DirectView<M extends Mode = Mode> extends TargetedCalls<M> {
  /** The engines' namespaces: `await view.ns.a` pulls, `view.ns.a = 5` pushes. */
  readonly ns: Namespace;

  constructor(session: ViewSession, targets: Targets, defaults: CallOptions = {}) {
    super(session, targets, defaults);
    this.ns = namespaceProxy<PerTarget<M, unknown>>({
      get: (name) => this.pull(name),
      set: (name, value) => this.surfaceLater(this.push({ [name]: value })),
      drop: (name) => this.surfaceLater(this.clear([name])),
    });
  }

  /** The same targets with call options that hold for every call of the returned view; this one stays as it is. */
  with(options: CallOptions): DirectView<M> {
    return new DirectView<M>(this.session, this.targets, { ...this.defaults, ...checkOptions(options) });
  }

  /** The engines of this view now, frozen as a list: every call gives one value per engine. @throws NoEnginesRegistered */
  asMany(): DirectView<'many'> {
    return new DirectView<'many'>(this.session, this.mustHaveEngines(undefined), this.defaults);
  }

  /**
   * Runs `fn(...args)` once per target, in the engine's namespace: free names are the engine's globals.
   * @throws NotSerializableError before anything is sent; RemoteError / CompositeError when awaited
   */
  apply<A extends unknown[], R>(
    fn: RemoteFunction<A, R>,
    ...args: RemoteArgs<[...A]>
  ): AsyncResult<PerTarget<M, Awaited<R>>, Awaited<R>> {
    return this.each('apply', 'apply', encodeBody({ fn, args }), {}, typeof fn === 'function' ? fn.name : '');
  }

  /**
   * Maps over sequences, one block and one task per engine; the result is one flat list of all items.
   * A plain object after the sequences is taken as options: MapOptions.
   * @throws TypeError without a sequence or for a bad option; CompositeError with one entry per failed item when awaited
   */
  map<A extends unknown[], R>(
    fn: RemoteFunction<A, R>,
    ...sequences: readonly unknown[]
  ): AsyncResult<Awaited<R>[], Awaited<R>> {
    const { inputs, options: given } = splitInputs<MapOptions>(sequences, checkMap);
    const { concurrency, ...options } = given;
    const parts = mapParts(mapInputs(inputs), this.mustHaveEngines(options.targets).length);
    const sizes = parts.flatMap((part) => (part === undefined ? [] : [part.size]));
    const tasks = this.submit('map', 'map', options, (index: number) => {
      const part = parts[index];
      return part === undefined ? undefined : encodeBody({ fn, sequences: part.sequences, concurrency });
    });
    const assembly = chunks<Awaited<R>>(sizes, (value, i) => itemOutcomes(value, tasks[i] as Task) as never);
    const kind = 'AsyncMapResult';
    return this.result(options.label ?? functionName(fn), tasks, assembly, options, { kind });
  }

  /** Runs source text; top-level `await`, and `const`, `let`, `function`, `class`, `import` persist as in a REPL. */
  execute(code: string, options: ExecuteOptions = {}): AsyncResult<PerTarget<M, ExecuteReply>, ExecuteReply> {
    if (typeof code !== 'string') throw new TypeError(`execute wants source text, not ${typeof code}`);
    const { silent = true, ...rest } = checkOptions(options, 'silent', 'targets');
    const body = encodeBody({ code, silent });
    const { tasks, assembly } = this.calls<ExecuteReply>('execute', 'execute', body, rest);
    for (const task of tasks) task.executeInput = code;
    return this.result('execute', tasks, ExecuteReply.assembly(assembly, tasks), rest);
  }

  /** Runs source text and prints what each engine says: view.px`a.length`; `view.px.with({ stream: false })`. */
  get px(): Px {
    return pxOf(this as unknown as DirectView<'many'>, this.session);
  }

  /** A function that does `apply(fn, …)` when it is called. */
  remote<A extends unknown[], R>(
    fn: RemoteFunction<A, R>,
  ): (...args: RemoteArgs<[...A]>) => AsyncResult<PerTarget<M, Awaited<R>>, Awaited<R>> {
    return (...args) => this.apply<A, R>(fn, ...args);
  }

  /** A function that calls `fn` on each engine with its parts of the sequences; `.map` calls it with each item. */
  parallel<A extends unknown[], R>(
    fn: RemoteFunction<A, R>,
    options: ParallelOptions = {},
  ): ParallelFunction<Awaited<R>> {
    return parallelFunction(this as unknown as DirectView, this.session, fn, options);
  }

  /**
   * Imports a module on every engine: `importModule('sharp')`, `importModule('node:fs', { names: ['readFileSync'] })`.
   * The name holds the default export if there is one, else all exports. Packages are found from the engine's directory.
   * @throws TypeError before sending for a relative path or a bad name
   */
  importModule(
    specifier: string,
    options: ImportOptions & TargetOptions = {},
  ): AsyncResult<PerTarget<M, ExecuteReply>, ExecuteReply> {
    const { as, names, ...call } = checkOptions(options, 'as', 'names', 'targets');
    const code = importCode(specifier, { ...(as && { as }), ...(names && { names }) });
    return this.execute(code, { label: 'importModule', ...call });
  }

  /** Executes a file, read here. @throws Error when it cannot be read */
  run(file: string, options: ExecuteOptions = {}): AsyncResult<PerTarget<M, ExecuteReply>, ExecuteReply> {
    return this.execute(`${readFileSync(file, 'utf8')}\n`, { label: 'run', ...options });
  }

  /** Sets names on every target; keys may be dotted. @throws TypeError before sending unless given an object */
  push(
    ns: Readonly<Record<string, unknown>>,
    options: TargetOptions = {},
  ): AsyncResult<PerTarget<M, undefined>, undefined> {
    return this.each('push', 'push', pushBody(checkNamespace(ns)), options);
  }

  /** Values of a name, of a list of names, or of any expression. @throws TypeError before sending for anything else */
  pull(name: string | Ref, options?: TargetOptions): AsyncResult<PerTarget<M, unknown>, unknown>;
  pull(names: readonly string[], options?: TargetOptions): AsyncResult<PerTarget<M, unknown[]>, unknown[]>;
  pull(names: string | Ref | readonly string[], options: TargetOptions = {}): AsyncResult<never, never> {
    return this.each('pull', 'pull', encodeBody({ names: checkNames(names) }), options) as AsyncResult<never, never>;
  }

  /**
   * Deals a sequence to the targets: every engine gets the name, also for an empty part.
   * @throws TypeError before sending for something without a length, RangeError for an unknown dist
   */
  scatter(
    name: string,
    sequence: unknown,
    options: ScatterOptions = {},
  ): AsyncResult<PerTarget<M, undefined>, undefined> {
    const { dist, flatten, ...rest } = checkOptions(options, 'dist', 'flatten', 'targets');
    checkNames(name);
    const parts = partsOf(sequenceOf(sequence), this.mustHaveEngines(rest.targets).length, dist);
    const values = flatten ? parts.map(flattenPart) : parts;
    rememberParts(this.session, name, values);
    return this.each('push', 'scatter', (i: number) => pushBody({ [name]: values[i] }), rest);
  }

  /** The parts of a name, joined by the kind of the first. @throws TypeError when parts do not fit together */
  gather(name: string, options: GatherOptions = {}): AsyncResult<unknown, unknown> {
    const { dist, ...rest } = checkOptions(options, 'dist', 'targets');
    const tasks = this.submit('pull', 'gather', rest, encodeBody({ names: checkNames(name) }));
    const engines = tasks.map((task) => task.engine?.id ?? -1);
    if (dist !== 'r') arriveSideBySide(this.session, name, tasks);
    return this.result(
      'gather',
      tasks,
      joined(tasks.length, (parts) => {
        rememberParts(this.session, name, parts);
        return join(parts, engines, dist);
      }),
      rest,
    );
  }

  /** Clears these names, or everything that users set. */
  clear(names?: readonly string[], options: TargetOptions = {}): AsyncResult<PerTarget<M, undefined>, undefined> {
    return this.each('clear', 'clear', encodeBody(names === undefined ? {} : { names: checkNames(names) }), options);
  }

  /**
   * One gpu.js kernel, compiled on the engines of this view as they are now, and called like a function:
   * `const saxpy = await view.kernel(function (a, x, y) {…}, { outputLike: 'x' }); await saxpy(2, ref('x'), ref('y'))`.
   * Results come back as float32 Tensors, or stay on the engines: `saxpy.into('y')(2, ref('x'), ref('y'))`.
   * @throws TypeError, RangeError, NotSerializableError before anything is sent; the first call: KernelError with the source
   */
  kernel<F extends KernelFunction, const S extends KernelSettings>(fn: F, settings: S): Promise<Kernel<M, F, S>> {
    return createKernel(this, fn, settings);
  }

  /** What each engine holds, in bytes: by name, on its device, in its mailbox. */
  memory(options: TargetOptions = {}): AsyncResult<PerTarget<M, EngineMemory>, EngineMemory> {
    return this.each('memory', 'memory', encodeBody({}), options);
  }

  /** Any method of the engines' verbs, for the pieces that are built on views. */
  call<T>(method: Method, label: string, bodies: Bodies, options: TargetOptions = {}): AsyncResult<PerTarget<M, T>, T> {
    return this.each(method, label, bodies, options);
  }
}

function pushBody(ns: Readonly<Record<string, unknown>>): Body {
  return encodeBody({ names: Object.keys(ns), values: Object.values(ns) });
}

function checkMap(options: MapOptions): MapOptions {
  checkCount(options.concurrency, 'concurrency', 1);
  return checkOptions(options, 'targets', 'concurrency');
}
