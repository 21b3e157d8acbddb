import {
  ClientClosed,
  EngineError,
  ImpossibleDependency,
  type RemoteError,
  TaskAborted,
  TaskTimeout,
} from '../../errors.ts';
import type { EngineId } from '../../protocol/messages.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Attempt } from '../links/attempt.ts';
import type { ClientEvent, EngineLinks } from '../links/engine-links.ts';
import { asRemoteError, failed, type Outcome } from '../links/outcome.ts';
import { type BalancedCall, BalancedTask, type TaskOwner } from './balanced-task.ts';
import type { KnownDependency } from './dependency.ts';
import { DurationEstimates } from './duration-estimate.ts';
import { type AttemptEnd, type Dispatch, Scheduler, type Unplaceable } from './scheduler.ts';
import { WorkStealing } from './work-stealing.ts';

/** The part of a client's links that load balancing uses. */
export type BalancerLinks = Pick<
  EngineLinks,
  'ids' | 'engine' | 'nextTaskId' | 'send' | 'abort' | 'stop' | 'control' | 'on'
> &
  Partial<Pick<EngineLinks, 'tasks' | 'isDraining' | 'backlog'>>;

/** The dependencies that must be met before the tasks of a call may run. */
export interface Conditions {
  readonly after?: KnownDependency | undefined;
  readonly follow?: KnownDependency | undefined;
}

// An engine that is replaced is away for a moment: tasks without any engine wait this long for one to join.
const NO_ENGINE_GRACE_MS = 10_000;
/** Bytes that cross in a millisecond, about: a large message takes its time, however short its task runs. */
const BYTES_PER_MS = 500_000;
/** The longest that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The settings of a balancer. */
export interface BalancerOptions {
  /** Milliseconds that tasks wait when there is no engine at all; default 10 000. */
  readonly noEngineGrace?: number;
}

/**
 * Connects the pure Scheduler to engines and timers: tells it of events, and carries out its dispatches. One per client,
 * so that all load-balanced views see the same engines in use.
 */
export class Balancer implements TaskOwner {
  readonly links: BalancerLinks;
  readonly jobs: Jobs;
  readonly durations = new DurationEstimates();
  readonly #scheduler = new Scheduler<BalancedTask>((task) => task.call.duration.ms);
  readonly #stealing: WorkStealing;
  readonly #grace: number;
  readonly #off: () => void;
  #isFlushing = false;
  // Has anything changed that may leave a task without an engine?
  #mustReview = false;
  #graceTimer: NodeJS.Timeout | undefined;
  #closed: RemoteError | undefined;

  constructor(links: BalancerLinks, jobs: Jobs, options: BalancerOptions = {}) {
    this.links = links;
    this.jobs = jobs;
    this.#stealing = new WorkStealing(this.#scheduler, links, () => this.#wake());
    this.#grace = options.noEngineGrace ?? NO_ENGINE_GRACE_MS;
    for (const id of links.ids) this.#engineUp(id, links.engine(id)?.uuid);
    this.#off = links.on((event) => this.#onEvent(event));
    links.backlog?.from(() => this.#scheduler.backlog);
  }

  #onEvent(event: ClientEvent): void {
    if (event.type === 'cluster-lost') {
      this.close(`the cluster is gone: ${event.reason}`, EngineError);
      return;
    }
    if (event.type === 'engine-up') this.#engineUp(event.engine.id, event.engine.uuid);
    if (event.type === 'engine-down') this.#scheduler.engineDown(event.uuid);
    if (event.type === 'engine-draining' && event.over !== true) this.#scheduler.engineDraining(event.uuid);
    else if (event.type === 'engine-draining') this.#scheduler.engineStays(event.uuid);
    this.#mustReview = true;
    this.#wake();
  }

  #engineUp(id: EngineId, uuid: string | undefined): void {
    if (uuid === undefined) return;
    this.#scheduler.engineUp(id, uuid);
    if (this.links.isDraining?.(uuid)) this.#scheduler.engineDraining(uuid);
  }

  /** New tasks `0…n−1` of a call, which run as soon as the conditions hold. */
  submit(call: BalancedCall, n: number, conditions: Conditions = {}): BalancedTask[] {
    const tasks = Array.from({ length: n }, (_, index) => this.#task(call, index, conditions));
    if (conditions.after === undefined && conditions.follow === undefined) this.#ready(tasks);
    else this.#await(tasks, conditions);
    return tasks;
  }

  #task(call: BalancedCall, index: number, { after, follow }: Conditions): BalancedTask {
    const task = new BalancedTask(this.links.nextTaskId(), call, index, this);
    if (after !== undefined) task.after = after.ids;
    if (follow !== undefined) task.follow = follow.ids;
    this.jobs.add(task);
    if (this.links.tasks?.isOn) this.links.tasks.submitted(task);
    this.#limitWait(task);
    return task;
  }

  #limitWait(task: BalancedTask): void {
    const { timeout } = task.call;
    if (timeout === undefined) return;
    task.timer = setTimeout(() => this.#timeOut(task, timeout), Math.min(timeout, MAX_TIMER_MS));
  }

  #timeOut(task: BalancedTask, timeout: number): void {
    const cause = task.last?.error;
    if (!this.#scheduler.withdraw(task)) return;
    task.giveUp(new TaskTimeout(`task '${task.id}' waited ${timeout} ms for an engine`, cause ? { cause } : {}));
  }

  /** New tasks of a call that cannot run: they have failed. */
  refuse(call: BalancedCall, n: number, error: RemoteError): BalancedTask[] {
    const tasks = Array.from({ length: n }, (_, index) => this.#task(call, index, {}));
    for (const task of tasks) task.giveUp(error);
    return tasks;
  }

  #ready(tasks: readonly BalancedTask[]): void {
    for (const task of tasks) if (task.state === 'waiting') this.#scheduler.add(task);
    this.#wake();
  }

  #await(tasks: readonly BalancedTask[], conditions: Conditions): void {
    const all = [conditions.after, conditions.follow].filter((dependency) => dependency !== undefined);
    let open = true;
    const check = () => {
      const states = all.map((dependency) => dependency.state);
      if (!open || (states.includes('waiting') && !states.includes('impossible'))) return;
      open = false;
      if (states.includes('impossible')) this.#refuseAll(tasks, 'a task that it depends on did not end as it must');
      else this.#start(tasks, conditions.follow);
    };
    for (const { tasks: awaited } of all) for (const task of awaited) task.onEnd(check);
    check();
  }

  #start(tasks: readonly BalancedTask[], follow: KnownDependency | undefined): void {
    const engines = follow === undefined || follow.tasks.length === 0 ? undefined : follow.engines;
    if (engines?.size === 0) {
      this.#refuseAll(tasks, 'the tasks to follow ran on more than one engine, or on none');
      return;
    }
    for (const task of tasks) task.pinned = engines;
    this.#mustReview ||= engines !== undefined;
    this.#ready(tasks);
  }

  #refuseAll(tasks: readonly BalancedTask[], why: string): void {
    for (const task of tasks) {
      if (this.#scheduler.withdraw(task)) task.giveUp(new ImpossibleDependency(`task '${task.id}': ${why}`));
    }
  }

  // Once per turn of the event loop: replies that came together send their successors together, and the scheduler learns
  // of an engine's death before the tasks that it takes with it are dealt out again.
  #wake(): void {
    if (this.#isFlushing || this.isClosed) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.isClosed) return;
    for (const dispatch of this.#scheduler.dispatches()) this.#send(dispatch);
    if (this.#mustReview) this.#review();
    this.#stealing.watch();
  }

  #send({ task, engine }: Dispatch<BalancedTask>): void {
    const record = this.links.engine(engine.id);
    if (record?.uuid !== engine.uuid) {
      this.#notSent(task, engine.uuid);
      return;
    }
    clearTimeout(task.timer);
    const attempt = task.tryOn(record);
    const { call } = task;
    try {
      const request = call.request(task.index);
      this.#scheduler.weigh(task, bytesOf(request.body) / BYTES_PER_MS);
      this.links.send(engine.id, attempt, { ...request, label: call.label, runTimeout: call.runTimeout });
    } catch (error) {
      this.#scheduler.ended(task, 'final');
      // The arguments of a map are encoded when their task is sent: one that cannot travel fails its own task.
      task.end(failed(asRemoteError(error)));
      this.#wake();
    }
  }

  // The engine has just gone: nothing was sent, so nothing has failed.
  #notSent(task: BalancedTask, uuid: string): void {
    this.#scheduler.engineDown(uuid);
    this.#scheduler.ended(task, 'unmet');
    this.#mustReview = true;
    this.#wake();
  }

  retries(task: BalancedTask, attempt: Attempt): boolean {
    const { call } = task;
    if (attempt.started !== null) call.duration.learn((attempt.completed as number) - attempt.started);
    const outcome = attempt.outcome as Outcome;
    const error = outcome.ok ? call.failure?.(outcome.value, task) : outcome.error;
    const end = this.isClosed ? 'final' : endOf(task, attempt, error);
    const again = this.#scheduler.ended(task, end);
    this.#wake();
    if (!again || error === undefined) return false;
    task.isStolen = false;
    if (attempt.isUnstarted) this.#returned(task);
    if (end === 'stolen') return true;
    task.last = { attempt, error };
    this.#limitWait(task);
    this.#mustReview = true;
    return true;
  }

  // Its engine is gone: its queue timeout begins again, and perhaps no engine is left.
  #returned(task: BalancedTask): void {
    this.#limitWait(task);
    this.#mustReview = true;
  }

  withdraw(task: BalancedTask): boolean {
    task.isUnwanted = true;
    if (!this.#scheduler.withdraw(task)) return false;
    task.giveUp(new TaskAborted(`task '${task.id}' was aborted before an engine had it`));
    return true;
  }

  // Tasks that no live engine may take end now, unless they have a queue timeout: that one says how long to wait.
  #review(): void {
    this.#mustReview = false;
    const unplaceable = this.#unplaceable();
    for (const [task, why] of unplaceable) if (why !== 'no-engines') this.#giveUp(task, why);
    if (unplaceable.some(([, why]) => why === 'no-engines')) this.#startGrace();
    else this.#endGrace();
  }

  #unplaceable(): [task: BalancedTask, why: Unplaceable][] {
    return this.#scheduler.unplaceable().filter(([task]) => task.call.timeout === undefined);
  }

  #endGrace(): void {
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
  }

  #startGrace(): void {
    this.#graceTimer ??= setTimeout(() => {
      this.#graceTimer = undefined;
      for (const [task, why] of this.#unplaceable()) this.#giveUp(task, why);
    }, this.#grace);
  }

  #giveUp(task: BalancedTask, why: Unplaceable): void {
    if (!this.#scheduler.withdraw(task)) return;
    const { id, last } = task;
    if (why === 'gone') task.giveUp(new ImpossibleDependency(`task '${id}': the engine to follow is gone`));
    else if (last === undefined) task.giveUp(new EngineError(`no engine is left to run task '${id}'`));
    else if (last.error.ename === 'UnmetDependency') {
      task.giveUp(new ImpossibleDependency(`task '${id}': no engine is left that meets it; ${last.error.evalue}`));
    } else task.endAs(last.attempt);
  }

  /** Has its client been closed, or its cluster been lost? */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** The error of calls that come after its end. */
  get closed(): RemoteError | undefined {
    return this.#closed;
  }

  /** Every task that no engine has fails; those in flight are the connections' to end. */
  close(reason: string, ErrorClass: new (message: string) => RemoteError = ClientClosed): void {
    if (this.isClosed) return;
    this.#closed = new ErrorClass(ErrorClass === ClientClosed ? 'this client is closed' : reason);
    this.#endGrace();
    this.#stealing.stop();
    this.#off();
    for (const task of this.jobs.select()) {
      if (!(task instanceof BalancedTask) || !this.#scheduler.withdraw(task)) continue;
      task.giveUp(new ErrorClass(`task '${task.id}' was not run (${reason})`));
    }
  }
}

const FINAL = new Set(['TaskAborted', 'TaskInterrupted']);

function endOf(task: BalancedTask, attempt: Attempt, error: RemoteError | undefined): AttemptEnd {
  if (attempt.isUnstarted) return task.isUnwanted ? 'final' : 'stolen';
  if (error?.ename === 'TaskAborted' && task.isStolen && !task.isUnwanted) return 'stolen';
  if (error === undefined || FINAL.has(error.ename)) return 'final';
  return error.ename === 'UnmetDependency' ? 'unmet' : 'failed';
}

function bytesOf(body: readonly Uint8Array[]): number {
  return body.reduce((bytes, part) => bytes + part.byteLength, 0);
}
