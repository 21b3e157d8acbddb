import { Client, type ConnectOptions, linksOf } from '../../client/client.ts';
import type { ClusterInfo } from '../../client/links/cluster-file.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';

/** Milliseconds; a client that is closed sees nothing more. */
const SEE_MS = 500;

/** The clients that a cluster has opened in its own process: they see what the cluster did, and are closed with it. */
export class OwnClients {
  readonly #clients = new Set<Client>();

  async open(info: ClusterInfo, options?: ConnectOptions): Promise<Client> {
    const client = await Client.connect(info, options);
    this.#clients.add(client);
    return client;
  }

  /** Waits until every client knows exactly these engines: after `await cluster.add(1)` a view must have one more. */
  async see(engines: readonly EngineRecord[]): Promise<void> {
    const wanted = uuids(engines);
    const waits = [...this.#clients].map((client) =>
      linksOf(client).until((seen) => uuids(seen) === wanted, { timeout: SEE_MS }, 'the engines of the cluster'),
    );
    // A client that was closed, or is slow, does not make the cluster's operation fail.
    await Promise.allSettled(waits);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#clients].map((client) => client.close()));
    this.#clients.clear();
  }
}

function uuids(engines: readonly EngineRecord[]): string {
  return engines
    .map((engine) => engine.uuid)
    .sort()
    .join();
}
