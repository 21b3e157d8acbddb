// Bookkeeper: the half of a Client that looks after what was submitted: its state, its results, and their end.
import { RemoteError } from '../../errors.ts';
import type { EngineId, EngineStatus, TaskId } from '../../protocol/messages.ts';
import { Indexable } from '../indexing.ts';
import type { ControlVerb } from '../links/connection.ts';
import { type Metadata, Task } from '../links/task.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { InteractiveOptions } from '../results/progress.ts';
import { engineIds, type Targets } from '../targets.ts';
import type { Job, JobSelection, Jobs } from './jobs.ts';
import {
  type EngineQueue,
  type QueueIds,
  type QueueOptions,
  type QueueStatus,
  queueIds,
  queueOf,
} from './queue-status.ts';

export interface AbortOptions {
  /** Only tasks on these engines. */
  readonly targets?: Targets;
}

export abstract class Bookkeeper<One, Many> extends Indexable<One, Many> {
  /** This client's name on the wire; task ids begin with it. */
  abstract readonly uuid: string;
  abstract readonly jobs: Jobs;
  abstract readonly ids: EngineId[];
  abstract abortTasks(tasks: readonly Task[]): Promise<void>;
  abstract control<T>(engine: EngineId, verb: ControlVerb, timeout?: number): Promise<T>;
  /** Asks every engine for the result of a task that another client submitted; false where none has heard of it. */
  protected abstract fetch(task: Task): Promise<boolean>;

  /** Message ids in the order of submission; the oldest finished ones are forgotten after 10 000. */
  get history(): TaskId[] {
    return this.jobs.history;
  }

  /** Message ids of what has not ended. */
  get outstanding(): Set<TaskId> {
    return this.jobs.outstanding;
  }

  /** What has ended: values, or the errors of what failed, by message id. */
  get results(): Map<TaskId, unknown> {
    return new Map(
      this.jobs.all.flatMap(({ id, outcome }) =>
        outcome === undefined ? [] : [[id, outcome.ok ? outcome.value : outcome.error] as const],
      ),
    );
  }

  /** What is known of each task, by message id. */
  get metadata(): Map<TaskId, Metadata> {
    return new Map(this.jobs.all.map((task) => [task.id, task.metadata]));
  }

  /** What the engines say of themselves, by id; answered while they compute. @throws RangeError, TimeoutError */
  async status(targets: Targets | string = 'all'): Promise<Map<EngineId, EngineStatus>> {
    const ids = engineIds(targets, this.ids);
    const all = await Promise.all(ids.map((id) => this.control<EngineStatus>(id, { type: 'status' })));
    return new Map(ids.map((id, i) => [id, all[i] as EngineStatus]));
  }

  /**
   * How much waits (`queue`), runs (`tasks`) and has ended (`completed`) on each engine, for all clients, and how many
   * load-balanced tasks of this one have no engine yet (`unassigned`). An engine id gives only that engine's object;
   * `verbose` gives message ids in place of counts, of `completed` those whose results are still held.
   * @throws RangeError "No such engine: 99"; TimeoutError
   */
  queueStatus(targets: EngineId, options: QueueOptions & { verbose: true }): Promise<EngineQueue<TaskId[]>>;
  queueStatus(targets: EngineId, options?: QueueOptions): Promise<EngineQueue<number>>;
  queueStatus(targets: Targets | string | undefined, options: { verbose: true }): Promise<QueueIds>;
  queueStatus(targets?: Targets | string, options?: QueueOptions): Promise<QueueStatus>;
  async queueStatus(targets: Targets | string = 'all', { verbose = false }: QueueOptions = {}): Promise<unknown> {
    const engines = await this.status(targets);
    const shape = (status: EngineStatus) => (verbose ? queueIds(status) : queueOf(status));
    if (typeof targets === 'number') return shape(engines.get(targets) as EngineStatus);
    const waiting = this.jobs.select().flatMap((task) => (task.engine === undefined ? [task.id] : []));
    const rows = [...engines].map(([id, status]) => [id, shape(status)] as const);
    return { unassigned: verbose ? waiting : waiting.length, ...Object.fromEntries(rows) };
  }

  /** Drops queued tasks: those of `jobs`, or all outstanding ones of this client. Running tasks finish. */
  abort(jobs?: JobSelection, { targets }: AbortOptions = {}): Promise<void> {
    const tasks = this.jobs.select(jobs).filter((task) => task.outcome === undefined);
    const ids = targets === undefined ? undefined : engineIds(targets, this.ids);
    return this.abortTasks(tasks.filter(({ engine }) => ids === undefined || (engine && ids.includes(engine.id))));
  }

  /**
   * Waits up to `ms` (default: for ever) for these jobs, or for all that are outstanding: true when all are done. A failed
   * task does not make it reject.
   * @throws RangeError for an unknown job
   */
  async wait(jobs?: JobSelection, ms?: number): Promise<boolean> {
    return this.jobs.wait(jobs, ms);
  }

  /**
   * Waits for these jobs (none: all outstanding) with a progress bar on stderr when that is a TTY. True when all are done.
   * @throws RangeError for an unknown job, AbortError
   */
  waitInteractive(jobs?: JobSelection, options: InteractiveOptions = {}): Promise<boolean> {
    return this.jobs.result(jobs).waitInteractive(options);
  }

  /**
   * The result of a job again: by message id, place in the history (default -1, the last), or several of them, which give
   * a list. A message id of another client is asked for at the engines: they hold results in a bounded outbox, and
   * answer when a task that still runs has ended. RemoteError with ename ResultLost when no engine knows it.
   * @throws RangeError for a place that is not in the history
   */
  getResult(job?: TaskId | number): AsyncResult<unknown, unknown>;
  getResult(jobs: readonly Job[] | AsyncResult<unknown, unknown>): AsyncResult<unknown[], unknown>;
  getResult(jobs: JobSelection = -1): AsyncResult<unknown, unknown> {
    const asked = Array.isArray(jobs) ? (jobs as readonly Job[]) : [jobs as Job];
    // By id: a large result that nobody held any more is fetched from its engine again.
    const list = asked.map((job) => (typeof job === 'number' ? (this.jobs.history.at(job) ?? job) : job));
    const tasks = list.flatMap((job) => (this.#isForeign(job) ? [this.#fetched(job)] : this.jobs.select(job)));
    const isOne = typeof jobs === 'string' || typeof jobs === 'number';
    return isOne ? this.jobs.single(tasks[0] as Task) : this.jobs.resultOf(tasks);
  }

  #isForeign(job: Job): job is TaskId {
    return typeof job === 'string' && this.jobs.find(job) === undefined;
  }

  #fetched(id: TaskId): Task {
    const task = new Task(id, undefined, 'getResult');
    this.fetch(task).then(
      (found) => found || task.fail(lost(id)),
      (error: Error) => task.fail(new RemoteError({ ename: error.name, evalue: error.message, cause: error })),
    );
    return task;
  }

  /**
   * Frees results: this client's memory of these jobs, and what engines hold of them; 'all': of everything of this client
   * that has ended. A message id may be another client's. What is freed cannot be had again by `getResult`.
   * @throws Error naming a task that is outstanding, before anything is freed
   */
  async purge(jobs: JobSelection | 'all'): Promise<void> {
    const verb: ControlVerb =
      jobs === 'all' ? { type: 'purge', client: this.uuid } : { type: 'purge', ids: this.#purged(jobs) };
    if (jobs === 'all') this.jobs.forgetEnded();
    await Promise.all(this.ids.map((id) => this.control(id, verb)));
  }

  #purged(jobs: JobSelection): TaskId[] {
    const list = Array.isArray(jobs) ? (jobs as readonly Job[]) : [jobs as Job];
    const foreign = list.filter((job) => this.#isForeign(job));
    const tasks = list.filter((job) => !this.#isForeign(job)).flatMap((job) => this.jobs.select(job));
    const open = tasks.find((task) => task.outcome === undefined);
    if (open !== undefined) throw new Error(`task '${open.id}' is outstanding: wait for it, or abort it, before purge`);
    for (const task of tasks) this.jobs.forget(task);
    return [...tasks.map((task) => task.wireId), ...foreign];
  }
}

function lost(id: TaskId): RemoteError {
  const evalue = `no engine holds the result of task '${id}': it was purged, made room for others, or never existed`;
  return new RemoteError({ ename: 'ResultLost', evalue });
}
