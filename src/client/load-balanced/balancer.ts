// Balancer: the rim of the scheduler. It feeds it with what happens to engines and tasks, sends what it says, and keeps
// the clocks. One per client, so that all load-balanced views see the same engines in use.
import { EngineError, ImpossibleDependency, type RemoteError, TaskAborted, TaskTimeout } from '../../errors.ts';
import type { EngineId, ReplyMetadata, TaskId } from '../../protocol/messages.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Request } from '../links/connection.ts';
import type { ClientEvent } from '../links/engine-links.ts';
import { asRemoteError, failed, type Outcome } from '../links/outcome.ts';
import type { Session } from '../links/session.ts';
import type { Task } from '../links/task.ts';
import { BalancedTask, type Call, type TaskOwner } from './balanced-task.ts';
import type { KnownDependency } from './dependency.ts';
import { Paces } from './duration-estimates.ts';
import { type AttemptEnd, type Dead, type Dispatch, Scheduler } from './scheduler.ts';
import { Recaller } from './work-stealing.ts';

/** What load balancing needs of a client beyond what views need. */
export interface BalancedSession extends Session {
  readonly jobs: Jobs;
  nextTaskId(): TaskId;
  /** Sends a task that exists already. A dead engine fails it at once. */
  send(engine: EngineId, task: Task, request: Request): void;
  onEvent(listener: (event: ClientEvent) => void): () => void;
}

/** What must be so before the tasks of a call may run. */
export interface Conditions {
  readonly after?: KnownDependency | undefined;
  readonly follow?: KnownDependency | undefined;
}

// An engine that is replaced is away for a moment: tasks without any engine wait this long for one to join.
const NO_ENGINE_GRACE_MS = 10_000;
/** Bytes that cross in a millisecond, about: what is large takes its time, however short it runs. */
const BYTES_PER_MS = 500_000;

export interface BalancerOptions {
  /** Milliseconds that tasks wait when there is no engine at all; default 10 000. */
  readonly noEngineGrace?: number;
}

export class Balancer implements TaskOwner {
  readonly session: BalancedSession;
  readonly paces = new Paces();
  readonly #scheduler = new Scheduler<BalancedTask>((task) => task.plan.pace.estimate);
  readonly #recaller: Recaller;
  readonly #grace: number;
  readonly #off: () => void;
  #flushing = false;
  // Has anything changed that may leave a task without an engine?
  #doubtful = false;
  #graceTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(session: BalancedSession, options: BalancerOptions = {}) {
    this.session = session;
    this.#recaller = new Recaller(this.#scheduler, session, () => this.#wake());
    this.#grace = options.noEngineGrace ?? NO_ENGINE_GRACE_MS;
    for (const id of session.ids) this.#up(id, session.engine(id)?.uuid);
    this.#off = session.onEvent((event) => this.#hear(event));
  }

  #hear(event: ClientEvent): void {
    if (event.type === 'engine-up') this.#up(event.engine.id, event.engine.uuid);
    if (event.type === 'engine-down') this.#scheduler.engineDown(event.uuid);
    this.#doubtful = true;
    this.#wake();
  }

  #up(id: EngineId, uuid: string | undefined): void {
    if (uuid !== undefined) this.#scheduler.engineUp(id, uuid);
  }

  /** New tasks `0…n−1` of a call, which run as soon as the conditions hold. */
  submit(call: Call, n: number, conditions: Conditions = {}): BalancedTask[] {
    const tasks = Array.from({ length: n }, (_, index) => this.#task(call, index, conditions));
    if (conditions.after === undefined && conditions.follow === undefined) this.#ready(tasks);
    else this.#await(tasks, conditions);
    return tasks;
  }

  #task(call: Call, index: number, { after, follow }: Conditions): BalancedTask {
    const task = new BalancedTask(this.session.nextTaskId(), call, index, this);
    if (after !== undefined) task.after = after.ids;
    if (follow !== undefined) task.follow = follow.ids;
    this.session.jobs.add(task);
    this.#limitWait(task);
    return task;
  }

  #limitWait(task: BalancedTask): void {
    const { timeout } = task.plan;
    if (timeout === undefined) return;
    task.timer = setTimeout(() => this.#late(task, timeout), Math.min(timeout, 2 ** 31 - 1));
  }

  #late(task: BalancedTask, timeout: number): void {
    const cause = task.last?.error;
    if (!this.#scheduler.withdraw(task)) return;
    task.giveUp(new TaskTimeout(`task '${task.id}' waited ${timeout} ms for an engine`, cause ? { cause } : {}));
  }

  /** A call that cannot run: its tasks have failed. */
  refuse(call: Call, n: number, error: RemoteError): BalancedTask[] {
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
      if (states.includes('impossible')) this.#impossible(tasks, 'what it depends on did not end as it must');
      else this.#start(tasks, conditions.follow);
    };
    for (const { tasks: awaited } of all) for (const task of awaited) task.onEnd(check);
    check();
  }

  #start(tasks: readonly BalancedTask[], follow: KnownDependency | undefined): void {
    const engines = follow === undefined || follow.tasks.length === 0 ? undefined : follow.engines;
    if (engines?.size === 0) {
      this.#impossible(tasks, 'the tasks to follow ran on more than one engine, or on none');
      return;
    }
    for (const task of tasks) task.pinned = engines;
    this.#doubtful ||= engines !== undefined;
    this.#ready(tasks);
  }

  #impossible(tasks: readonly BalancedTask[], why: string): void {
    for (const task of tasks) {
      if (this.#scheduler.withdraw(task)) task.giveUp(new ImpossibleDependency(`task '${task.id}': ${why}`));
    }
  }

  // Once per turn of the event loop: replies that came together send their successors together, and an engine's death
  // has been told before the tasks that it takes with it are dealt out again.
  #wake(): void {
    if (this.#flushing || this.#closed) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed) return;
    for (const dispatch of this.#scheduler.dispatches()) this.#send(dispatch);
    if (this.#doubtful) this.#review();
    this.#recaller.watch();
  }

  #send({ task, seat }: Dispatch<BalancedTask>): void {
    if (this.session.engine(seat.id)?.uuid !== seat.uuid) {
      this.#missed(task, seat.uuid);
      return;
    }
    clearTimeout(task.timer);
    task.engine = this.session.engine(seat.id);
    const { label, runTimeout } = task.plan;
    try {
      const request = task.plan.request(task.index);
      this.#scheduler.weigh(task, bytesOf(request.body) / BYTES_PER_MS);
      this.session.send(seat.id, task, { ...request, label, runTimeout });
    } catch (error) {
      this.#scheduler.ended(task, 'final');
      // Arguments of a map are encoded when their task is sent: what cannot travel fails its own task.
      task.finish(failed(asRemoteError(error)));
      this.#wake();
    }
  }

  // The engine has just gone: nothing was sent, so nothing has failed.
  #missed(task: BalancedTask, uuid: string): void {
    this.#scheduler.engineDown(uuid);
    this.#scheduler.ended(task, 'unmet');
    this.#doubtful = true;
    this.#wake();
  }

  again(task: BalancedTask, outcome: Outcome, metadata?: ReplyMetadata): boolean {
    const call = task.plan;
    if (metadata?.started != null) call.pace.learn(metadata.completed - metadata.started);
    const error = outcome.ok ? call.failure?.(outcome.value, task) : outcome.error;
    const end = this.#closed ? 'final' : endOf(task, error);
    const again = this.#scheduler.ended(task, end);
    this.#wake();
    if (!again || error === undefined) return false;
    task.recalled = false;
    if (end === 'recalled') return true;
    task.last = { outcome, error, ...(metadata === undefined ? {} : { metadata }) };
    task.forgetOutput();
    this.#limitWait(task);
    this.#doubtful = true;
    return true;
  }

  withdraw(task: BalancedTask): boolean {
    task.unwanted = true;
    if (!this.#scheduler.withdraw(task)) return false;
    task.giveUp(new TaskAborted(`task '${task.id}' was aborted before an engine had it`));
    return true;
  }

  // Tasks that no live engine may take end now, unless they have a queue timeout: that one says how long to wait.
  #review(): void {
    this.#doubtful = false;
    const stuck = this.#scheduler.hopeless().filter(([task]) => task.plan.timeout === undefined);
    for (const [task, why] of stuck) if (why !== 'no-engines') this.#giveUp(task, why);
    if (stuck.some(([, why]) => why === 'no-engines')) this.#startGrace();
    else this.#endGrace();
  }

  #endGrace(): void {
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
  }

  #startGrace(): void {
    this.#graceTimer ??= setTimeout(() => {
      this.#graceTimer = undefined;
      const stuck = this.#scheduler.hopeless().filter(([task]) => task.plan.timeout === undefined);
      for (const [task, why] of stuck) this.#giveUp(task, why);
    }, this.#grace);
  }

  #giveUp(task: BalancedTask, why: Dead): void {
    if (!this.#scheduler.withdraw(task)) return;
    const { last } = task;
    if (why === 'gone') task.giveUp(new ImpossibleDependency(`task '${task.id}': the engine to follow is gone`));
    else if (last === undefined) task.giveUp(new EngineError(`no engine is left to run task '${task.id}'`));
    else if (last.error.ename === 'UnmetDependency') {
      task.giveUp(new ImpossibleDependency(`task '${task.id}': no engine is left that meets it; ${last.error.evalue}`));
    } else task.finish(last.outcome, last.metadata);
  }

  /** Every task that no engine has fails; those in flight are the connections' to end. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endGrace();
    this.#recaller.stop();
    this.#off();
    for (const task of this.session.jobs.select()) {
      if (!(task instanceof BalancedTask) || !this.#scheduler.withdraw(task)) continue;
      task.giveUp(new EngineError(`task '${task.id}' was not run (${reason})`));
    }
  }
}

const FINAL = new Set(['TaskAborted', 'TaskInterrupted']);

function endOf(task: BalancedTask, error: RemoteError | undefined): AttemptEnd {
  if (error?.ename === 'TaskAborted' && task.recalled && !task.unwanted) return 'recalled';
  if (error === undefined || FINAL.has(error.ename)) return 'final';
  return error.ename === 'UnmetDependency' ? 'unmet' : 'failed';
}

function bytesOf(body: readonly Uint8Array[]): number {
  return body.reduce((bytes, part) => bytes + part.byteLength, 0);
}
