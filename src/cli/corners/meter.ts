// The progress of a batch on stderr: a bar on a terminal, one line at the end elsewhere.

export interface Count {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
}

/** Where the bar goes. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const LEAST_INTERVAL_MS = 100;
const CELLS = 24;
const WIPE = '\r\x1b[K';

export class Meter {
  readonly #screen: Screen;
  readonly #started = performance.now();
  #shown = Number.NEGATIVE_INFINITY;

  constructor(screen: Screen = process.stderr) {
    this.#screen = screen;
  }

  show(count: Count): void {
    const now = performance.now();
    if (!this.#screen.isTTY || now - this.#shown < LEAST_INTERVAL_MS) return;
    this.#shown = now;
    this.#screen.write(`${WIPE}${this.#bar(count).slice(0, (this.#screen.columns ?? 80) - 1)}`);
  }

  end(count: Count): void {
    this.#screen.write(`${this.#screen.isTTY ? WIPE : ''}${this.#text(count)}\n`);
  }

  #bar(count: Count): string {
    const filled = Math.round((CELLS * count.done) / Math.max(1, count.total));
    return `${'█'.repeat(filled)}${'░'.repeat(CELLS - filled)} ${this.#text(count)}`;
  }

  #text({ done, failed, total }: Count): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = (done / Math.max(seconds, 1e-3)).toPrecision(3);
    const bad = failed === 0 ? '' : `, ${failed} failed`;
    return `${done}/${total} pictures [${seconds.toFixed(1)} s, ${rate} pictures/s]${bad}`;
  }
}
