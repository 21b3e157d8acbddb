import type { BacklogSums } from '../../protocol/messages/backlog.ts';
import { EngineSlots } from './engine-slots.ts';
import { classKey, QueueClass } from './queue-class.ts';
import {
  admits,
  type Constraints,
  type EngineIdentity,
  isFollowed,
  isTarget,
  type Schedulable,
  type SchedulingPolicy,
} from './schedulable.ts';

/** The instruction to send a task to an engine. */
export interface Dispatch<T> {
  readonly task: T;
  readonly engine: EngineIdentity;
}

/**
 * How an attempt ended. `failed` counts against the retries, `unmet` (a predicate said no) does not; `stolen` never
 * began; `final` is never tried again, however it ended.
 */
export type AttemptEnd = 'final' | 'failed' | 'unmet' | 'stolen';

/**
 * Why no live engine may take a task: there is none among its targets, the ones that it must follow are gone, or each
 * has failed it already.
 */
export type Unplaceable = 'no-engines' | 'gone' | 'all-excluded';

/** The milliseconds that a task will probably take; undefined while nobody knows. */
export type ExpectedDuration<T> = (task: T) => number | undefined;

/**
 * The sans-I/O core of load balancing: it is told of tasks and engines that come and go, and `dispatches` says which
 * task goes where. It has no socket and no clock. The policy is leastload: the engine with the fewest tasks in flight,
 * among equals the one that was used longest ago.
 */
export class Scheduler<T extends Schedulable> {
  readonly #expected: ExpectedDuration<T>;
  readonly #slots = new Map<string, EngineSlots<T>>();
  readonly #classes = new Map<string, QueueClass<T>>();
  // Tasks of one policy nearly always go to its first class: no key is built for them.
  readonly #home = new WeakMap<SchedulingPolicy, QueueClass<T>>();
  #turn = 0;

  constructor(expected: ExpectedDuration<T> = () => undefined) {
    this.#expected = expected;
  }

  /** The live engines. */
  get engines(): readonly EngineIdentity[] {
    return this.#all;
  }

  get #all(): EngineSlots<T>[] {
    return [...this.#slots.values()];
  }

  /** An engine joined. */
  engineUp(id: number, uuid: string): void {
    if (!this.#slots.has(uuid)) this.#slots.set(uuid, new EngineSlots<T>(id, uuid));
  }

  /** An engine left; its tasks end one by one, through `ended`. */
  engineDown(uuid: string): void {
    this.#slots.delete(uuid);
  }

  /** An engine will end soon: it gets only tasks that no other may have. */
  engineDraining(uuid: string): void {
    const slots = this.#slots.get(uuid);
    if (slots !== undefined) slots.isDraining = true;
  }

  /** It will not end, after all. */
  engineStays(uuid: string): void {
    const slots = this.#slots.get(uuid);
    if (slots !== undefined) slots.isDraining = false;
  }

  /** A task is ready to run. */
  add(task: T): void {
    task.turn = ++this.#turn;
    this.#queue(task);
  }

  #queue(task: T): void {
    task.state = 'queued';
    this.#classOf(task).push(task);
  }

  #classOf(task: T): QueueClass<T> {
    const plain = task.excluded === undefined && task.pinned === undefined && task.steals === 0;
    const home = plain ? this.#home.get(task.policy) : undefined;
    const key = home?.key ?? classKey(task);
    const found = this.#classes.get(key) ?? home ?? new QueueClass<T>(key, task);
    this.#classes.set(key, found);
    if (plain && home !== found) this.#home.set(task.policy, found);
    return found;
  }

  /** Withdraws the task: false when an engine has it, or it has ended. */
  withdraw(task: T): boolean {
    if (task.state !== 'waiting' && task.state !== 'queued') return false;
    task.state = 'ended';
    return true;
  }

  /** An attempt is over. True: the task is queued again. A task that was stolen keeps its turn. */
  ended(task: T, end: AttemptEnd): boolean {
    const { uuid } = task.runsOn as EngineIdentity;
    this.#slots.get(uuid)?.leave(task);
    task.runsOn = undefined;
    task.state = 'ended';
    if (end === 'final') return false;
    if (end === 'failed' && ++task.failures > task.policy.retries) return false;
    if (end === 'stolen') {
      task.steals++;
      this.#queue(task);
    } else {
      task.excluded = new Set([...(task.excluded ?? []), uuid]);
      this.add(task);
    }
    return true;
  }

  /** Everything that can be sent now, in order: higher priorities first, then the order of arrival. */
  dispatches(): Dispatch<T>[] {
    const sent: Dispatch<T>[] = [];
    const full = new Set<QueueClass<T>>();
    for (let next = this.#nextClass(full); next !== undefined; next = this.#nextClass(full)) {
      const slots = this.#pick(next);
      if (slots === undefined) full.add(next);
      else sent.push(this.#send(next.shift() as T, slots));
    }
    return sent;
  }

  #nextClass(full: ReadonlySet<QueueClass<T>>): QueueClass<T> | undefined {
    let best: QueueClass<T> | undefined;
    for (const candidate of this.#classes.values()) {
      if (full.has(candidate)) continue;
      if (candidate.first === undefined) this.#classes.delete(candidate.key);
      else if (best === undefined || isBefore(candidate, best)) best = candidate;
    }
    return best;
  }

  #pick({ constraints }: QueueClass<T>): EngineSlots<T> | undefined {
    let best: EngineSlots<T> | undefined;
    for (const slots of this.#slots.values()) {
      if (!slots.hasRoom(constraints.policy) || !admits(constraints, slots)) continue;
      if (slots.isDraining && this.#hasLasting(constraints)) continue;
      if (best === undefined || isLess(slots, best)) best = slots;
    }
    return best;
  }

  #hasLasting(constraints: Constraints): boolean {
    return this.#all.some((slots) => !slots.isDraining && admits(constraints, slots));
  }

  #send(task: T, slots: EngineSlots<T>): Dispatch<T> {
    task.state = 'sent';
    task.runsOn = slots;
    slots.enter(task, this.#expected(task), ++this.#turn);
    return { task, engine: slots };
  }

  /** A sent task takes `ms` more than expected: its bytes have to cross. */
  weigh(task: T, ms: number): void {
    if (task.runsOn !== undefined) this.#slots.get(task.runsOn.uuid)?.weigh(task, ms);
  }

  /** The tasks that wait for an engine or are on one, and how long they will take. Those of one policy count as the first of them. */
  get backlog(): BacklogSums {
    const sums = { tasks: 0, unknown: 0, ms: 0 };
    const add = (task: T | undefined, n: number) => {
      if (task === undefined) return;
      const ms = this.#expected(task);
      sums.tasks += n;
      if (ms === undefined) sums.unknown += n;
      else sums.ms += ms * n;
    };
    for (const queued of this.#classes.values()) add(queued.first, queued.length);
    for (const slots of this.#slots.values()) for (const task of slots.tasks) add(task, 1);
    return sums;
  }

  /** Is anything on an engine behind another task? Then `stealable` wants to be asked at intervals. */
  get pipelining(): boolean {
    for (const slots of this.#slots.values()) if (slots.inFlight > 1) return true;
    return false;
  }

  /**
   * The tasks to steal back: they wait on an engine behind one that turned out to be long, and another engine could have
   * them. Tasks whose number in flight the caller chose stay, unless the engine will end soon.
   */
  stealable(): T[] {
    return this.#all.flatMap((slots) => {
      const blocked = slots.blocked();
      if (slots.isDraining) return slots.behind.filter((task) => this.#hasLasting(task));
      return blocked.filter((task) => this.#couldMove(task, slots));
    });
  }

  #couldMove(task: T, from: EngineSlots<T>): boolean {
    if (task.policy.hwm !== 'auto') return false;
    return this.#all.some((slots) => slots !== from && admits(task, slots));
  }

  /** The queued tasks that no live engine may take, and why. They stay queued: call `withdraw` for those that should fail. */
  unplaceable(): [task: T, why: Unplaceable][] {
    return [...this.#classes.values()].flatMap((queued) => {
      const why = this.#whyNot(queued);
      return why === undefined ? [] : queued.list().map((task): [T, Unplaceable] => [task, why]);
    });
  }

  #whyNot({ constraints }: QueueClass<T>): Unplaceable | undefined {
    const targeted = this.#all.filter((slots) => isTarget(constraints, slots));
    if (targeted.length === 0) return 'no-engines';
    const followed = targeted.filter((slots) => isFollowed(constraints, slots));
    if (followed.length === 0) return 'gone';
    return followed.some((slots) => admits(constraints, slots)) ? undefined : 'all-excluded';
  }
}

function isBefore<T extends Schedulable>(a: QueueClass<T>, b: QueueClass<T>): boolean {
  const left = a.constraints.policy.priority;
  const right = b.constraints.policy.priority;
  return left === right ? (a.first as T).turn < (b.first as T).turn : left > right;
}

function isLess<T extends Schedulable>(a: EngineSlots<T>, b: EngineSlots<T>): boolean {
  return a.inFlight === b.inFlight ? a.used < b.used : a.inFlight < b.inFlight;
}
