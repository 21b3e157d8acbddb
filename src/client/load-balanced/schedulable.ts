/** One incarnation of an engine. */
export interface EngineIdentity {
  readonly id: number;
  /** Tells it from the engine that replaces it, which has the same id. */
  readonly uuid: string;
}

/** The terms under which the tasks of one call are scheduled. */
export interface SchedulingPolicy {
  /** Higher first. */
  readonly priority: number;
  /** How many engines may fail a task before its failure counts. */
  readonly retries: number;
  /** Ids of the engines that may be used; undefined: all, also those to come. */
  readonly targets: ReadonlySet<number> | undefined;
  /** Tasks in flight per engine: a number, 0 for no limit, or 'auto' (engine-slots.ts). */
  readonly hwm: number | 'auto';
  /** Tasks wait in the scheduler's queue and in no engine's: a queue timeout must see the whole wait. */
  readonly idleOnly: boolean;
}

/** A task as the scheduler sees it; the scheduler writes the fields. */
export interface Schedulable {
  readonly policy: SchedulingPolicy;
  state: 'waiting' | 'queued' | 'sent' | 'ended';
  /** Place in the queue. */
  turn: number;
  /** Failed attempts so far. */
  failures: number;
  /** Incarnations that must not run it again. */
  excluded: ReadonlySet<string> | undefined;
  /** The only incarnations that may run it (`follow`). */
  pinned: ReadonlySet<string> | undefined;
  /** The engine that has it, while `sent`. */
  runsOn: EngineIdentity | undefined;
  /** How often it was stolen: taken back from an engine before it started there. */
  steals: number;
  /** Milliseconds that it was expected to take when it was sent. */
  cost: number;
}

/** The fields of a task that say which engines may run it. */
export type Constraints = Pick<Schedulable, 'policy' | 'excluded' | 'pinned'>;

/** May the call use this engine? */
export function isTarget({ policy }: Constraints, { id }: EngineIdentity): boolean {
  return policy.targets === undefined || policy.targets.has(id);
}

/** Is it one of the engines that the task has to follow? */
export function isFollowed({ pinned }: Constraints, { uuid }: EngineIdentity): boolean {
  return pinned === undefined || pinned.has(uuid);
}

/** May such a task run on this engine at all? */
export function admits(constraints: Constraints, engine: EngineIdentity): boolean {
  return isTarget(constraints, engine) && isFollowed(constraints, engine) && !constraints.excluded?.has(engine.uuid);
}
