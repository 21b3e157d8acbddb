import { shareWindows } from '../../comm/unix/shared-windows.ts';
import { NoEnginesRegistered } from '../../errors.ts';
import type { Body } from '../../protocol/codec.ts';
import { type EncodedCall, encodeCall, encodeCopy } from '../../protocol/codec.ts';
import type { EngineId, TaskMessage } from '../../protocol/messages.ts';
import type { ArgumentsOf, Method, ValueOf } from '../../protocol/methods.ts';
import { namesOfCalls } from '../../protocol/travelling-names.ts';
import { checkOptions, type Rules } from '../../util/checks.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Request } from '../links/connection.ts';
import type { EngineLinks } from '../links/engine-links.ts';
import type { Task } from '../links/task.ts';
import {
  assertUseful,
  CALL_OPTIONS,
  type CallOptions,
  EXECUTE_OPTIONS,
  type ExecuteOptions,
  TARGET_OPTIONS,
  type TargetOptions,
} from '../options.ts';
import type { Mode, PerTarget } from '../remote.ts';
import { type Assembly, list, single } from '../results/assembly.ts';
import { AsyncResult, type ModeOf, type PerTargetResult } from '../results/async-result.ts';
import { type ExecuteReply, executeReplies } from '../results/execute-reply.ts';
import { type Targets, targetsOf, targetText } from '../targets.ts';
import type { PartSizes } from './part-sizes.ts';
import { relays, type Via } from './relays.ts';

/** State that all calls of one client share. */
export interface CallContext {
  readonly links: EngineLinks;
  readonly jobs: Jobs;
  readonly partSizes: PartSizes;
  /** Costs of messages between engines, where they were measured. */
  readonly costs?: { readonly links: TaskMessage['links'] } | undefined;
}

/** One call that is about to be made: its options are checked, its engines known. */
export interface OpenCall {
  /** The public method's name, for errors and metadata. */
  readonly label: string;
  /** Its engines in target order, at least one. */
  readonly engines: readonly EngineId[];
  /** One target, whose value stands alone; else a list with one value per target. */
  readonly isSingle: boolean;
  /** The view's options under those of the call. */
  readonly options: CallOptions;
}

/** Arguments of the method `N` for all engines (encoded once), or per engine by its place; `undefined` makes no task. */
export type CallArguments<N extends Method> = ArgumentsOf<N> | ArgumentsAt<N>;

type ArgumentsAt<N extends Method> = (index: number) => ArgumentsOf<N> | undefined;

/** Memory for the raw bytes of the result of engine `index`, if it has a place already. */
export type PlaceOfResult = (index: number, bytes: number) => Uint8Array | undefined;

const NO_OPTIONS: TargetOptions = Object.freeze({});
const NONE: readonly never[] = Object.freeze([]);
/** The engines of a closed client: one call that fails, so that its promise says why. */
const NOBODY: readonly EngineId[] = Object.freeze([-1]);

/**
 * Calls on the engines of a view. A call is opened (options checked, targets resolved), its tasks are submitted, and their
 * outcomes make one result. `each` does the three for a call that gives one value per target.
 */
export class Calls<M extends Mode> {
  /** An engine id, a list of them, or 'all' (asked at each call). */
  readonly targets: Targets;
  readonly context: CallContext;
  readonly #defaults: CallOptions;
  #unseen: readonly AsyncResult<unknown, unknown>[] = NONE;

  /** `defaults`: options of every call, checked. */
  constructor(context: CallContext, targets: Targets, defaults: CallOptions = NO_OPTIONS) {
    this.context = context;
    this.targets = targets;
    this.#defaults = defaults;
  }

  /** The same targets with these options under those of every call. @throws TypeError naming an unknown option */
  with(options: CallOptions): Calls<M> {
    const all = { ...this.#defaults, ...checkOptions(options, CALL_OPTIONS, 'with') };
    return new Calls<M>(this.context, this.targets, assertUseful(all, 'with'));
  }

  /** The options of every call. */
  get defaults(): CallOptions {
    return this.#defaults;
  }

  /** Calls on the engines that `targets` means now, whatever engines come or go. @throws NoEnginesRegistered */
  frozen(): Calls<M> {
    return this.targets === 'all' ? new Calls<M>(this.context, this.#engines(this.targets), this.#defaults) : this;
  }

  /** As `frozen`, with one value per engine also where there is a single target. @throws NoEnginesRegistered */
  asMany(): Calls<'many'> {
    return new Calls<'many'>(this.context, this.#engines(this.targets), this.#defaults);
  }

  /** The client's links to its engines. */
  get links(): EngineLinks {
    return this.context.links;
  }

  /** The engine ids that a call made now would go to. */
  get ids(): EngineId[] {
    return [...idsOf(this.targets, this.links)];
  }

  /**
   * Checks the options, resolves the targets. `rules`: what the options of this call are.
   * @throws TypeError, RangeError; NoEnginesRegistered
   */
  open<O extends TargetOptions>(label: string, options?: O, rules?: Rules<O>): OpenCall;
  open(label: string, options: TargetOptions = NO_OPTIONS, rules: Rules<TargetOptions> = TARGET_OPTIONS): OpenCall {
    if (options !== NO_OPTIONS) checkOptions(options, rules, label);
    const targets = options.targets === undefined ? this.targets : targetsOf(options.targets, namedIds(this.links));
    const engines = this.#engines(targets);
    const all = options === NO_OPTIONS ? this.#defaults : { ...this.#defaults, ...options };
    return { label, engines, isSingle: typeof targets === 'number', options: assertUseful(all, label) };
  }

  #engines(targets: Targets): readonly EngineId[] {
    const ids = idsOf(targets, this.links);
    if (ids.length > 0) return ids;
    if (this.links.isClosed) return NOBODY;
    throw new NoEnginesRegistered(String(this));
  }

  /**
   * Sends one task per engine that has arguments; all are encoded first.
   * @throws NotSerializableError before anything is sent
   */
  submit<N extends Method>(call: OpenCall, method: N, args: CallArguments<N>, place?: PlaceOfResult): Task[] {
    const { engines, options } = call;
    const { via, label = call.label, copy } = options;
    // Infinity sets no limit; headers have no word for it.
    const runTimeout = options.runTimeout === Number.POSITIVE_INFINITY ? undefined : options.runTimeout;
    const each = isPerEngine(args) ? engines.map((_, index) => args(index)) : undefined;
    const names = namesOfCalls(each ?? args);
    const encode = copy ? encodeCopy<N> : encodeCall<N>;
    const group = engines.length > 1 ? nextGroup() : undefined;
    const links = group === undefined ? undefined : this.context.costs?.links;
    const shared = isPerEngine(args) ? undefined : encode(method, args);
    const relayed = shared && via && this.#relays(engines, shared.body, via);
    const encoded = each?.map((one) => encodedAt(encode, method, one));
    const bodies = encoded && shareWindows(encoded.map((one) => one?.body ?? NONE));
    const tasks: Task[] = [];
    // Field by field, and without an iterator of pairs: spreading cost a quarter of the CPU time of a short task.
    for (let index = 0; index < engines.length; index++) {
      const encodedCall = shared ?? encoded?.[index];
      if (encodedCall === undefined) continue;
      const body = bodies?.[index] ?? encodedCall.body;
      const destination = place && ((bytes: number) => place(index, bytes));
      const way = relayed?.[index];
      const request = { method, body, label, runTimeout, call: group, links, relayed: way, destination, names };
      tasks.push(this.#send(engines[index] as EngineId, request));
    }
    return tasks;
  }

  #relays(engines: readonly EngineId[], body: Body, via: Via) {
    const of = (id: EngineId) => this.links.engine(id);
    return relays(
      engines,
      (id) => of(id) !== undefined,
      body,
      via,
      (id) => of(id)?.machine,
    );
  }

  #send(engine: EngineId, request: Request): Task {
    const task = this.links.submit(engine, request);
    this.context.jobs.add(task);
    return task;
  }

  /** One value per task, or the bare value of a single target. */
  perTarget<T>(call: OpenCall, tasks: readonly Task[]): Assembly<PerTarget<M, T>, T> {
    // `isSingle` at run time is what the mode M says at compile time.
    return (call.isSingle ? single<T>() : list<T>(tasks.length)) as Assembly<PerTarget<M, T>, T>;
  }

  /** The values of a call's tasks: one per target. Progress bars show `progressLabel`. */
  valuesOf<T>(call: OpenCall, tasks: readonly Task[], progressLabel = call.label): PerTargetResult<M, T> {
    return this.result<PerTarget<M, T>, T, M>(call, tasks, this.perTarget<T>(call, tasks), progressLabel);
  }

  /** The outcomes of a call's tasks as one result. */
  result<T, Item, N extends Mode = ModeOf<T, Item>>(
    call: OpenCall,
    tasks: readonly Task[],
    assembly: Assembly<T, Item>,
    progressLabel?: string,
  ): AsyncResult<T, Item, N> {
    const before = this.#unseen;
    this.#unseen = NONE;
    const { options: limits } = call;
    const { label = call.label, interrupt } = limits;
    const shown = limits.label ?? progressLabel;
    const { abort, stop } = this.links;
    const onSignal = interrupt === true ? stop : abort;
    return new AsyncResult({ label, tasks, assembly, abort, onSignal, limits, progressLabel: shown, before });
  }

  /** A call that sends the same method to each target and gives one value per target. @throws as `open`, `submit` */
  each<N extends Method, T extends ValueOf<N> = ValueOf<N>>(
    label: string,
    method: N,
    args: CallArguments<N>,
    options?: TargetOptions,
    progressLabel = label,
  ): PerTargetResult<M, T> {
    const call = this.open(label, options);
    return this.valuesOf<T>(call, this.submit(call, method, args), progressLabel);
  }

  /**
   * Opens a call and runs source text in it. `name` names the result where its tasks have another name.
   * @throws TypeError for anything but text; as `open`
   */
  execute(code: string, options: ExecuteOptions = NO_OPTIONS, name?: string): PerTargetResult<M, ExecuteReply> {
    if (typeof code !== 'string') throw new TypeError(`execute wants source text, not ${typeof code}`);
    const { silent = true } = options;
    return this.source(this.open('execute', options, EXECUTE_OPTIONS), { code, silent }, name);
  }

  /** Runs source text in an open call. */
  source(
    call: OpenCall,
    text: { readonly code: string; readonly silent: boolean },
    name?: string,
  ): PerTargetResult<M, ExecuteReply> {
    const tasks = this.submit(call, 'execute', text);
    for (const task of tasks) task.executeInput = text.code;
    const assembly = executeReplies(this.perTarget<ExecuteReply>(call, tasks), tasks);
    return this.result<PerTarget<M, ExecuteReply>, ExecuteReply, M>(
      name === undefined ? call : named(call, name),
      tasks,
      assembly,
    );
  }

  /** Has a failure of `result`, which nobody can await, thrown by the next result that is awaited. */
  surfaceLater(result: AsyncResult<unknown, unknown>): AsyncResult<unknown, unknown> {
    this.#unseen = [...this.#unseen, result];
    return result;
  }

  toString(): string {
    return `<DirectView ${targetText(this.targets)}>`;
  }
}

function named(call: OpenCall, name: string): OpenCall {
  return { ...call, options: { ...call.options, label: name } };
}

// The arguments of a method are an object, never a function.
function isPerEngine<N extends Method>(args: CallArguments<N>): args is ArgumentsAt<N> {
  return typeof args === 'function';
}

type Encode<N extends Method> = (method: N, args: ArgumentsOf<N>) => EncodedCall<N>;

function encodedAt<N extends Method>(
  encode: Encode<N>,
  method: N,
  args: ArgumentsOf<N> | undefined,
): EncodedCall<N> | undefined {
  return args === undefined ? undefined : encode(method, args);
}

let groups = 0;

/** A number for the tasks of one call; unique together with the client's name in their ids. */
function nextGroup(): number {
  return groups++;
}

// A closed client's calls fail when they are awaited, so its engines can still be named.
function namedIds(links: EngineLinks): readonly EngineId[] {
  return links.isClosed ? links.knownIds : links.ids;
}

function idsOf(targets: Targets, links: EngineLinks): readonly EngineId[] {
  if (targets === 'all') return links.ids;
  return typeof targets === 'number' ? [targets] : targets;
}
