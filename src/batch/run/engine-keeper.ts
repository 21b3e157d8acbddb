import type { Client } from '../../client/client.ts';
import { ClusterError } from '../../errors.ts';
import type { EngineId } from '../../protocol/messages.ts';

/** Milliseconds that a batch waits for an engine when there is none and nobody starts one. */
const PATIENCE_MS = 15_000;

/** Starts engines again that die while a batch is at work. */
export class EngineKeeper {
  readonly #rc: Client;
  readonly #off: () => void;
  readonly #starting = new Map<EngineId, Promise<void>>();
  #reason = 'no engine is there';
  /** Engines that were started again. */
  restarted = 0;

  constructor(rc: Client) {
    this.#rc = rc;
    this.#off = rc.onEvent((event) => {
      if (event.type === 'engine-down') this.#down(event.id, event.reason);
      else if (event.type === 'cluster-lost') this.#reason = event.reason;
    });
  }

  #down(id: EngineId, reason: string): void {
    // While it starts again it goes down once more in the books of the cluster.
    if (this.#starting.has(id)) return;
    this.#reason = `engine ${id} ${reason}`;
    const start = this.#start(id).finally(() => this.#starting.delete(id));
    this.#starting.set(id, start);
  }

  async #start(id: EngineId): Promise<void> {
    try {
      await this.#rc.restart(id);
      this.restarted++;
    } catch (error) {
      this.#reason += `, and could not be started again: ${(error as Error).message.split('\n')[0]}`;
    }
  }

  /** Resolves as soon as there is an engine. @throws ClusterError in one sentence, when none can be had */
  async ready(): Promise<void> {
    if (this.#rc.length > 0) return;
    await Promise.race([Promise.all(this.#starting.values()), this.#join(60_000)]);
    if (this.#rc.length > 0 || (await this.#join(PATIENCE_MS))) return;
    throw new ClusterError(`no engine is left: ${this.#reason}`);
  }

  #join(timeout: number): Promise<boolean> {
    return this.#rc.waitForEngines(1, { timeout }).then(
      () => true,
      () => false,
    );
  }

  /** Stops watching. Engines that start are waited for, so that nothing is left behind. */
  async close(): Promise<void> {
    this.#off();
    await Promise.all(this.#starting.values());
  }
}
