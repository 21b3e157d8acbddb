import type { EngineStatus } from '../../protocol/messages/control.ts';
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { Mode } from '../remote.ts';

/** Options of `queueStatus`. */
export interface QueueOptions {
  /** Message ids in place of counts. */
  readonly verbose?: boolean | undefined;
}

/** Tasks of one engine, as counts or as message ids. */
export interface EngineQueue<T> {
  /** Tasks that wait. */
  readonly queue: T;
  /** Tasks that have ended, whatever the end; as ids those whose results the engine still holds. */
  readonly completed: T;
  /** Tasks that run. */
  readonly tasks: T;
}

/** Tasks of several engines, by engine id. */
export interface EngineQueues<T> {
  readonly [engine: EngineId]: EngineQueue<T>;
  /** Load-balanced tasks of this client that have no engine yet. */
  readonly unassigned: T;
}

/** Counts, by engine id. */
export type QueueStatus = EngineQueues<number>;
/** Message ids, by engine id. */
export type QueueIds = EngineQueues<TaskId[]>;
/** A view's `queueStatus`: its one engine's counts, or the counts by engine id. */
export type ViewQueueStatus<M extends Mode> = M extends 'one' ? EngineQueue<number> : QueueStatus;

/** Counts of an engine. */
export function queueOf({ queue, running, completed }: EngineStatus): EngineQueue<number> {
  return { queue: queue.length, completed, tasks: running === null ? 0 : 1 };
}

/** Message ids of an engine. */
export function queueIds({ queue, running, outbox }: EngineStatus): EngineQueue<TaskId[]> {
  return { queue: [...queue], completed: [...outbox], tasks: running === null ? [] : [running] };
}
