// TargetedCalls: how a call on a view becomes tasks for its engines, and their outcomes one AsyncResult.
import { inspect } from 'node:util';
import { NoEnginesRegistered } from '../../errors.ts';
import type { Body } from '../../protocol/codec.ts';
import type { EngineId, Method } from '../../protocol/messages.ts';
import type { EngineQueue, QueueStatus } from '../jobs/queue-status.ts';
import { ViewJobs, type ViewSession } from '../jobs/view-jobs.ts';
import type { Session } from '../links/session.ts';
import type { Task } from '../links/task.ts';
import { type CallOptions, type ConcurrencyOption, checkOptions } from '../options.ts';
import type { Mode, PerTarget } from '../remote.ts';
import { type Assembly, list, single } from '../results/assembly.ts';
import { AsyncResult } from '../results/async-result.ts';
import { type Targets, targetsOf, targetText } from '../targets.ts';
import { relays } from './relays.ts';

export interface TargetOptions extends CallOptions {
  /** Other targets for this call only. */
  readonly targets?: Targets;
}

export interface MapOptions extends TargetOptions, ConcurrencyOption {}

/** One body for all engines (encoded once), or one per engine. */
export type Bodies = Body | ((index: number) => Body | undefined);

type StatusOf<M extends Mode> = M extends 'one' ? EngineQueue<number> : QueueStatus;

export abstract class TargetedCalls<M extends Mode> extends ViewJobs<StatusOf<M>> {
  /** An engine id, a list of them, or 'all' (asked at each call). */
  readonly targets: Targets;
  protected readonly session: ViewSession;
  protected readonly defaults: CallOptions;
  #unseen: AsyncResult<unknown, unknown>[] = [];

  constructor(session: ViewSession, targets: Targets, defaults: CallOptions) {
    super();
    this.session = session;
    this.targets = targets;
    this.defaults = defaults;
  }

  // An assignment cannot be awaited: its failure is thrown by the next call that is.
  protected surfaceLater<T>(result: AsyncResult<T, unknown>): AsyncResult<T, unknown> {
    this.#unseen.push(result as AsyncResult<unknown, unknown>);
    return result;
  }

  /** Targets now: 'all' asks which engines there are. */
  get length(): number {
    return this.ids.length;
  }

  /** The engine ids that a call made now would go to. */
  override get ids(): EngineId[] {
    return idsOf(this.targets, this.session);
  }

  protected each<T>(
    method: Method,
    label: string,
    bodies: Bodies,
    options: TargetOptions = {},
    functionName = '',
  ): AsyncResult<PerTarget<M, T>, T> {
    checkOptions(options, 'targets');
    const { tasks, assembly } = this.calls<T>(method, label, bodies, options);
    return this.result(label, tasks, assembly, options, { functionName: functionName || label });
  }

  protected calls<T>(method: Method, label: string, bodies: Bodies, options: TargetOptions) {
    const tasks = this.submit(method, label, options, bodies);
    const one = typeof (options.targets === undefined ? this.targets : this.freeze(options.targets)) === 'number';
    // `one` at run time is what the mode M says at compile time.
    const assembly = (one ? single<T>() : list<T>(tasks.length)) as unknown as Assembly<PerTarget<M, T>, T>;
    return { tasks, assembly };
  }

  protected submit(method: Method, label: string, options: TargetOptions, bodies: Bodies): Task[] {
    const { runTimeout, via } = { ...this.defaults, ...options };
    const ids = this.mustHaveEngines(options.targets);
    const call = ids.length > 1 ? nextCall() : undefined;
    const isThere = (id: EngineId) => this.session.engine(id) !== undefined;
    const relayed = typeof bodies === 'function' ? undefined : relays(ids, isThere, bodies, via);
    return ids.flatMap((id, index) => {
      const body = typeof bodies === 'function' ? bodies(index) : bodies;
      const named = options.label ?? this.defaults.label ?? label;
      return body === undefined
        ? []
        : [this.session.submit(id, { method, label: named, body, runTimeout, call, relayed: relayed?.[index] })];
    });
  }

  protected result<T, Item>(
    label: string,
    tasks: readonly Task[],
    assembly: Assembly<T, Item>,
    options: CallOptions,
    printed: { readonly kind?: string; readonly functionName?: string } = {},
  ): AsyncResult<T, Item> {
    const abort = (some: readonly Task[]) => this.session.abortTasks(some);
    const { targets: _, ...call } = { ...this.defaults, ...options } as TargetOptions;
    const before = this.#unseen;
    this.#unseen = [];
    return new AsyncResult({ label, tasks, assembly, abort, options: call, before, ...printed });
  }

  protected freeze(targets: Targets): Targets {
    return targetsOf(targets, this.session.ids);
  }

  protected mustHaveEngines(targets: Targets | undefined): readonly EngineId[] {
    const ids = targets === undefined ? this.ids : idsOf(this.freeze(targets), this.session);
    if (ids.length === 0) throw new NoEnginesRegistered(inspect(this));
    return ids;
  }

  [inspect.custom](): string {
    return `<DirectView ${targetText(this.targets)}>`;
  }

  override toString(): string {
    return this[inspect.custom]();
  }
}

let calls = 0;

/** A number for the tasks of one call; unique with the client's name, which their ids bear. */
function nextCall(): number {
  return calls++;
}

function idsOf(targets: Targets, session: Session): EngineId[] {
  if (targets === 'all') return session.ids;
  return typeof targets === 'number' ? [targets] : [...targets];
}
