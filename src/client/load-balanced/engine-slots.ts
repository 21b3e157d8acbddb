import type { EngineIdentity, Schedulable, SchedulingPolicy } from './schedulable.ts';

// How many milliseconds of work may wait on an engine behind its running task. A round trip costs a fraction of a
// millisecond: this much work hides it. Nothing waits behind work of an unknown length. Tasks that got behind work that
// was expected to be short are stolen back (work-stealing.ts).
const BACKLOG_MS = 2;
const UNKNOWN_MS = 1e9;
const LEAST_MS = 0.01;
// Beyond this many, the rate no longer grows (measured), and a death takes more tasks with it.
const MAX_IN_FLIGHT = 32;

/** The tasks in flight on one engine, how long they will take, and whether there is room for more. */
export class EngineSlots<T extends Schedulable> implements EngineIdentity {
  readonly id: number;
  readonly uuid: string;
  /** In the order of sending: the engine runs the first. */
  readonly #flight = new Set<T>();
  /** When it got its last task: turns, not time. */
  used = 0;
  /** It will end soon. */
  isDraining = false;
  #backlog = 0;
  #head: T | undefined;
  #blocked = false;

  /** `uuid`: the incarnation. */
  constructor(id: number, uuid: string) {
    this.id = id;
    this.uuid = uuid;
  }

  /** How many tasks were sent and have not ended. */
  get inFlight(): number {
    return this.#flight.size;
  }

  /** Is there room for a task of this policy? */
  hasRoom({ hwm, idleOnly }: SchedulingPolicy): boolean {
    if (this.inFlight === 0) return true;
    if (hwm !== 'auto') return hwm === 0 || this.inFlight < hwm;
    return !idleOnly && !this.#blocked && this.inFlight < MAX_IN_FLIGHT && this.#backlog <= BACKLOG_MS;
  }

  /** Adds a task that was sent and will run for about `expected` milliseconds. */
  enter(task: T, expected: number | undefined, turn: number): void {
    task.cost = Math.max(expected ?? UNKNOWN_MS, LEAST_MS);
    this.#flight.add(task);
    this.used = turn;
    this.#backlog += task.cost;
  }

  /** Adds `ms` to the cost of a task: its bytes have to cross. */
  weigh(task: T, ms: number): void {
    task.cost += ms;
    this.#backlog += ms;
  }

  /** Removes a task that has ended. */
  leave(task: T): void {
    this.#flight.delete(task);
    if (task === this.#head) this.#blocked = false;
    // Sums of fractions drift: an idle engine has exactly nothing to do.
    this.#backlog = this.inFlight === 0 ? 0 : this.#backlog - task.cost;
  }

  /** The tasks that were sent and have not ended, in the order of sending. */
  get tasks(): Iterable<T> {
    return this.#flight;
  }

  /** All but the first. */
  get behind(): T[] {
    return [...this.#flight].slice(1);
  }

  /**
   * The tasks behind a first one that has been running since the last look (head-of-line blocking); to be asked at
   * intervals. Until the first one ends, no other task is put behind it.
   */
  blocked(): T[] {
    const [head, ...behind] = this.#flight;
    this.#blocked = head !== undefined && head === this.#head;
    this.#head = head;
    return this.#blocked ? behind : [];
  }
}
