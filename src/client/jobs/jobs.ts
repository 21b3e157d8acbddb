import type { TaskId } from '../../protocol/messages.ts';
import { Fifo } from '../../util/fifo.ts';
import type { Metadata, Task } from '../links/task.ts';
import { type Assembly, list, single } from '../results/assembly.ts';
import { AsyncResult } from '../results/async-result.ts';

/** A job by its message id, by its place in the history (negative from the end), or by its result. */
export type Job = TaskId | number | AsyncResult<unknown, unknown>;
/** One job or several. */
export type JobSelection = Job | readonly Job[];

const KEPT = 10_000;
/** Results over this (bytes) live as long as somebody holds their AsyncResult: a history must not keep gigabytes. */
const LARGE = 64 * 1024;

/** The sets of outstanding tasks of all clients in this process; those of clients that are gone are collected. */
const everywhere = new Set<WeakRef<ReadonlySet<Task>>>();

/** How many tasks of this process have not ended. */
export function openTasks(): number {
  let open = 0;
  for (const held of everywhere) {
    const tasks = held.deref();
    if (tasks === undefined) everywhere.delete(held);
    else open += tasks.size;
  }
  return open;
}

/** Tasks that one client has submitted, by message id and in order. Bounded: 10 000 finished ones are remembered. */
export class Jobs {
  readonly #abort: (tasks: readonly Task[]) => Promise<void>;
  readonly #tasks = new Map<TaskId, Task | WeakRef<Task>>();
  readonly #outstanding = new Set<Task>();
  readonly #finished = new Fifo<TaskId>();

  /** `abort` drops those of the tasks that have not started. */
  constructor(abort: (tasks: readonly Task[]) => Promise<void>) {
    this.#abort = abort;
    everywhere.add(new WeakRef(this.#outstanding));
  }

  /** Remembers a task; the oldest finished tasks are forgotten after 10 000. */
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

  /** Forgets a finished task whose value was handed over: streams keep nothing of what they gave. */
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

  /** Tasks that are remembered, in the order of submission. */
  get all(): Task[] {
    return this.history.flatMap((id) => this.find(id) ?? []);
  }

  /** Values of the tasks that have ended, or the errors of those that failed, by message id. */
  get results(): Map<TaskId, unknown> {
    const ended = this.all.flatMap(({ id, outcome }) => (outcome === undefined ? [] : [{ id, outcome }]));
    return new Map(ended.map(({ id, outcome }) => [id, outcome.ok ? outcome.value : outcome.error]));
  }

  /** Metadata of each remembered task, by message id. */
  get metadata(): Map<TaskId, Metadata> {
    return new Map(this.all.map((task) => [task.id, task.metadata]));
  }

  /** Message ids in the order of submission. */
  get history(): TaskId[] {
    return [...this.#tasks.keys()];
  }

  /** Message ids of tasks that have not ended. */
  get outstanding(): Set<TaskId> {
    return new Set([...this.#outstanding].map((task) => task.id));
  }

  /** Tasks of these jobs; none given: all that have not ended. @throws RangeError for an unknown id or place */
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
    return new AsyncResult({ label: tasks[0]?.label ?? 'result', tasks, assembly, abort: this.#abort });
  }

  /** Waits up to `ms` for these jobs: true when all are done. A failed task does not reject. @throws RangeError */
  async wait(jobs?: JobSelection, ms?: number): Promise<boolean> {
    return this.result(jobs).wait(ms);
  }
}
