import { RemoteError } from '../../errors.ts';
import type { ControlVerb, EngineStatus } from '../../protocol/messages/control.ts';
import type { RecentTasks } from '../../protocol/messages/monitoring.ts';
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import { inBatches } from '../links/batches.ts';
import type { EngineLinks } from '../links/engine-links.ts';
import { Task } from '../links/task.ts';
import type { AsyncResult } from '../results/async-result.ts';
import { engineIds, type Targets } from '../targets.ts';
import { GpuCards } from './gpu-cards.ts';
import type { Job, JobSelection, Jobs } from './jobs.ts';
import {
  type EngineQueue,
  type QueueIds,
  type QueueOptions,
  type QueueStatus,
  queueIds,
  queueOf,
} from './queue-status.ts';

/** Options of `Client.abort`. */
export interface AbortOptions {
  /** Only tasks on these engines. */
  readonly targets?: Targets | undefined;
}

/** A client's jobs where engines are asked, too: how they stand, their results again, and their end. */
export class ClientJobs {
  /** Tasks that this client has submitted. */
  readonly submitted: Jobs;
  readonly #links: EngineLinks;
  readonly #cards = new GpuCards();

  constructor(links: EngineLinks, submitted: Jobs) {
    this.#links = links;
    this.submitted = submitted;
  }

  /** The engines' own reports, by id; answered while they compute. @throws RangeError, TimeoutError */
  async status(targets: Targets | string = 'all'): Promise<Map<EngineId, EngineStatus>> {
    const ids = engineIds(targets, this.#links.knownIds);
    const all = await this.#links.controlEach(ids, { type: 'status' });
    const statuses = new Map(ids.map((id, i) => [id, all[i] as EngineStatus]));
    return this.#cards.addTo(statuses, (id) => this.#links.engine(id));
  }

  /** The tasks that ended last on each engine, of all clients; answered while they compute. @throws RangeError, TimeoutError */
  async recentTasks(targets: Targets | string = 'all'): Promise<Map<EngineId, RecentTasks>> {
    const ids = engineIds(targets, this.#links.knownIds);
    const all = await this.#links.controlEach(ids, { type: 'recent' });
    return new Map(ids.map((id, i) => [id, all[i] as RecentTasks]));
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
    const waiting = this.submitted.select().flatMap((task) => (task.engine === undefined ? [task.id] : []));
    const rows = [...engines].map(([id, status]) => [id, shape(status)] as const);
    return { unassigned: verbose ? waiting : waiting.length, ...Object.fromEntries(rows) };
  }

  /** Drops queued tasks: those of `jobs`, or all outstanding ones of this client. Running tasks finish. */
  abort(jobs?: JobSelection, { targets }: AbortOptions = {}): Promise<void> {
    const tasks = this.submitted.select(jobs).filter((task) => task.outcome === undefined);
    const ids = targets === undefined ? undefined : engineIds(targets, this.#links.knownIds);
    return this.#links.abort(tasks.filter(({ engine }) => ids === undefined || (engine && ids.includes(engine.id))));
  }

  /**
   * The result of a job again: by message id, place in the history (default -1, the last), or several of them, which give
   * a list. A message id of another client is asked for at the engines: they hold results in a bounded outbox, and
   * answer when a task that still runs has ended. RemoteError with ename ResultLost when no engine knows it; EngineError when an engine
   * ended before it answered, and no other has it.
   * @throws RangeError for a place that is not in the history
   */
  getResult(job?: TaskId | number): AsyncResult<unknown, unknown>;
  getResult(jobs: readonly Job[] | AsyncResult<unknown, unknown>): AsyncResult<unknown[], unknown>;
  getResult(jobs?: JobSelection): AsyncResult<unknown, unknown>;
  getResult(jobs: JobSelection = -1): AsyncResult<unknown, unknown> {
    const asked = Array.isArray(jobs) ? (jobs as readonly Job[]) : [jobs as Job];
    // By id: a large result that nobody held any more is fetched from its engine again.
    const list = asked.map((job) => (typeof job === 'number' ? (this.submitted.history.at(job) ?? job) : job));
    const tasks = list.flatMap((job) => (this.#isForeign(job) ? [this.#fetched(job)] : this.submitted.select(job)));
    const isOne = typeof jobs === 'string' || typeof jobs === 'number';
    return isOne ? this.submitted.single(tasks[0] as Task) : this.submitted.resultOf(tasks);
  }

  #isForeign(job: Job): job is TaskId {
    return typeof job === 'string' && this.submitted.find(job) === undefined;
  }

  #fetched(id: TaskId): Task {
    const task = new Task(id, undefined, 'getResult');
    this.#links.fetch(task).then(
      (found) => found || task.fail(lost(id, this.#links.ids)),
      (error: Error) => task.fail(error instanceof RemoteError ? error : remote(error)),
    );
    return task;
  }

  /**
   * Frees results: this client's memory of these jobs, and what engines hold of them; 'all': of everything of this client
   * that has ended. A message id may be another client's. `getResult` cannot give it any more.
   * @throws Error naming a task that is outstanding, before anything is freed
   */
  async purge(jobs: JobSelection | 'all'): Promise<void> {
    const verbs: ControlVerb[] =
      jobs === 'all'
        ? [{ type: 'purge', client: this.#links.uuid }]
        : inBatches(this.#purged(jobs)).map((ids) => ({ type: 'purge', ids, others: true }));
    if (jobs === 'all') this.submitted.forgetEnded();
    await Promise.all(verbs.map((verb) => this.#links.controlEach(this.#links.ids, verb)));
  }

  #purged(jobs: JobSelection): TaskId[] {
    const list = Array.isArray(jobs) ? (jobs as readonly Job[]) : [jobs as Job];
    const foreign = list.filter((job) => this.#isForeign(job));
    const tasks = list.filter((job) => !this.#isForeign(job)).flatMap((job) => this.submitted.select(job));
    const open = tasks.find((task) => task.outcome === undefined);
    if (open !== undefined) throw new Error(`task '${open.id}' is outstanding: wait for it, or abort it, before purge`);
    for (const task of tasks) this.submitted.forget(task);
    return [...tasks.map((task) => task.wireId), ...foreign];
  }
}

function remote(cause: Error): RemoteError {
  return new RemoteError({ ename: cause.name, evalue: cause.message, cause });
}

/** Engines that a message names. */
const MOST_NAMED = 8;

function lost(id: TaskId, asked: readonly EngineId[]): RemoteError {
  const engines = asked.length > MOST_NAMED ? `${asked.length} engines` : asked.join(', ') || 'no engine is left';
  const evalue =
    `no engine holds the result of task '${id}' (asked: ${engines}): it was purged, made room for others, ` +
    'was of an engine that has ended, or never existed';
  return new RemoteError({ ename: 'ResultLost', evalue });
}
