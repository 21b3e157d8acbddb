import { Fifo } from '../../util/fifo.ts';
import type { Constraints, Schedulable } from './schedulable.ts';

const text = (set: ReadonlySet<unknown> | undefined) => (set === undefined ? '*' : [...set].sort().join());

/** Equal for tasks of one queue class. Stolen tasks keep their turn, in a class of their own. */
export function classKey({ policy, excluded, pinned, steals }: Schedulable): string {
  const { priority, hwm, idleOnly, targets } = policy;
  return `${steals > 0}|${priority}|${hwm}|${idleOnly}|${text(targets)}|${text(excluded)}|${text(pinned)}`;
}

/** Queued tasks that may go to the same engines, in order. An engine that cannot take the first can take none. */
export class QueueClass<T extends Schedulable> {
  readonly key: string;
  /** The engines that may run its tasks. */
  readonly constraints: Constraints;
  readonly #queue = new Fifo<T>();

  /** The class of this task and of all with the same key. */
  constructor(key: string, { policy, excluded, pinned }: T) {
    this.key = key;
    this.constraints = { policy, excluded, pinned };
  }

  /** Puts a task at the end. */
  push(task: T): void {
    this.#queue.push(task);
  }

  /** The next task. Tasks that were withdrawn meanwhile are passed over. */
  get first(): T | undefined {
    for (let task = this.#queue.first; task !== undefined; task = this.#queue.first) {
      if (task.state === 'queued') return task;
      this.#queue.shift();
    }
    return undefined;
  }

  /** How many there are, perhaps with some that were withdrawn. */
  get length(): number {
    return this.#queue.length;
  }

  /** Takes the next task out. */
  shift(): T | undefined {
    const task = this.first;
    this.#queue.shift();
    return task;
  }

  /** Every queued task, in order. */
  list(): T[] {
    const all: T[] = [];
    for (let task = this.shift(); task !== undefined; task = this.shift()) all.push(task);
    for (const task of all) this.push(task);
    return all;
  }
}
