import type { EngineStatus } from '../protocol/messages/control.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { RecentTasks, TaskFailure, TaskRecord } from '../protocol/messages/monitoring.ts';
import type { EngineId } from '../protocol/messages.ts';

/** Per second, over the time since the look before. */
export interface Rates {
  /** Tasks that ended. */
  readonly tasks: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A task and its engine. */
export interface StreamedTask extends TaskRecord {
  readonly engine: EngineId;
}

/** The error of a task and its engine. */
export interface StreamedFailure extends TaskFailure {
  readonly engine: EngineId;
}

/** An engine as dashboards show it. */
export interface EngineView {
  readonly id: EngineId;
  readonly pid: number;
  readonly kind: string;
  readonly adapter: string;
  /** `down`: it has left the cluster. `silent`: its control thread did not answer in time. */
  readonly state: 'up' | 'silent' | 'down';
  /** Its last answer; null before the first. */
  readonly status: EngineStatus | null;
  readonly rates: Rates;
}

const STILL: Rates = { tasks: 0, bytesIn: 0, bytesOut: 0 };

/** The history of one incarnation of an engine. */
export class EngineTrack {
  readonly #engine: EngineRecord;
  #state: EngineView['state'] = 'up';
  #status: EngineStatus | null = null;
  #rates = STILL;
  #at = 0;
  /** The number of the next task to ask for. */
  since = 0;
  #tasks: StreamedTask[] = [];
  #failures: StreamedFailure[] = [];
  #missed = 0;

  constructor(engine: EngineRecord) {
    this.#engine = engine;
  }

  get id(): EngineId {
    return this.#engine.id;
  }

  get uuid(): string {
    return this.#engine.uuid;
  }

  /** Takes its answer. `now`: milliseconds of a clock that nobody sets. */
  answered(status: EngineStatus, { count, tasks, failures }: RecentTasks, now: number): void {
    this.#state = 'up';
    const isFirst = this.#status === null;
    if (!isFirst && now > this.#at) this.#rates = this.#ratesTo(status, count, (now - this.#at) / 1000);
    this.#status = status;
    this.#at = now;
    if (!isFirst) this.#missed += Math.max(0, count - this.since - tasks.length);
    this.since = count;
    this.#tasks.push(...tasks.map((task) => ({ ...task, engine: this.id })));
    this.#failures.push(...failures.map((failure) => ({ ...failure, engine: this.id })));
  }

  #ratesTo({ bytesIn = 0, bytesOut = 0 }: EngineStatus, count: number, seconds: number): Rates {
    return {
      tasks: (count - this.since) / seconds,
      bytesIn: (bytesIn - (this.#status?.bytesIn ?? 0)) / seconds,
      bytesOut: (bytesOut - (this.#status?.bytesOut ?? 0)) / seconds,
    };
  }

  /** It did not answer in time. */
  silent(): void {
    this.#state = 'silent';
    this.#rates = STILL;
  }

  /** It has left the cluster. */
  lost(): void {
    this.#state = 'down';
    this.#rates = STILL;
  }

  /** The tasks since the last call. */
  takeTasks(): StreamedTask[] {
    return this.#tasks.splice(0);
  }

  /** The failures since the last call. */
  takeFailures(): StreamedFailure[] {
    return this.#failures.splice(0);
  }

  /** How many tasks since the last call are not known. */
  takeMissed(): number {
    const missed = this.#missed;
    this.#missed = 0;
    return missed;
  }

  view(): EngineView {
    const { id, pid, device } = this.#engine;
    const { kind, adapter } = device;
    return { id, pid, kind, adapter, state: this.#state, status: this.#status, rates: this.#rates };
  }
}
