// The clients that a cluster has opened in its own process: they see what the cluster did, and are closed with it.
import { Client } from '../client/client.ts';
import type { EngineRecord } from '../protocol/messages.ts';

export type ConnectOptions = NonNullable<Parameters<typeof Client.connect>[1]>;
type Info = { readonly controller: string; readonly clusterId: string };

/** Milliseconds; a client that is closed sees nothing more. */
const SEE_MS = 500;

export class OwnClients {
  readonly #clients = new Set<Client>();

  async open(info: Info, options?: ConnectOptions): Promise<Client> {
    const client = await Client.connect(info, options);
    this.#clients.add(client);
    return client;
  }

  /** Waits until every client knows exactly these engines: after `await cluster.add(1)` a view must have one more. */
  async see(engines: readonly EngineRecord[]): Promise<void> {
    await Promise.all([...this.#clients].map((client) => sees(client, engines)));
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#clients].map((client) => client.close()));
    this.#clients.clear();
  }
}

function sees(client: Client, engines: readonly EngineRecord[]): Promise<void> {
  const wanted = uuids(engines);
  return new Promise((resolve) => {
    const check = () => {
      if (uuids(client.engines) === wanted) done();
    };
    const done = () => {
      clearTimeout(timer);
      off();
      resolve();
    };
    const timer = setTimeout(() => done(), SEE_MS);
    const off = client.onEvent(check);
    check();
  });
}

function uuids(engines: readonly EngineRecord[]): string {
  return engines
    .map((engine) => engine.uuid)
    .sort()
    .join();
}
