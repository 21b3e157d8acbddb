import type { TaskId } from '../../src/protocol/messages.ts';
import type { QueuedTask } from './queue-event.ts';

/** A queued task with its place in the order of arrival. */
export interface ArrivedTask<C> extends QueuedTask<C> {
  readonly arrival: number;
}

/** Tasks in order of arrival; any of them may leave. */
class Line<C> {
  readonly #tasks = new Map<TaskId, ArrivedTask<C>>();
  // Kept from task to task: a fresh iterator walks over all entries that have been deleted before the first live one.
  #cursor = this.#tasks.values();
  #first: ArrivedTask<C> | undefined;

  get size(): number {
    return this.#tasks.size;
  }

  get first(): ArrivedTask<C> | undefined {
    if (this.#tasks.size === 0) return undefined;
    while (this.#first === undefined || this.#tasks.get(this.#first.message.id) !== this.#first) {
      const step = this.#cursor.next();
      // An iterator that has come to its end stays there, whatever is added later.
      if (step.done) this.#cursor = this.#tasks.values();
      else this.#first = step.value;
    }
    return this.#first;
  }

  add(task: ArrivedTask<C>): void {
    this.#tasks.set(task.message.id, task);
  }

  get(id: TaskId): ArrivedTask<C> | undefined {
    return this.#tasks.get(id);
  }

  delete(id: TaskId): void {
    this.#tasks.delete(id);
  }

  all(): Iterable<ArrivedTask<C>> {
    return this.#tasks.values();
  }
}

/**
 * The tasks that wait, fair between clients: their lines take turns, two tasks each, so that one client's hundred thousand
 * tasks do not keep another waiting. The tasks of one client stay in order. So do the tasks of all calls on several
 * engines: those may wait for each other, and two engines that took two such calls in different orders would wait for ever.
 */
export class FairQueue<C> {
  /** Lines with tasks, by client, in the order of their turns. */
  readonly #lines = new Map<string, Line<C>>();
  /** The tasks of calls on several engines. */
  readonly #shared = new Line<C>();
  #front: ArrivedTask<C> | undefined;
  /** The task of a queue that has one. It is in no line: a line for each short task cost more than the rest of the queue. */
  #only: ArrivedTask<C> | undefined;
  readonly #tasksPerTurn: number;
  /** Tasks that the first line has had in this turn. */
  #taken = 0;

  /** `tasksPerTurn`: so many of one client run before the next one's. */
  constructor(tasksPerTurn = 2) {
    this.#tasksPerTurn = tasksPerTurn;
  }

  /** The task that would start next. It stays so until it leaves. */
  get front(): ArrivedTask<C> | undefined {
    if (this.#only !== undefined) return this.#only;
    const { id } = this.#front?.message ?? {};
    if (id === undefined || this.get(id) !== this.#front) this.#front = this.#choose();
    return this.#front;
  }

  /** True if a task that came before this one waits. */
  overtakes({ arrival }: ArrivedTask<C>): boolean {
    if (this.#lines.size < 2) return false;
    for (const line of this.#lines.values()) if ((line.first?.arrival ?? arrival) < arrival) return true;
    return false;
  }

  add(task: ArrivedTask<C>): void {
    const only = this.#only;
    if (only === undefined && this.#lines.size === 0) {
      this.#only = task;
      return;
    }
    this.#only = undefined;
    if (only !== undefined) this.#append(only);
    this.#append(task);
  }

  #append(task: ArrivedTask<C>): void {
    const client = clientOf(task.message.id);
    const line = this.#lines.get(client) ?? new Line<C>();
    if (line.size === 0) this.#lines.set(client, line);
    line.add(task);
    if (task.message.call !== undefined) this.#shared.add(task);
  }

  get(id: TaskId): ArrivedTask<C> | undefined {
    if (this.#only !== undefined) return this.#only.message.id === id ? this.#only : undefined;
    return this.#lines.get(clientOf(id))?.get(id);
  }

  /** The front leaves; after some tasks its client's turn is over. */
  take(): ArrivedTask<C> | undefined {
    const task = this.front;
    if (task === undefined) return undefined;
    if (task === this.#only) {
      this.#only = undefined;
      this.#taken = 0;
      return task;
    }
    const client = clientOf(task.message.id);
    const line = this.#lines.get(client) as Line<C>;
    this.delete(task.message.id);
    this.#turn(client, line);
    return task;
  }

  // A line goes to the end of the map when its turn is over.
  #turn(client: string, line: Line<C>): void {
    if (++this.#taken < this.#tasksPerTurn && line.size > 0) return;
    this.#taken = 0;
    if (this.#lines.size > 1 && this.#lines.delete(client)) this.#lines.set(client, line);
  }

  delete(id: TaskId): void {
    if (this.#only !== undefined) {
      if (this.#only.message.id === id) this.#only = undefined;
      return;
    }
    const client = clientOf(id);
    const line = this.#lines.get(client);
    line?.delete(id);
    this.#shared.delete(id);
    if (line?.size === 0) this.#lines.delete(client);
  }

  /** All of them, client by client. */
  all(): ArrivedTask<C>[] {
    if (this.#only !== undefined) return [this.#only];
    return [...this.#lines.values()].flatMap((line) => [...line.all()]);
  }

  #choose(): ArrivedTask<C> | undefined {
    for (const { first } of this.#lines.values()) {
      if (first?.message.call === undefined || first === this.#shared.first) return first;
    }
    return undefined;
  }
}

/** The uuid of the client that made this task. */
export function clientOf(id: TaskId): string {
  return id.slice(0, id.lastIndexOf(':'));
}
