// Progress of a result: as events, and as one line on a terminal.

import { abortError, type WaitLimits } from '../links/waiting.ts';
import type { TextSink } from './output/sinks.ts';

export interface ProgressEvent {
  /** What runs: the function's name, or the method's. */
  readonly label: string;
  /** Items that have arrived, of `total`. */
  readonly done: number;
  readonly total: number;
  /** Milliseconds since the submission. */
  readonly elapsed: number;
  /** Items per second so far. */
  readonly rate: number;
  /** Have all tasks ended? */
  readonly ready: boolean;
}

export interface InteractiveOptions extends WaitLimits {
  /** Milliseconds between two updates; default and least 100. */
  readonly interval?: number;
  /** Where the bar goes; default: the process's stderr. A bar moves only on a TTY; elsewhere one final line is written. */
  readonly stderr?: TextSink;
}

/** What an AsyncResult offers for this. */
export interface Watched {
  readonly functionName: string;
  readonly length: number;
  readonly progress: number;
  readonly elapsed: number;
  readonly ready: boolean;
  wait(ms?: number): Promise<boolean>;
}

const LEAST_INTERVAL_MS = 100;
const BAR_CELLS = 24;
const WIPE = '\r\x1b[K';

function eventOf(result: Watched): ProgressEvent {
  const { functionName: label, progress: done, length: total, elapsed, ready } = result;
  return { label, done, total, elapsed, ready, rate: elapsed > 0 ? (done * 1000) / elapsed : 0 };
}

/**
 * The state now, then every `interval` ms (at most 10 a second), and at the end; `timeout` ms end it earlier.
 * @throws AbortError as soon as the signal fires
 */
export async function* progressEvents(
  result: Watched,
  options: WaitLimits & { readonly interval?: number } = {},
): AsyncGenerator<ProgressEvent, void, undefined> {
  const interval = Math.max(options.interval ?? LEAST_INTERVAL_MS, LEAST_INTERVAL_MS);
  const started = performance.now();
  const left = () => timeoutOf(options) - (performance.now() - started);
  const alarm = new Alarm(result.wait(), options.signal);
  try {
    while (true) {
      if (options.signal?.aborted) throw abortError(options.signal, result.functionName);
      const event = eventOf(result);
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
  readonly #signal: AbortSignal | undefined;
  readonly #ring = () => this.#wake();
  #wake = () => {};

  constructor(end: Promise<unknown>, signal: AbortSignal | undefined) {
    this.#signal = signal;
    void end.then(this.#ring);
    signal?.addEventListener('abort', this.#ring);
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
    this.#signal?.removeEventListener('abort', this.#ring);
  }
}

/** `name: ████░░░░ 2/4 [00:01, 1.99 tasks/s]`; `plain` is without the bar. */
export function progressText(event: ProgressEvent, shape: 'bar' | 'plain' = 'plain'): string {
  const { label, done, total, elapsed, rate } = event;
  const filled = total === 0 ? BAR_CELLS : Math.round((done / total) * BAR_CELLS);
  const bar = shape === 'bar' ? `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ` : '';
  return `${label}: ${bar}${done}/${total} [${clock(elapsed)}, ${rate.toPrecision(3)} tasks/s]`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return (parts[0] === 0 ? parts.slice(1) : parts).map((part) => String(part).padStart(2, '0')).join(':');
}

/** One line of a terminal that is written over and over, and taken away while other text is printed. */
export class ProgressLine {
  readonly #sink: TextSink;
  #shown = '';

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  show(event: ProgressEvent): void {
    const text = progressText(event, 'bar').slice(0, (this.#sink.columns || 80) - 1);
    if (text !== this.#shown) this.#sink.write(`${this.#shown === '' ? '' : WIPE}${text}`);
    this.#shown = text;
  }

  /** Takes the line away; the next `show` brings it back. */
  clear(): void {
    if (this.#shown !== '') this.#sink.write(WIPE);
    this.#shown = '';
  }

  /** Leaves the line standing. */
  end(): void {
    if (this.#shown !== '') this.#sink.write('\n');
    this.#shown = '';
  }
}

/**
 * Waits and shows it: a bar on a TTY, one final line elsewhere. True when all have ended, false after `timeout` ms; never
 * rejects for a failed task.
 * @throws AbortError
 */
export async function waitInteractive(result: Watched, options: InteractiveOptions = {}): Promise<boolean> {
  const sink = options.stderr ?? process.stderr;
  const line = sink.isTTY ? new ProgressLine(sink) : undefined;
  try {
    for await (const event of progressEvents(result, options)) line?.show(event);
    if (line === undefined) sink.write(`${progressText(eventOf(result))}\n`);
    return result.ready;
  } finally {
    line?.end();
  }
}
