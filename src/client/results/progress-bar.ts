import type { TextSink } from './output/sinks.ts';

/** The state of some work, as a progress bar shows it. */
export interface Progress {
  /** The name of the work. */
  readonly label: string;
  /** Items that have ended, well or not. */
  readonly done: number;
  /** All items; undefined while nobody knows, which leaves the bar itself out. */
  readonly total: number | undefined;
  /** Milliseconds since the work began. */
  readonly elapsed: number;
  /** Items per second so far; default: `done` over `elapsed`. */
  readonly rate?: number | undefined;
  /** The name of the items, in the plural; default 'tasks'. */
  readonly unit?: string | undefined;
  /** A remark at the end of the line: '2 failed'. */
  readonly note?: string | undefined;
}

const BAR_CELLS = 24;
const COLUMNS = 80;
const WIPE = '\r\x1b[K';
/** Milliseconds between two drawings: more would only cost time and flicker. */
const REDRAW_MS = 50;

/** `name: ████░░░░ 2/4 [00:01, 1.99 tasks/s], 1 failed`; `plain` is without the bar. */
export function progressText(progress: Progress, shape: 'bar' | 'plain' = 'plain'): string {
  const { label, done, total, elapsed, unit = 'tasks', note } = progress;
  const bar = shape === 'bar' && total !== undefined ? `${barOf(done, total)} ` : '';
  const count = total === undefined ? done : `${done}/${total}`;
  const rate = (progress.rate ?? rateOf(done, elapsed)).toPrecision(3);
  return `${label}: ${bar}${count} [${clock(elapsed)}, ${rate} ${unit}/s]${note === undefined ? '' : `, ${note}`}`;
}

/** Items per second; 0 as long as no time has passed. */
export function rateOf(done: number, elapsed: number): number {
  return elapsed > 0 ? (done * 1000) / elapsed : 0;
}

function barOf(done: number, total: number): string {
  const filled = total === 0 ? BAR_CELLS : Math.round((Math.min(done, total) / total) * BAR_CELLS);
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)}`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return (parts[0] === 0 ? parts.slice(1) : parts).map((part) => String(part).padStart(2, '0')).join(':');
}

/**
 * A progress bar: on a terminal one line that is written over and over, and taken away while other text is printed;
 * elsewhere nothing but the final line of `finish`.
 */
export class ProgressBar {
  readonly #sink: TextSink;
  readonly #clock: () => number;
  #shown = '';
  #drawn = Number.NEGATIVE_INFINITY;

  /** `clock`: milliseconds from any fixed point; drawings are counted by it. */
  constructor(sink: TextSink = process.stderr, clock: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Draws the state on a terminal, unless it was drawn a moment ago. */
  show(progress: Progress): void {
    const now = this.#clock();
    if (!this.#sink.isTTY || now - this.#drawn < REDRAW_MS) return;
    this.#drawn = now;
    this.#draw(progress);
  }

  #draw(progress: Progress): void {
    const text = progressText(progress, 'bar').slice(0, (this.#sink.columns || COLUMNS) - 1);
    if (text !== this.#shown) this.#sink.write(`${this.#shown === '' ? '' : WIPE}${text}`);
    this.#shown = text;
  }

  /** Takes the line away; the next `show` brings it back. */
  clear(): void {
    if (this.#shown !== '') this.#sink.write(WIPE);
    this.#shown = '';
    this.#drawn = Number.NEGATIVE_INFINITY;
  }

  /** Leaves the line as it stands and begins a new one. */
  end(): void {
    if (this.#shown !== '') this.#sink.write('\n');
    this.#shown = '';
  }

  /** The final state: drawn on a terminal, one plain line elsewhere. */
  finish(progress: Progress): void {
    if (!this.#sink.isTTY) {
      this.#sink.write(`${progressText(progress)}\n`);
      return;
    }
    this.#draw(progress);
    this.end();
  }
}
