// The half of an AsyncResult that people look at: progress, captured output, notebook forms.
import { inspect } from 'node:util';
import type { MimeBundle, Task } from '../links/task.ts';
import type { WaitLimits } from '../links/waiting.ts';
import { checkGroupBy, type GroupBy, writeGrouped } from './output/grouping.ts';
import { writeLive } from './output/live.ts';
import { type Sinks, sinksOf } from './output/sinks.ts';
import { resultBundle } from './output/summary.ts';
import {
  type InteractiveOptions,
  type ProgressEvent,
  progressEvents,
  type Watched,
  waitInteractive,
} from './progress.ts';

export interface DisplayOptions extends WaitLimits, Partial<Sinks> {
  /** 'type' (default): stdout of all engines, then stderr, outputs, values; 'engine'; 'order': first outputs first. */
  readonly groupBy?: GroupBy;
}

export abstract class InteractiveResult implements Watched {
  abstract readonly tasks: readonly Task[];
  abstract readonly functionName: string;
  abstract readonly isSingle: boolean;
  abstract readonly length: number;
  abstract readonly progress: number;
  abstract readonly elapsed: number;
  abstract readonly ready: boolean;
  abstract wait(ms?: number): Promise<boolean>;
  /** The wait for this and the end of all tasks, whichever they are. @throws TimeoutError, AbortError */
  protected abstract within(promise: Promise<void>, limits: WaitLimits): Promise<void>;

  /** Progress now, every `interval` ms (default and least 100) and at the end. @throws AbortError */
  progressEvents(options: WaitLimits & { readonly interval?: number } = {}): AsyncGenerator<ProgressEvent> {
    return progressEvents(this, options);
  }

  /**
   * Waits with a progress bar on stderr when that is a TTY, one final line otherwise. True when all have ended, false
   * after `timeout` ms; never rejects for a failed task.
   * @throws AbortError
   */
  waitInteractive(options: InteractiveOptions = {}): Promise<boolean> {
    return waitInteractive(this, options);
  }

  /**
   * Waits for the end, then writes what the tasks printed, displayed and gave; also what failed tasks printed.
   * @throws RangeError for an unknown grouping; TimeoutError, AbortError; never for a failed task
   */
  async displayOutputs(options: DisplayOptions = {}): Promise<void> {
    const groupBy = checkGroupBy(options.groupBy ?? 'type');
    await this.within(this.#ended(), options);
    writeGrouped(this.tasks, groupBy, this.isSingle, sinksOf(options));
  }

  async #ended(): Promise<void> {
    await this.wait();
  }

  /**
   * Writes what the tasks print as it arrives, from their beginning; resolves when all have ended.
   * @throws TimeoutError, AbortError; never for a failed task
   */
  async streamOutput(options: WaitLimits & Partial<Sinks> = {}): Promise<void> {
    const live = writeLive(this.tasks, { single: this.isSingle, results: false, sinks: sinksOf(options) });
    try {
      await this.within(live.done, options);
    } finally {
      live.stop();
    }
  }

  /** For notebooks: a line, and a table of the tasks. */
  [Symbol.for('Jupyter.display')](): MimeBundle {
    return resultBundle(inspect(this), this.tasks);
  }
}
