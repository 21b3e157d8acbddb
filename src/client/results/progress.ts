import { onAbort } from '../../rpc/abort-listeners.ts';
import { abortError, type WaitLimits } from '../../rpc/waiting.ts';
import type { Sinks, TextSink } from './output/sinks.ts';
import { type Progress, ProgressBar, rateOf } from './progress-bar.ts';

/** One state of a result that is waited for. */
export interface ProgressEvent {
  /** The name of the function that runs, or of the method that was called. */
  readonly label: string;
  /** Items that have arrived, of `total`. */
  readonly done: number;
  /** Those of `done` that have failed. */
  readonly failed: number;
  /** Items of the whole result. */
  readonly total: number;
  /** The name of the items, in the plural: 'items' of a map; else absent, and they are tasks. */
  readonly unit?: string | undefined;
  /** Milliseconds since the submission. */
  readonly elapsed: number;
  /** Items per second so far. */
  readonly rate: number;
  /** Have all tasks ended? */
  readonly ready: boolean;
}

/** The limits and the rhythm of progress events. */
export interface ProgressOptions extends WaitLimits {
  /** Milliseconds between two updates; default and least 100. */
  readonly interval?: number;
}

/** The options of `waitInteractive`. */
export interface InteractiveOptions extends ProgressOptions, Partial<Sinks> {
  /** Where the bar goes; default: the process's stderr. A bar moves only on a TTY; elsewhere one final line is written. */
  readonly stderr?: TextSink;
  /** Not written to. It is taken so that one pair of sinks serves every call. */
  readonly stdout?: TextSink;
}

/** The part of an AsyncResult that progress is read from. */
export interface Watched {
  readonly label: string;
  readonly length: number;
  readonly progress: number;
  readonly failed: number;
  readonly elapsed: number;
  readonly ready: boolean;
  wait(ms?: number): Promise<boolean>;
}

/** How a result is named to who waits for it. */
export interface ProgressName {
  readonly label: string;
  /** The name of its items, in the plural; default 'tasks'. */
  readonly unit?: string | undefined;
}

const LEAST_INTERVAL_MS = 100;

function eventOf(result: Watched, { label, unit }: ProgressName): ProgressEvent {
  const { progress: done, length: total, failed, elapsed, ready } = result;
  return { label, done, failed, total, unit, elapsed, ready, rate: rateOf(done, elapsed) };
}

function progressOf(event: ProgressEvent): Progress {
  return { ...event, note: event.failed === 0 ? undefined : `${event.failed} failed` };
}

/**
 * The state now, then every `interval` ms (at most 10 a second), and at the end; `timeout` ms end it earlier.
 * @throws AbortError as soon as the signal fires
 */
export async function* progressEvents(
  result: Watched,
  options: ProgressOptions = {},
  shown: ProgressName = result,
): AsyncGenerator<ProgressEvent, void, undefined> {
  const interval = Math.max(options.interval ?? LEAST_INTERVAL_MS, LEAST_INTERVAL_MS);
  const started = performance.now();
  const left = () => timeoutOf(options) - (performance.now() - started);
  const alarm = new Alarm(result.wait(), options.signal);
  try {
    while (true) {
      if (options.signal?.aborted) throw abortError(options.signal, shown.label);
      const event = eventOf(result, shown);
      yield event;
      if (event.ready || left() <= 0) return;
      await alarm.wait(Math.min(interval, Math.max(left(), 1)));
    }
  } finally {
    alarm.close();
  }
}

function timeoutOf({ timeout }: WaitLimits): number {
  return timeout === undefined || timeout < 0 ? Number.POSITIVE_INFINITY : timeout;
}

/** Sleeps until a time is over, the result is there, or the signal fires: one listener for all the sleeps of a wait. */
class Alarm {
  readonly #off: (() => void) | undefined;
  readonly #ring = () => this.#wake();
  #wake = () => {};

  constructor(end: Promise<unknown>, signal: AbortSignal | undefined) {
    void end.then(this.#ring);
    this.#off = signal?.aborted === false ? onAbort(signal, this.#ring) : undefined;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#wake();
    this.#off?.();
  }
}

/**
 * Waits and shows it, with the number of failures: a bar on a TTY, one final line elsewhere. True when all have ended, false after `timeout` ms; never
 * rejects for a failed task.
 * @throws AbortError
 */
export async function waitInteractive(
  result: Watched,
  options: InteractiveOptions = {},
  shown: ProgressName = result,
): Promise<boolean> {
  const bar = new ProgressBar(options.stderr);
  try {
    for await (const event of progressEvents(result, options, shown)) bar.show(progressOf(event));
    bar.finish(progressOf(eventOf(result, shown)));
    return result.ready;
  } finally {
    bar.end();
  }
}
