import { TimeoutError } from '../../errors.ts';
import type { TaskId } from '../../protocol/messages.ts';
import { onAbort } from '../../rpc/abort-listeners.ts';
import { type WaitLimits, within } from '../../rpc/waiting.ts';
import type { Outcome } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';

/** Which tasks have ended. */
export interface WaitSets {
  /** Message ids of the tasks that have ended, well or not. */
  readonly done: ReadonlySet<TaskId>;
  /** Message ids of the others. */
  readonly pending: ReadonlySet<TaskId>;
}

/** The tasks of one result: how many have ended, and the waits for their ends. */
export class TaskGroup {
  readonly tasks: readonly Task[];
  readonly #label: string;
  readonly #limits: WaitLimits;
  readonly #done: Promise<void>;
  #pending: number;

  /** `label` names the waits in errors; `limits`: those of the call. */
  constructor(tasks: readonly Task[], label: string, limits: WaitLimits) {
    this.tasks = tasks;
    this.#label = label;
    this.#limits = limits;
    this.#pending = tasks.length;
    this.#done = this.#allDone();
  }

  // One promise and one listener for all of them: a map may have a hundred thousand.
  #allDone(): Promise<void> {
    return new Promise((resolve) => {
      const ended = () => {
        if (--this.#pending === 0) resolve();
      };
      if (this.#pending === 0) resolve();
      for (const task of this.tasks) task.onEnd(ended);
    });
  }

  /** Have all tasks ended? */
  get ready(): boolean {
    return this.#pending === 0;
  }

  /** The tasks that have not ended. */
  get unfinished(): Task[] {
    return this.tasks.filter((task) => task.outcome === undefined);
  }

  /** The outcomes of the tasks that have ended, in task order. */
  get outcomes(): Outcome[] {
    const outcomes: Outcome[] = [];
    // A loop: flatMap takes 1 µs for one task.
    for (const { outcome } of this.tasks) if (outcome !== undefined) outcomes.push(outcome);
    return outcomes;
  }

  /** Message ids of the ended and of the other tasks. */
  get sets(): WaitSets {
    const ids = (ended: boolean) =>
      new Set(this.tasks.filter((task) => (task.outcome !== undefined) === ended).map((task) => task.id));
    return { done: ids(true), pending: ids(false) };
  }

  /** The limits of a wait: its own ones, else those of the call. */
  limits({ signal, timeout }: WaitLimits = {}): WaitLimits {
    return { signal: signal ?? this.#limits.signal, timeout: timeout ?? this.#limits.timeout };
  }

  /** Resolves when all tasks have ended. @throws TimeoutError, AbortError */
  ended(limits: WaitLimits): Promise<void> {
    return this.within(this.#done, limits);
  }

  /** Resolves when all tasks have ended, or one has ended as `stops` says. @throws TimeoutError, AbortError */
  endedOr(stops: (outcome: Outcome, index: number) => boolean, limits: WaitLimits): Promise<void> {
    if (this.ready) return this.ended(limits);
    const first = new Promise<void>((resolve) => {
      this.tasks.forEach((task, index) => {
        task.onEnd(({ outcome }) => outcome !== undefined && stops(outcome, index) && resolve());
      });
    });
    return this.within(Promise.race([this.#done, first]), limits);
  }

  /** The promise, under limits. @throws TimeoutError, AbortError */
  within<T>(promise: Promise<T>, limits: WaitLimits): Promise<T> {
    return within(promise, limits, this.#what);
  }

  get #what(): string {
    return `${this.#label} on ${this.tasks.length} engine task${this.tasks.length === 1 ? '' : 's'}`;
  }

  /** Calls `abort` with the unfinished tasks when the signal fires, unless all have ended before. */
  abortOn(signal: AbortSignal | undefined, abort: (tasks: readonly Task[]) => Promise<void>): void {
    if (signal === undefined || this.ready) return;
    const drop = () => {
      abort(this.unfinished).catch(() => {});
    };
    if (signal.aborted) drop();
    else void this.#done.then(onAbort(signal, drop));
  }

  /** Milliseconds since the first submission, or until the last result arrived; 0 without tasks. */
  get elapsed(): number {
    if (this.tasks.length === 0) return 0;
    const first = this.tasks.reduce((ms, task) => Math.min(ms, task.begun), Number.POSITIVE_INFINITY);
    const last = this.tasks.reduce((ms, task) => Math.max(ms, endOf(task)), 0);
    return Math.round((this.ready ? last : performance.now()) - first);
  }

  /** Milliseconds of work, summed over the tasks. */
  get serialTime(): number {
    return this.tasks.reduce((ms, task) => ms + ((task.completed ?? 0) - (task.started ?? task.completed ?? 0)), 0);
  }

  /** @throws TimeoutError with the message, before all tasks have ended */
  mustBeReady(message: string): void {
    if (!this.ready) throw new TimeoutError(message);
  }
}

/** The end of a task, by the clock of `begun`; 0 before it. */
function endOf({ begun, submitted, received }: Task): number {
  return received === null ? 0 : begun + received - submitted;
}
