// EngineSeat: what the scheduler knows of one engine: the tasks that are in flight there, and how long they will take.
import type { Plan } from './lane.ts';

// How many milliseconds of work may wait on an engine behind its running task. A round trip costs a fraction of a
// millisecond: this much work hides it, and a task that goes to the wrong queue loses no more than this. Work of an
// unknown length has nothing behind it.
const BACKLOG_MS = 2;
const UNKNOWN_MS = 1e9;
const LEAST_MS = 0.01;
// Beyond this many, the rate no longer grows (measured), and a death takes more tasks with it.
const MAX_IN_FLIGHT = 32;

export class EngineSeat {
  readonly id: number;
  /** The incarnation. */
  readonly uuid: string;
  inFlight = 0;
  /** When it got its last task: turns, not time. */
  used = 0;
  #backlog = 0;

  constructor(id: number, uuid: string) {
    this.id = id;
    this.uuid = uuid;
  }

  /** Is there room for a task of this plan? */
  hasRoom({ hwm, idleOnly }: Plan): boolean {
    if (this.inFlight === 0) return true;
    if (hwm !== 'auto') return hwm === 0 || this.inFlight < hwm;
    return !idleOnly && this.inFlight < MAX_IN_FLIGHT && this.#backlog <= BACKLOG_MS;
  }

  /** A task of about `estimate` milliseconds was sent; gives what to hand to `leave`. */
  enter(estimate: number | undefined, turn: number): number {
    const cost = Math.max(estimate ?? UNKNOWN_MS, LEAST_MS);
    this.inFlight++;
    this.used = turn;
    this.#backlog += cost;
    return cost;
  }

  /** The task that was just sent takes `ms` more than thought (its bytes). */
  weigh(ms: number): void {
    this.#backlog += ms;
  }

  leave(cost: number): void {
    this.inFlight--;
    // Sums of fractions drift: an idle engine has exactly nothing to do.
    this.#backlog = this.inFlight === 0 ? 0 : this.#backlog - cost;
  }
}
