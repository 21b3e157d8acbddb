// Recaller: takes tasks back from engines where they got behind one that turned out to be long.
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { Session } from '../links/session.ts';
import type { BalancedTask } from './balanced-task.ts';
import type { Scheduler } from './scheduler.ts';

// How often to look. Far above what tiny tasks, collected garbage and a busy machine take.
const STALL_MS = 50;

export class Recaller {
  readonly #scheduler: Scheduler<BalancedTask>;
  readonly #session: Session;
  readonly #looked: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** `looked` is called after each look: other tasks may have to go elsewhere now. */
  constructor(scheduler: Scheduler<BalancedTask>, session: Session, looked: () => void) {
    this.#scheduler = scheduler;
    this.#session = session;
    this.#looked = looked;
  }

  /** To be called after tasks were sent: looks at intervals, as long as anything is pipelined. */
  watch(): void {
    if (this.#timer !== undefined || !this.#scheduler.pipelining) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#recall(this.#scheduler.stalls());
      this.#looked();
    }, STALL_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  // Each engine gives back what it has not started; the rest comes as if nothing had been asked.
  #recall(tasks: readonly BalancedTask[]): void {
    const ids = new Map<EngineId, TaskId[]>();
    for (const task of tasks) {
      if (task.recalled || task.seat === undefined) continue;
      task.recalled = true;
      const { id } = task.seat;
      ids.set(id, [...(ids.get(id) ?? []), task.wireId]);
    }
    for (const [id, wireIds] of ids) this.#session.control(id, { type: 'abort', ids: wireIds }).catch(() => {});
  }
}
