import type { Client } from '../../client/client.ts';
import type { ClientEvent } from '../../client/links/engine-links.ts';
import { ClusterError } from '../../errors.ts';
import type { EngineId } from '../../protocol/messages.ts';

/** Milliseconds that a batch waits for an engine when there is none and nobody starts one. */
const PATIENCE_MS = 15_000;

/** The part of a client that it uses. */
export type EngineKeeperClient = Pick<Client, 'length' | 'onEvent' | 'restart' | 'waitForEngines'>;

/** Starts engines again that die while a batch is at work. */
export class EngineKeeper {
  readonly #rc: EngineKeeperClient;
  readonly #patience: number;
  readonly #off: () => void;
  readonly #starting = new Map<EngineId, Promise<void>>();
  #reason = 'no engine is there';
  /** Engines that were started again. */
  restarted = 0;

  constructor(rc: EngineKeeperClient, patience = PATIENCE_MS) {
    this.#rc = rc;
    this.#patience = patience;
    this.#off = rc.onEvent((event) => this.#follow(event), { tasks: false });
  }

  #follow(event: ClientEvent): void {
    if (event.type === 'engine-down') this.#down(event.id, event.reason, event.replaced === true);
    else if (event.type === 'replacement-failed')
      this.#reason = `engine ${event.id} could not be replaced: ${event.reason}`;
    else if (event.type === 'cluster-lost') this.#reason = event.reason;
  }

  #down(id: EngineId, reason: string, replaced: boolean): void {
    // While it starts again it goes down once more in the books of the cluster.
    if (this.#starting.has(id)) return;
    this.#reason = `engine ${id} ${reason}`;
    // The cluster itself replaces engines that it has ended.
    if (!replaced) void this.replace(id);
  }

  /** Ends the engine, if it is alive, and starts it again. Resolves when that has been tried. */
  async replace(id: EngineId): Promise<void> {
    if (this.#starting.has(id)) return this.#starting.get(id);
    // Known as starting before it goes down, which may happen at once.
    this.#starting.set(id, Promise.resolve());
    const start = this.#start(id).finally(() => this.#starting.delete(id));
    this.#starting.set(id, start);
    await start;
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
    await Promise.race([Promise.all(this.#starting.values()), this.#join(4 * this.#patience)]);
    if (this.#rc.length > 0 || (await this.#join(this.#patience))) return;
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
