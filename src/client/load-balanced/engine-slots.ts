// EngineSeat: what the scheduler knows of one engine: the tasks that are in flight there, and how long they will take.
import type { Plan, Schedulable } from './queue-class.ts';

// How many milliseconds of work may wait on an engine behind its running task. A round trip costs a fraction of a
// millisecond: this much work hides it. Work of an unknown length has nothing behind it, and what got behind work that
// was thought to be short is taken back (recaller.ts).
const BACKLOG_MS = 2;
const UNKNOWN_MS = 1e9;
const LEAST_MS = 0.01;
// Beyond this many, the rate no longer grows (measured), and a death takes more tasks with it.
const MAX_IN_FLIGHT = 32;

export class EngineSeat<T extends Schedulable> {
  readonly id: number;
  /** The incarnation. */
  readonly uuid: string;
  /** In the order of sending: the engine runs the first. */
  readonly #flight = new Set<T>();
  /** When it got its last task: turns, not time. */
  used = 0;
  #backlog = 0;
  #head: T | undefined;
  #stalled = false;

  constructor(id: number, uuid: string) {
    this.id = id;
    this.uuid = uuid;
  }

  get inFlight(): number {
    return this.#flight.size;
  }

  /** Is there room for a task of this plan? */
  hasRoom({ hwm, idleOnly }: Plan): boolean {
    if (this.inFlight === 0) return true;
    if (hwm !== 'auto') return hwm === 0 || this.inFlight < hwm;
    return !idleOnly && !this.#stalled && this.inFlight < MAX_IN_FLIGHT && this.#backlog <= BACKLOG_MS;
  }

  /** A task of about `estimate` milliseconds was sent. */
  enter(task: T, estimate: number | undefined, turn: number): void {
    task.cost = Math.max(estimate ?? UNKNOWN_MS, LEAST_MS);
    this.#flight.add(task);
    this.used = turn;
    this.#backlog += task.cost;
  }

  /** The task takes `ms` more than thought: its bytes have to cross. */
  weigh(task: T, ms: number): void {
    task.cost += ms;
    this.#backlog += ms;
  }

  leave(task: T): void {
    this.#flight.delete(task);
    if (task === this.#head) this.#stalled = false;
    // Sums of fractions drift: an idle engine has exactly nothing to do.
    this.#backlog = this.inFlight === 0 ? 0 : this.#backlog - task.cost;
  }

  /**
   * To be asked at intervals: the tasks behind one that has been running since the last time. Until that one ends, no
   * other is put behind it.
   */
  stuck(): T[] {
    const [head, ...behind] = this.#flight;
    this.#stalled = head !== undefined && head === this.#head;
    this.#head = head;
    return this.#stalled ? behind : [];
  }
}
