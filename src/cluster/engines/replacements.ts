import { setTimeout as pause } from 'node:timers/promises';
import { ClusterError } from '../../errors.ts';
import type { EngineId } from '../../protocol/messages.ts';
import type { EndOfEngine } from '../launchers/end-of-engine.ts';
import { type RestartOptions, RestartPolicy } from '../launchers/restart-policy.ts';

/** The consequence of a death that nobody asked for: another engine after `wait` ms, or none, and the text that says so. */
export interface Consequence {
  readonly wait?: number;
  /** Continues the reason of the death. */
  readonly text?: string;
}

/** The part of a cluster that starts engines again. */
export interface ReplacementHost {
  /** Starts another engine in that slot, unless there is one, or none is wanted. */
  start(slot: EngineId): Promise<void>;
  /** The slot has no successor. */
  gaveUp(slot: EngineId, error: Error): void;
}

/** Engines that die get successors in their slots, as often as the policy allows. One that fails to start has died once more. */
export class Replacements {
  readonly #policy: RestartPolicy;
  readonly #host: ReplacementHost;
  /** Slots whose successor is on its way. */
  readonly #pending = new Set<EngineId>();
  /** Ends the waits before restarts. */
  readonly #ending = new AbortController();

  constructor(restart: RestartOptions, host: ReplacementHost) {
    this.#policy = new RestartPolicy(restart);
    this.#host = host;
  }

  /** Is any engine that dies started again? */
  get isOn(): boolean {
    return this.#policy.isOn;
  }

  /** Is a successor of that engine on its way? */
  isPending(slot: EngineId): boolean {
    return this.#pending.has(slot);
  }

  /** Counts a death, and decides. */
  after(slot: EngineId, { isReplaced }: Pick<EndOfEngine, 'isReplaced'>): Consequence {
    if (isReplaced) return { wait: 0 };
    if (!this.#policy.isOn) return {};
    const decision = this.#policy.died(slot, performance.now());
    if ('wait' in decision) return { wait: decision.wait, text: '; it is restarted' };
    return { text: `; it ${this.#policy.givenUp(decision.deaths)}` };
  }

  /** Starts another engine in that slot after `wait` ms. */
  begin(slot: EngineId, wait: number): void {
    this.#pending.add(slot);
    void this.#replace(slot, wait).finally(() => this.#pending.delete(slot));
  }

  async #replace(slot: EngineId, wait: number): Promise<void> {
    try {
      await pause(wait, undefined, { signal: this.#ending.signal });
      await this.#host.start(slot);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const next = this.after(slot, { isReplaced: false });
      if (next.wait !== undefined) return this.#replace(slot, next.wait);
      const { message } = error as Error;
      this.#host.gaveUp(slot, next.text === undefined ? (error as Error) : new ClusterError(`${message}${next.text}`));
    }
  }

  /** Somebody restarts the engine, or ends it for good: its deaths so far do not count. */
  forget(slot: EngineId): void {
    this.#policy.forget(slot);
  }

  /** The cluster ends: nothing is started any more. */
  stop(): void {
    this.#ending.abort();
  }
}
