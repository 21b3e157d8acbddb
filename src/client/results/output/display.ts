import type { WaitLimits } from '../../../rpc/waiting.ts';
import type { TaskGroup } from '../task-group.ts';
import { checkGroupBy, type GroupBy, writeGrouped } from './grouping.ts';
import { writeLive } from './live.ts';
import { type Sinks, sinksOf } from './sinks.ts';

/** The options of `streamOutput`: limits of the wait, and where the text goes. */
export interface StreamOptions extends WaitLimits, Partial<Sinks> {}

/** The options of `displayOutputs`. */
export interface DisplayOptions extends StreamOptions {
  /** 'type' (default): stdout of all engines, then stderr, outputs, values; 'engine'; 'order': first outputs first. */
  readonly groupBy?: GroupBy;
}

/** Output of one target stands bare; that of several is written under prefixes. */
export type Prefixing = 'bare' | 'prefixed';

/**
 * Waits for the end, then writes what the tasks printed, displayed and gave; also what failed tasks printed.
 * @throws RangeError for an unknown grouping; TimeoutError, AbortError
 */
export async function displayOutputs(group: TaskGroup, prefixing: Prefixing, options: DisplayOptions): Promise<void> {
  const groupBy = checkGroupBy(options.groupBy ?? 'type');
  await group.ended(group.limits(options));
  writeGrouped(group.tasks, groupBy, prefixing === 'bare', sinksOf(options));
}

/**
 * Writes what the tasks print as it arrives, from their beginning; resolves when all have ended.
 * @throws TimeoutError, AbortError
 */
export async function streamOutput(group: TaskGroup, prefixing: Prefixing, options: StreamOptions): Promise<void> {
  const live = writeLive(group.tasks, { single: prefixing === 'bare', results: 'none', sinks: sinksOf(options) });
  try {
    await group.within(live.done, group.limits(options));
  } finally {
    live.stop();
  }
}
