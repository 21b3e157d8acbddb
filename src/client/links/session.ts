// What views need of a client: engines by id, and a way to send them requests. Views know this, not the Client.
import type { EngineId, EngineRecord } from '../../protocol/messages.ts';
import type { ControlVerb, Request } from './connection.ts';
import type { Task } from './task.ts';

export interface Session {
  /** Ids of the live engines, ascending: a fresh copy on each access. */
  readonly ids: EngineId[];
  /** Sends at once; FIFO per engine. A dead or unknown engine gives a task that has already failed. */
  submit(engine: EngineId, request: Request): Task;
  /** Drops those tasks that have not started. */
  abortTasks(tasks: readonly Task[]): Promise<void>;
  /** @throws RangeError for an unknown engine; ConnectionError, TimeoutError */
  control<T>(engine: EngineId, verb: ControlVerb, timeout?: number): Promise<T>;
  engine(id: EngineId): EngineRecord | undefined;
}
