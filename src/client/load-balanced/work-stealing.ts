import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { EngineLinks } from '../links/engine-links.ts';
import type { BalancedTask } from './balanced-task.ts';
import type { Scheduler } from './scheduler.ts';

// How often to look. Far above the time that tiny tasks, garbage collection and a busy machine take.
const LOOK_MS = 50;

/** Work stealing: takes tasks back from engines where they got behind one that turned out to be long. */
export class WorkStealing {
  readonly #scheduler: Scheduler<BalancedTask>;
  readonly #links: Pick<EngineLinks, 'control'>;
  readonly #looked: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** `looked` is called after each look: other tasks may have to go elsewhere now. */
  constructor(scheduler: Scheduler<BalancedTask>, links: Pick<EngineLinks, 'control'>, looked: () => void) {
    this.#scheduler = scheduler;
    this.#links = links;
    this.#looked = looked;
  }

  /** To be called after tasks were sent: looks at intervals, as long as anything is pipelined. */
  watch(): void {
    if (this.#timer !== undefined || !this.#scheduler.pipelining) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#steal(this.#scheduler.stealable());
      this.#looked();
    }, LOOK_MS);
  }

  /** Looks no more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  // Engines give back the tasks that have not started, by aborting them; started ones finish normally.
  #steal(tasks: readonly BalancedTask[]): void {
    const byEngine = new Map<EngineId, TaskId[]>();
    for (const task of tasks) {
      if (task.isStolen || task.runsOn === undefined) continue;
      task.isStolen = true;
      const { id } = task.runsOn;
      byEngine.set(id, [...(byEngine.get(id) ?? []), task.wireId]);
    }
    for (const [id, ids] of byEngine) this.#links.control(id, { type: 'abort', ids }).catch(() => {});
  }
}
