// What queueStatus says of an engine: counts, or the message ids behind them.
import type { EngineId, EngineStatus, TaskId } from '../../protocol/messages.ts';

export interface QueueOptions {
  /** Message ids in place of counts. */
  readonly verbose?: boolean;
}

/** `queue`: waits; `tasks`: runs; `completed`: has ended, whatever the end. */
export interface EngineQueue<T> {
  readonly queue: T;
  readonly completed: T;
  readonly tasks: T;
}

interface All<T> {
  readonly [engine: EngineId]: EngineQueue<T>;
  /** Load-balanced tasks of this client that have no engine yet. */
  readonly unassigned: T;
}

export type QueueStatus = All<number>;
export type QueueIds = All<TaskId[]>;

export function queueOf({ queue, running, completed }: EngineStatus): EngineQueue<number> {
  return { queue: queue.length, completed, tasks: running === null ? 0 : 1 };
}

export function queueIds({ queue, running, outbox }: EngineStatus): EngineQueue<TaskId[]> {
  return { queue: [...queue], completed: [...outbox], tasks: running === null ? [] : [running] };
}
