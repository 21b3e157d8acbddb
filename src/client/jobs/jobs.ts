// Jobs: what this client has submitted, by message id and in order.

import type { TaskId } from '../../protocol/messages.ts';
import { Fifo } from '../../util/fifo.ts';
import type { Session } from '../links/session.ts';
import type { Task } from '../links/task.ts';
import { type Assembly, list, single } from '../results/assembly.ts';
import { AsyncResult } from '../results/async-result.ts';

/** A message id, a place in the history (negative from the end), a result, or several of them; none = outstanding. */
export type Job = TaskId | number | AsyncResult<unknown, unknown>;
export type JobSelection = Job | readonly Job[];

const KEPT = 10_000;
/** Results over this (bytes) live as long as somebody holds their AsyncResult: a history must not keep gigabytes. */
const LARGE = 64 * 1024;

export class Jobs {
  readonly #session: Session;
  readonly #tasks = new Map<TaskId, Task | WeakRef<Task>>();
  readonly #outstanding = new Set<Task>();
  readonly #finished = new Fifo<TaskId>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Bounded: the oldest finished tasks are forgotten after 10 000. */
  add(task: Task): void {
    this.#tasks.set(task.id, task);
    this.#outstanding.add(task);
    task.onEnd(this.#ended);
  }

  readonly #ended = (task: Task): void => {
    this.#outstanding.delete(task);
    if (task.bytes > LARGE) this.#tasks.set(task.id, new WeakRef(task));
    this.#finished.push(task.id);
    if (this.#finished.length > KEPT) this.#tasks.delete(this.#finished.shift() as TaskId);
  };

  /** A finished task whose value was handed over: streams keep nothing of what they gave. */
  forget(task: Task): void {
    this.#tasks.delete(task.id);
  }

  /** The task with this id, unless it has been forgotten. */
  find(id: TaskId): Task | undefined {
    const held = this.#tasks.get(id);
    return held instanceof WeakRef ? held.deref() : held;
  }

  /** Forgets everything that has ended. */
  forgetEnded(): void {
    const open = this.outstanding;
    for (const id of this.#tasks.keys()) if (!open.has(id)) this.#tasks.delete(id);
  }

  /** What is remembered, in the order of submission. */
  get all(): Task[] {
    return this.history.flatMap((id) => this.find(id) ?? []);
  }

  /** Message ids in the order of submission. */
  get history(): TaskId[] {
    return [...this.#tasks.keys()];
  }

  get outstanding(): Set<TaskId> {
    return new Set([...this.#outstanding].map((task) => task.id));
  }

  /** @throws RangeError for an unknown id or place */
  select(jobs?: JobSelection): Task[] {
    if (jobs === undefined) return [...this.#outstanding];
    const all = (Array.isArray(jobs) ? jobs : [jobs]) as readonly Job[];
    return all.flatMap((job) => this.#tasksOf(job));
  }

  #tasksOf(job: Job): readonly Task[] {
    if (job instanceof AsyncResult) return job.tasks;
    const id = typeof job === 'number' ? this.history.at(job) : job;
    const task = id === undefined ? undefined : this.find(id);
    if (task === undefined) throw new RangeError(`No such job: ${job}`);
    return [task];
  }

  /** One result over these jobs. */
  result(jobs?: JobSelection): AsyncResult<unknown[], unknown> {
    return this.resultOf(this.select(jobs));
  }

  /** One result over these tasks. */
  resultOf(tasks: readonly Task[]): AsyncResult<unknown[], unknown> {
    return this.#result(tasks, list(tasks.length));
  }

  /** The result of one task: its bare value. */
  single(task: Task): AsyncResult<unknown, unknown> {
    return this.#result([task], single());
  }

  #result<T>(tasks: readonly Task[], assembly: Assembly<T, unknown>): AsyncResult<T, unknown> {
    const abort = (some: readonly Task[]) => this.#session.abortTasks(some);
    return new AsyncResult({ label: tasks[0]?.label ?? 'result', tasks, assembly, abort });
  }

  /** Waits up to `ms` for these jobs: true when all are done. Never rejects for a failed task. */
  async wait(jobs?: JobSelection, ms?: number): Promise<boolean> {
    return this.result(jobs).wait(ms);
  }
}
