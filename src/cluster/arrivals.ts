import { AbortError, ClusterError } from '../errors.ts';
import type { EngineId } from '../protocol/messages.ts';
import { timerMs } from '../rpc/timer-ms.ts';
import { describeExit, type EngineExit } from './launchers/launcher.ts';

/** How engines are started and waited for. */
export interface ArrivalOptions {
  /** Starts them, or puts them into the queue of a scheduler; what it throws ends the wait. */
  readonly start: () => Promise<unknown>;
  /** Milliseconds in which an engine must register, counted from when it runs: no queue counts. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The last lines that an engine wrote. */
  readonly output: (slot: EngineId) => string;
  /** So many are enough to begin with; default: all. */
  readonly least?: number | undefined;
  /** True: when the first one runs, `least` of them must run within `timeout`, because they hold their places meanwhile. */
  readonly isPrompt?: boolean | undefined;
  /** Engines beyond `least` run, and have not registered in their time: the start is over, and they are given up. */
  readonly onLate?: ((slots: readonly EngineId[], text: string) => void) | undefined;
}

/** Milliseconds within which engines count as started together. */
const TOGETHER_MS = 100;

/** Engines that were started and are waited for. */
class Wait {
  readonly missing: Set<EngineId>;
  readonly #waiting: Set<EngineId>;
  readonly #options: ArrivalOptions;
  readonly #all: number;
  readonly #least: number;
  readonly #timers: NodeJS.Timeout[] = [];
  /** When each engine that runs must have registered. */
  readonly #deadlines = new Map<EngineId, number>();
  #failed = 0;
  /** Enough have arrived: the others may still come, each in its time. */
  #isOver = false;
  resolve = (): void => {};
  reject: (error: unknown) => void = () => {};

  constructor(slots: readonly EngineId[], options: ArrivalOptions) {
    this.missing = new Set(slots);
    this.#waiting = new Set(slots);
    this.#options = options;
    this.#all = slots.length;
    this.#least = Math.min(options.least ?? slots.length, slots.length);
  }

  /** These run now: the time in which they must register begins. */
  running(slots: readonly EngineId[]): void {
    const its = slots.filter((slot) => this.#waiting.delete(slot));
    if (its.length === 0) return;
    if (this.#options.isPrompt && this.#timers.length === 0) this.#after(() => this.#released());
    for (const slot of its) this.#deadlines.set(slot, performance.now() + this.#options.timeout);
    this.#after(() => this.#late());
  }

  #after(check: () => void): void {
    this.#timers.push(setTimeout(check, timerMs(this.#options.timeout)));
  }

  // Engines that were started together are late together.
  #late(): void {
    const now = performance.now() + TOGETHER_MS;
    const late = [...this.missing].filter((slot) => (this.#deadlines.get(slot) ?? Number.POSITIVE_INFINITY) <= now);
    if (late.length === 0) return;
    const { timeout, output } = this.#options;
    const text = `${lateText(late, timeout)}${quote(late.map(output).find(Boolean))}`;
    this.failed(late, text);
    if (this.#isOver) this.#options.onLate?.(late, text);
  }

  #released(): void {
    const granted = this.#all - this.#waiting.size;
    if (this.#isOver || granted >= this.#least) return;
    const wanted = this.#least === this.#all ? `all ${this.#all}` : `at least ${this.#least} of ${this.#all}`;
    this.reject(
      new ClusterError(
        `${granted} of ${this.#all} engines got a place within ${this.#options.timeout} ms of the first, and ${wanted} were ` +
          'wanted: they were released',
      ),
    );
  }

  arrived(slot: EngineId): void {
    if (!this.missing.delete(slot)) return;
    this.#waiting.delete(slot);
    if (this.#all - this.missing.size - this.#failed >= this.#least) this.resolve();
  }

  /** These do not come: fatal if too few are left. */
  failed(slots: readonly EngineId[], text: string, cause?: Error): void {
    for (const slot of slots) {
      if (!this.missing.delete(slot)) continue;
      this.#waiting.delete(slot);
      this.#failed++;
    }
    if (this.#all - this.#failed < this.#least) this.reject(new ClusterError(text, { cause }));
  }

  /** Enough have arrived, and none of the others is to come. */
  get isDone(): boolean {
    return this.#isOver && this.missing.size === 0;
  }

  /** Enough have arrived. True if others are to come. */
  goesOn(): boolean {
    this.#isOver = true;
    return this.missing.size > 0;
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** Waits until engines that were started have registered, or too many of them have failed. */
export class Arrivals {
  readonly #waits = new Set<Wait>();

  /**
   * Starts engines and resolves when enough of `slots` have arrived; gives those that have not come yet.
   * @throws what `start` throws; ClusterError when too many end before, or at the timeout, with what one wrote; AbortError
   */
  async of(slots: readonly EngineId[], options: ArrivalOptions): Promise<readonly EngineId[]> {
    if (slots.length === 0) return [];
    const { start, signal } = options;
    const aborted = () => new AbortError('the start was aborted', { cause: signal?.reason });
    if (signal?.aborted) throw aborted();
    const wait = new Wait(slots, options);
    const arrived = new Promise<void>((resolve, reject) => {
      wait.resolve = resolve;
      wait.reject = reject;
    });
    this.#waits.add(wait);
    const onAbort = () => wait.reject(aborted());
    signal?.addEventListener('abort', onAbort, { once: true });
    start().catch(wait.reject);
    try {
      await arrived;
      if (wait.goesOn()) return [...wait.missing];
      this.#drop(wait);
      return [];
    } catch (error) {
      this.#drop(wait);
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #drop(wait: Wait): void {
    this.#waits.delete(wait);
    wait.end();
  }

  // Those that came late end their wait.
  #sweep(): void {
    for (const wait of this.#waits) if (wait.isDone) this.#drop(wait);
  }

  /** Engines have got their places. */
  running(slots: readonly EngineId[]): void {
    for (const wait of this.#waits) wait.running(slots);
  }

  /** An engine has registered. */
  up(id: EngineId): void {
    for (const wait of this.#waits) wait.arrived(id);
    this.#sweep();
  }

  /** An engine has ended: fatal for a start that needs it. */
  exited(exit: EngineExit): void {
    const { slot } = exit.handle;
    for (const wait of this.#waits) {
      if (!wait.missing.has(slot)) continue;
      const text = `engine ${slot} ${describeExit(exit)} before it was ready`;
      wait.failed([slot], `${text}${quote(exit.handle.output())}`, exit.error);
    }
    this.#sweep();
  }

  /** The controller takes none for this slot: fatal for a start that needs it. */
  refused(slot: EngineId, reason: string): void {
    for (const wait of this.#waits) wait.failed([slot], `engine ${slot} was refused: ${reason}`);
  }

  /** Ends every wait. */
  cancel(reason: Error): void {
    for (const wait of this.#waits) {
      wait.reject(reason);
      wait.end();
    }
    this.#waits.clear();
  }
}

function lateText(missing: readonly EngineId[], timeout: number): string {
  const who = missing.length === 1 ? 'engine' : 'engines';
  return `${who} ${missing.join(', ')} did not register within ${timeout} ms`;
}

function quote(output: string | undefined): string {
  return output ? `; it wrote:\n${output.replace(/^/gm, '  | ')}` : '';
}
