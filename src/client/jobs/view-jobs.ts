// The half of a view that looks after jobs: the client's, limited to the view's engines.
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { Session } from '../links/session.ts';
import type { Task } from '../links/task.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { Targets } from '../targets.ts';
import type { AbortOptions } from './client-jobs.ts';
import type { JobSelection, Jobs } from './jobs.ts';
import type { QueueOptions } from './queue-status.ts';

/** What views ask of their client beyond sending requests. */
export interface ViewSession extends Session {
  readonly jobs: Jobs;
  abort(jobs?: JobSelection, options?: AbortOptions): Promise<void>;
  wait(jobs?: JobSelection, ms?: number): Promise<boolean>;
  queueStatus(targets?: Targets, options?: QueueOptions): Promise<unknown>;
  getResult(job?: TaskId | number): AsyncResult<unknown, unknown>;
  purge(jobs: JobSelection): Promise<void>;
  shutdown(targets?: Targets): Promise<void>;
  interrupt(targets?: Targets, options?: { grace?: number }): Promise<void>;
}

export abstract class ViewJobs<Status> {
  abstract readonly targets: Targets;
  /** The engine ids that a call made now would go to. */
  abstract readonly ids: EngineId[];
  protected abstract readonly session: ViewSession;

  #mine(): Task[] {
    const ids = this.ids;
    return this.session.jobs.all.filter(({ engine }) => engine !== undefined && ids.includes(engine.id));
  }

  /** Message ids of this client's tasks on these engines, in the order of submission. */
  get history(): TaskId[] {
    return this.#mine().map((task) => task.id);
  }

  /** Those of them that have not ended. */
  get outstanding(): Set<TaskId> {
    return new Set(this.#mine().flatMap((task) => (task.outcome === undefined ? [task.id] : [])));
  }

  /** Drops what is queued on these engines: these jobs, or all of this client. Running tasks finish. */
  abort(jobs?: JobSelection): Promise<void> {
    return this.session.abort(jobs, { targets: this.ids });
  }

  /** Waits up to `ms` for these jobs, or for all of this client on these engines: true when all are done. */
  wait(jobs?: JobSelection, ms?: number): Promise<boolean> {
    return this.session.wait(jobs ?? [...this.outstanding], ms);
  }

  /** What waits, runs and has ended: of one engine its object, of several an object by id. As `client.queueStatus`. */
  queueStatus(options?: QueueOptions): Promise<Status> {
    return this.session.queueStatus(this.targets, options) as Promise<Status>;
  }

  /** The result of a job again: by message id, or by place in this view's history (default -1, the last). */
  getResult(job: TaskId | number = -1): AsyncResult<unknown, unknown> {
    const id = typeof job === 'number' ? this.history.at(job) : job;
    if (id === undefined) throw new RangeError(`No such job: ${job}`);
    return this.session.getResult(id);
  }

  /** Frees what has ended on these engines, here and there: these jobs, or all of this client's. */
  purge(jobs?: JobSelection): Promise<void> {
    const outstanding = this.outstanding;
    return this.session.purge(jobs ?? this.history.filter((id) => !outstanding.has(id)));
  }

  /** Stops these engines for good. */
  shutdown(): Promise<void> {
    return this.session.shutdown(this.ids);
  }

  /** Ends what runs on these engines; they are replaced if it does not stop within `grace` ms. */
  interrupt(options: { grace?: number } = {}): Promise<void> {
    return this.session.interrupt(this.ids, options);
  }
}
