// The sans-I/O core of load balancing: tasks and engines come and go, and `dispatches` says which task goes where. It
// knows no socket, no clock and no AsyncResult; balancer.ts is its rim.

import { EngineSeat } from './engine-slots.ts';
import { admits, isBound, isTarget, Lane, laneKey, type Plan, type Schedulable } from './queue-class.ts';

export interface Dispatch<T> {
  readonly task: T;
  readonly seat: EngineSeat<Schedulable>;
}

/**
 * How an attempt ended. `failed` counts against the retries, `unmet` (a predicate said no) does not; `recalled` never
 * began; `final` is never tried again, however it ended.
 */
export type AttemptEnd = 'final' | 'failed' | 'unmet' | 'recalled';

/**
 * Why no live engine may take a task: there is none among its targets, the ones that it must follow are gone, or each
 * has failed it already.
 */
export type Dead = 'no-engines' | 'gone' | 'all-barred';

/** What a task probably takes, in milliseconds. */
export type Estimate<T> = (task: T) => number | undefined;

/** Leastload: the engine with the fewest tasks in flight, among equals the one that was used longest ago. */
export class Scheduler<T extends Schedulable> {
  readonly #estimate: Estimate<T>;
  readonly #seats = new Map<string, EngineSeat<T>>();
  readonly #lanes = new Map<string, Lane<T>>();
  // Tasks of one plan nearly always go to its first lane: no key is built for them.
  readonly #home = new WeakMap<Plan, Lane<T>>();
  #turn = 0;

  constructor(estimate: Estimate<T> = () => undefined) {
    this.#estimate = estimate;
  }

  get engines(): readonly EngineSeat<T>[] {
    return [...this.#seats.values()];
  }

  engineUp(id: number, uuid: string): void {
    if (!this.#seats.has(uuid)) this.#seats.set(uuid, new EngineSeat<T>(id, uuid));
  }

  /** Its tasks end one by one, through `ended`. */
  engineDown(uuid: string): void {
    this.#seats.delete(uuid);
  }

  /** A task is ready to run. */
  add(task: T): void {
    task.turn = ++this.#turn;
    this.#queue(task);
  }

  #queue(task: T): void {
    task.state = 'queued';
    this.#laneOf(task).push(task);
  }

  #laneOf(task: T): Lane<T> {
    const plain = task.barred === undefined && task.pinned === undefined && task.recalls === 0;
    const home = plain ? this.#home.get(task.plan) : undefined;
    const key = home?.key ?? laneKey(task);
    const lane = this.#lanes.get(key) ?? home ?? new Lane<T>(key, task);
    this.#lanes.set(key, lane);
    if (plain && home !== lane) this.#home.set(task.plan, lane);
    return lane;
  }

  /** The task is withdrawn: false when an engine has it, or it has ended. */
  withdraw(task: T): boolean {
    if (task.state !== 'waiting' && task.state !== 'queued') return false;
    task.state = 'ended';
    return true;
  }

  /** An attempt is over. True: the task is queued again, for another engine. */
  ended(task: T, end: AttemptEnd): boolean {
    const seat = task.seat as EngineSeat<Schedulable>;
    seat.leave(task);
    task.seat = undefined;
    task.state = 'ended';
    if (end === 'final') return false;
    if (end === 'failed' && ++task.failures > task.plan.retries) return false;
    if (end === 'recalled') task.recalls++;
    else task.barred = new Set([...(task.barred ?? []), seat.uuid]);
    if (end === 'recalled') this.#queue(task);
    else this.add(task);
    return true;
  }

  /** Everything that can be sent now, in order: higher priorities first, then the order of arrival. */
  dispatches(): Dispatch<T>[] {
    const sent: Dispatch<T>[] = [];
    const full = new Set<Lane<T>>();
    for (let lane = this.#nextLane(full); lane !== undefined; lane = this.#nextLane(full)) {
      const seat = this.#pick(lane);
      if (seat === undefined) full.add(lane);
      else sent.push(this.#send(lane.shift() as T, seat));
    }
    return sent;
  }

  #nextLane(full: ReadonlySet<Lane<T>>): Lane<T> | undefined {
    let best: Lane<T> | undefined;
    for (const lane of this.#lanes.values()) {
      if (full.has(lane)) continue;
      if (lane.first === undefined) this.#lanes.delete(lane.key);
      else if (best === undefined || isBefore(lane, best)) best = lane;
    }
    return best;
  }

  #pick(lane: Lane<T>): EngineSeat<T> | undefined {
    let best: EngineSeat<T> | undefined;
    for (const seat of this.#seats.values()) {
      if (!seat.hasRoom(lane.terms.plan) || !admits(lane.terms, seat)) continue;
      if (best === undefined || isLess(seat, best)) best = seat;
    }
    return best;
  }

  #send(task: T, seat: EngineSeat<T>): Dispatch<T> {
    task.state = 'sent';
    task.seat = seat;
    seat.enter(task, this.#estimate(task), ++this.#turn);
    return { task, seat };
  }

  /** A sent task takes `ms` more than its estimate said: its bytes have to cross. */
  weigh(task: T, ms: number): void {
    task.seat?.weigh(task, ms);
  }

  /** Is anything on an engine behind another task? Then `stalls` wants to be asked at intervals. */
  get pipelining(): boolean {
    for (const seat of this.#seats.values()) if (seat.inFlight > 1) return true;
    return false;
  }

  /**
   * The tasks to take back: they are on an engine behind one that turned out to be long, and another engine could have
   * them. What was asked for by number stays.
   */
  stalls(): T[] {
    return this.engines.flatMap((seat) => seat.stuck().filter((task) => this.#couldMove(task, seat)));
  }

  #couldMove(task: T, from: EngineSeat<T>): boolean {
    if (task.plan.hwm !== 'auto') return false;
    return this.engines.some((seat) => seat !== from && admits(task, seat));
  }

  /** The queued tasks that no live engine may take, and why. They stay queued: `withdraw` what shall not wait. */
  hopeless(): [task: T, why: Dead][] {
    return [...this.#lanes.values()].flatMap((lane) => {
      const why = this.#dead(lane);
      return why === undefined ? [] : lane.list().map((task): [T, Dead] => [task, why]);
    });
  }

  #dead(lane: Lane<T>): Dead | undefined {
    const targeted = this.engines.filter((seat) => isTarget(lane.terms, seat));
    if (targeted.length === 0) return 'no-engines';
    const bound = targeted.filter((seat) => isBound(lane.terms, seat));
    if (bound.length === 0) return 'gone';
    return bound.some((seat) => admits(lane.terms, seat)) ? undefined : 'all-barred';
  }
}

function isBefore<T extends Schedulable>(a: Lane<T>, b: Lane<T>): boolean {
  if (a.terms.plan.priority !== b.terms.plan.priority) return a.terms.plan.priority > b.terms.plan.priority;
  return (a.first as T).turn < (b.first as T).turn;
}

function isLess(a: EngineSeat<Schedulable>, b: EngineSeat<Schedulable>): boolean {
  return a.inFlight !== b.inFlight ? a.inFlight < b.inFlight : a.used < b.used;
}
