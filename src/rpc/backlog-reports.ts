import type { BacklogSums } from '../protocol/messages/backlog.ts';

const NOTHING: BacklogSums = { tasks: 0, unknown: 0, ms: 0 };

/**
 * Tells the controller of an adaptive cluster how much load-balanced work this client has: at intervals, while it changes.
 * It costs nothing before the controller asks.
 */
export class BacklogReports {
  readonly #send: (backlog: BacklogSums) => void;
  #source: () => BacklogSums = () => NOTHING;
  #told = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (backlog: BacklogSums) => void) {
    this.#send = send;
  }

  /** From now on `source` counts the work. */
  from(source: () => BacklogSums): void {
    this.#source = source;
  }

  /** The controller wants to be told every so many milliseconds; 0: not any more. It knows nothing yet. */
  wanted(every: number): void {
    this.stop();
    this.#told = JSON.stringify(NOTHING);
    if (every === 0) return;
    this.#timer = setInterval(() => this.#look(), every).unref();
    this.#look();
  }

  #look(): void {
    const backlog = this.#source();
    const text = JSON.stringify(backlog);
    if (text === this.#told) return;
    this.#told = text;
    this.#send(backlog);
  }

  /** Tells nothing more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
