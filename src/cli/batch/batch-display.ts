import type { BatchProgress } from '../../batch/batch-options.ts';
import type { StdoutFrame } from '../../batch/run/targets.ts';
import { type Progress, ProgressBar, progressText, rateOf } from '../../client/results/progress-bar.ts';

/** Milliseconds between two lines without a terminal. */
const LINE_MS = 10_000;

/**
 * The progress of a batch on stderr. On a terminal it is a bar, which is taken away while results are printed; elsewhere
 * a line every ten seconds.
 */
export class BatchDisplay implements StdoutFrame {
  readonly #label: string;
  readonly #state: () => BatchProgress;
  readonly #bar = new ProgressBar();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(label: string, state: () => BatchProgress, interval = LINE_MS) {
    this.#label = label;
    this.#state = state;
    if (!process.stderr.isTTY) this.#timer = setInterval(() => this.#line(), interval).unref();
  }

  /** A picture has ended. */
  show(): void {
    this.#bar.show(this.#progress());
  }

  before(): void {
    this.#bar.clear();
  }

  after(): void {
    this.show();
  }

  /** Takes the bar away for good. */
  close(): void {
    clearInterval(this.#timer);
    this.#bar.clear();
  }

  #line(): void {
    process.stderr.write(`${progressText(this.#progress())}\n`);
  }

  #progress(): Progress {
    const { done, failed, total, elapsed } = this.#state();
    const notes = failed === 0 ? [] : [`${failed} failed`];
    const rate = rateOf(done, elapsed);
    if (rate > 0 && done < total) notes.push(`${clock((total - done) / rate)} left`);
    const note = notes.length === 0 ? undefined : notes.join(', ');
    return { label: this.#label, done, total, elapsed, unit: 'pictures', note };
  }
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (parts[0] === 0 ? parts.slice(1) : parts).map((part) => String(part).padStart(2, '0')).join(':');
}
