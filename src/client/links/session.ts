import type { ControlValue, ControlVerb, EngineId, EngineRecord } from '../../protocol/messages.ts';
import type { Request } from './connection.ts';
import type { Task } from './task.ts';

/** The part of a client that views know: engines by id, and a way to send them requests. */
export interface Session {
  /** Ids of the live engines, ascending: a fresh copy on each access. */
  readonly ids: EngineId[];
  /** Sends at once; FIFO per engine. A dead or unknown engine gives a task that has already failed. */
  submit(engine: EngineId, request: Request): Task;
  /** Drops those tasks that have not started. */
  abortTasks(tasks: readonly Task[]): Promise<void>;
  /** @throws RangeError for an unknown engine; ConnectionError, TimeoutError */
  control<Verb extends ControlVerb>(engine: EngineId, verb: Verb, timeout?: number): Promise<ControlValue<Verb>>;
  engine(id: EngineId): EngineRecord | undefined;
}
