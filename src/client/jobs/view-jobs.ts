import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { Task } from '../links/task.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { Targets } from '../targets.ts';
import type { ClientJobs } from './client-jobs.ts';
import type { JobSelection } from './jobs.ts';
import type { QueueOptions } from './queue-status.ts';

/** Engines whose jobs are looked at. */
export interface JobTargets {
  readonly targets: Targets;
  /** The engine ids that `targets` means now. */
  readonly ids: readonly EngineId[];
}

/** A client's jobs, limited to the engines of a view. */
export class ViewJobs {
  readonly #jobs: ClientJobs;
  readonly #view: JobTargets;

  constructor(jobs: ClientJobs, view: JobTargets) {
    this.#jobs = jobs;
    this.#view = view;
  }

  #mine(): Task[] {
    const { ids } = this.#view;
    return this.#jobs.submitted.all.filter(({ engine }) => engine !== undefined && ids.includes(engine.id));
  }

  /** Message ids of this client's tasks on these engines, in the order of submission. */
  get history(): TaskId[] {
    return this.#mine().map((task) => task.id);
  }

  /** Message ids of those that have not ended. */
  get outstanding(): Set<TaskId> {
    return new Set(this.#mine().flatMap((task) => (task.outcome === undefined ? [task.id] : [])));
  }

  /** Drops what is queued on these engines: these jobs, or all of this client. Running tasks finish. */
  abort(jobs?: JobSelection): Promise<void> {
    return this.#jobs.abort(jobs, { targets: this.#view.ids });
  }

  /** Waits up to `ms` for these jobs, or for all of this client on these engines: true when all are done. */
  wait(jobs?: JobSelection, ms?: number): Promise<boolean> {
    return this.#jobs.submitted.wait(jobs ?? [...this.outstanding], ms);
  }

  /** Counts of one engine as its object, of several as an object by id. See `ClientJobs.queueStatus`. */
  queueStatus(options?: QueueOptions): Promise<unknown> {
    return this.#jobs.queueStatus(this.#view.targets, options);
  }

  /** The result of a job again: by message id, or by place in this history. @throws RangeError for no such place */
  getResult(job: TaskId | number = -1): AsyncResult<unknown, unknown> {
    const id = typeof job === 'number' ? this.history.at(job) : job;
    if (id === undefined) throw new RangeError(`No such job: ${job}`);
    return this.#jobs.getResult(id);
  }

  /** Frees what has ended on these engines, here and there: these jobs, or all of this client's. */
  purge(jobs?: JobSelection): Promise<void> {
    const outstanding = this.outstanding;
    return this.#jobs.purge(jobs ?? this.history.filter((id) => !outstanding.has(id)));
  }
}
