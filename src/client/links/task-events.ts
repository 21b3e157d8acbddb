import type { EngineId, TaskId } from '../../protocol/messages.ts';
import { notify } from '../../rpc/notify.ts';
import type { Attempt } from './attempt.ts';
import type { Request } from './connection.ts';
import type { Metadata, Task } from './task.ts';

/**
 * A task of this client: submitted, started on an engine, ended. A load-balanced task has no engine at first; one that is tried again,
 * or given to another engine, starts more than once. Bytes are those of its arguments on their way in, and of its result.
 */
export type TaskEvent =
  | {
      readonly type: 'task-submitted';
      readonly id: TaskId;
      readonly label: string;
      readonly engine: EngineId | null;
    }
  | {
      readonly type: 'task-started';
      readonly id: TaskId;
      readonly label: string;
      readonly engine: EngineId;
      /** Milliseconds since 1970, by the engine's clock. */
      readonly at: number;
      readonly bytesIn: number;
    }
  | {
      readonly type: 'task-ended';
      readonly id: TaskId;
      readonly label: string;
      readonly engine: EngineId | null;
      readonly status: Exclude<Metadata['status'], 'pending'>;
      readonly bytesIn: number;
      readonly bytesOut: number;
    };

type Listener = (event: TaskEvent) => void;

/** Tells listeners of this client's tasks. Without a listener nothing is made, kept or asked of engines. */
export class TaskEvents {
  readonly #listeners = new Set<Listener>();
  /** Bytes of the arguments of tasks that have been sent and have not ended. */
  readonly #bytesIn = new Map<TaskId, number>();

  /** Does anybody listen? */
  get isOn(): boolean {
    return this.#listeners.size > 0;
  }

  /** Calls `listener` for the tasks that are submitted from now on, until the returned function is called. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A task was made. */
  submitted(task: Task): void {
    const { id, label, engine } = task;
    this.#emit({ type: 'task-submitted', id, label, engine: engine?.id ?? null });
    task.onEnd(this.#ended);
  }

  /** The request of an attempt, as it is sent: its engine tells when it starts. */
  sent(engine: EngineId, { task: { id, label } }: Attempt, request: Request): Request {
    const bytesIn = request.body.reduce((sum, part) => sum + part.byteLength, 0);
    this.#bytesIn.set(id, bytesIn);
    const onStarted = (at: number) => this.#emit({ type: 'task-started', id, label, engine, at, bytesIn });
    return { ...request, onStarted };
  }

  // One function for all tasks.
  readonly #ended = (task: Task): void => {
    const { id, label, engine, status, bytes: bytesOut } = task;
    const bytesIn = this.#bytesIn.get(id) ?? 0;
    this.#bytesIn.delete(id);
    if (status !== 'pending')
      this.#emit({ type: 'task-ended', id, label, engine: engine?.id ?? null, status, bytesIn, bytesOut });
  };

  #emit(event: TaskEvent): void {
    for (const listener of [...this.#listeners]) notify(listener, event, `the client's events ('${event.type}')`);
  }
}
