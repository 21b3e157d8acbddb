// Lane: queued tasks that may go to the same engines, in order. An engine that is not for the first is for none.
import { Fifo } from '../../util/fifo.ts';
import type { EngineSeat } from './engine-slots.ts';

/** What the tasks of one call have in common. */
export interface Plan {
  /** Higher first. */
  readonly priority: number;
  /** How many engines may fail a task before its failure counts. */
  readonly retries: number;
  /** Ids of the engines that may be used; undefined = all, also those to come. */
  readonly targets: ReadonlySet<number> | undefined;
  /** Tasks in flight per engine: a number, 0 for no limit, or 'auto' (seat.ts). */
  readonly hwm: number | 'auto';
  /** Waits in this queue and in no engine's: a queue timeout must see the whole wait. */
  readonly idleOnly: boolean;
}

/** A task as the scheduler sees it; the fields are the scheduler's to write. */
export interface Schedulable {
  readonly plan: Plan;
  state: 'waiting' | 'queued' | 'sent' | 'ended';
  /** Place in the queue. */
  turn: number;
  /** Failed attempts so far. */
  failures: number;
  /** Incarnations that it must not run on again. */
  barred: ReadonlySet<string> | undefined;
  /** The only incarnations that it may run on (`follow`). */
  pinned: ReadonlySet<string> | undefined;
  /** Where it is, while `sent`. */
  seat: EngineSeat<Schedulable> | undefined;
  /** How often it was taken back from an engine before it started there. */
  recalls: number;
  /** Milliseconds that it was thought to take when it was sent. */
  cost: number;
}

const text = (set: ReadonlySet<unknown> | undefined) => (set === undefined ? '*' : [...set].sort().join());

/** Equal for tasks that may go to the same engines; those that were taken back keep their turn, in a lane of their own. */
export function laneKey({ plan, barred, pinned, recalls }: Schedulable): string {
  return `${recalls > 0}|${plan.priority}|${plan.hwm}|${plan.idleOnly}|${text(plan.targets)}|${text(barred)}|${text(pinned)}`;
}

type Terms = Pick<Schedulable, 'plan' | 'barred' | 'pinned'>;

/** Is the engine one of those that the call may use? */
export function isTarget({ plan }: Terms, seat: EngineSeat<Schedulable>): boolean {
  return plan.targets === undefined || plan.targets.has(seat.id);
}

/** Is it one of those that the task has to follow? */
export function isBound({ pinned }: Terms, seat: EngineSeat<Schedulable>): boolean {
  return pinned === undefined || pinned.has(seat.uuid);
}

/** May such a task run there at all? */
export function admits(terms: Terms, seat: EngineSeat<Schedulable>): boolean {
  return isTarget(terms, seat) && isBound(terms, seat) && !terms.barred?.has(seat.uuid);
}

export class Lane<T extends Schedulable> {
  readonly key: string;
  /** What its tasks have in common. */
  readonly terms: Terms;
  readonly #queue = new Fifo<T>();

  constructor(key: string, { plan, barred, pinned }: T) {
    this.key = key;
    this.terms = { plan, barred, pinned };
  }

  push(task: T): void {
    this.#queue.push(task);
  }

  /** The next task; those that were dropped meanwhile are passed over. */
  get first(): T | undefined {
    for (let task = this.#queue.first; task !== undefined; task = this.#queue.first) {
      if (task.state === 'queued') return task;
      this.#queue.shift();
    }
    return undefined;
  }

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
