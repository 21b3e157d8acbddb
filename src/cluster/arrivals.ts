import { AbortError, ClusterError } from '../errors.ts';
import type { EngineId } from '../protocol/messages.ts';
import { timerMs } from '../rpc/timer-ms.ts';
import { describeExit, type EngineExit } from './launchers/launcher.ts';

/** How engines are started and waited for. */
export interface ArrivalOptions {
  /** Starts them; what it throws ends the wait. */
  readonly start: () => Promise<unknown>;
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The last lines that an engine wrote. */
  readonly output: (slot: EngineId) => string;
}

interface Wait {
  readonly missing: Set<EngineId>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Waits until engines that were started have registered, or one of them has failed. */
export class Arrivals {
  readonly #waits = new Set<Wait>();

  /**
   * Starts engines and resolves when every one of `slots` has arrived.
   * @throws what `start` throws; ClusterError when one ends before, or at the timeout, with what it wrote; AbortError
   */
  async of(slots: readonly EngineId[], { start, timeout, signal, output }: ArrivalOptions): Promise<void> {
    if (slots.length === 0) return;
    const missing = new Set(slots);
    const late = () =>
      new ClusterError(`${lateText(missing, timeout)}${quote([...missing].map(output).find(Boolean))}`);
    const aborted = () => new AbortError('the start was aborted', { cause: signal?.reason });
    if (signal?.aborted) throw aborted();
    let wait!: Wait;
    const arrived = new Promise<void>((resolve, reject) => {
      wait = { missing, resolve, reject };
    });
    this.#waits.add(wait);
    const onAbort = () => wait.reject(aborted());
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => wait.reject(late()), timerMs(timeout));
    start().catch(wait.reject);
    await arrived.finally(() => {
      this.#waits.delete(wait);
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
  }

  /** An engine has registered. */
  up(id: EngineId): void {
    for (const wait of this.#waits) if (wait.missing.delete(id) && wait.missing.size === 0) wait.resolve();
  }

  /** An engine has ended: fatal for whoever waits for it. */
  exited(exit: EngineExit): void {
    const { slot } = exit.handle;
    for (const wait of this.#waits) {
      if (!wait.missing.has(slot)) continue;
      const text = `engine ${slot} ${describeExit(exit)} before it was ready`;
      wait.reject(new ClusterError(`${text}${quote(exit.handle.output())}`, { cause: exit.error }));
    }
  }

  /** Ends every wait. */
  cancel(reason: Error): void {
    for (const wait of this.#waits) wait.reject(reason);
  }
}

function lateText(missing: ReadonlySet<EngineId>, timeout: number): string {
  const who = missing.size === 1 ? 'engine' : 'engines';
  return `${who} ${[...missing].join(', ')} did not register within ${timeout} ms`;
}

function quote(output: string | undefined): string {
  return output ? `; it wrote:\n${output.replace(/^/gm, '  | ')}` : '';
}
