// A controller and a client in this process, and light engines in others: what many engines cost the client.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '../../../src/client/client.ts';
import { Controller } from '../../../src/cluster/controller.ts';
import { type CountingTransport, countingTransport } from './light-engines.ts';

const HOST = fileURLToPath(new URL('./light-host.js', import.meta.url));
/** Light engines in one process. */
const PER_HOST = 128;
/** Milliseconds in which all of them must have registered. */
const ARRIVE_MS = 120_000;

/** A running cluster of light engines. */
export class LightCluster {
  readonly rc: Client;
  readonly #controller: Controller;
  readonly #transport: CountingTransport;
  readonly #hosts: readonly ChildProcess[];
  readonly #folder: string;

  private constructor(rc: Client, controller: Controller, transport: CountingTransport, folder: string, n: number) {
    this.rc = rc;
    this.#controller = controller;
    this.#transport = transport;
    this.#folder = folder;
    this.#hosts = sizes(n).map((count, host) =>
      fork(HOST, [controller.registry, folder, `h${host}`, String(count)], { execArgv: [] }),
    );
  }

  /** Resolves when all `n` engines have arrived at the client. */
  static async start(n: number): Promise<LightCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'dvl-'));
    const transport = countingTransport();
    const [endpoint, registry] = [`unix://${folder}/c`, `unix://${folder}/r`];
    const controller = await Controller.listen({ transport, endpoint, registry });
    const rc = await Client.connect({ controller: endpoint, clusterId: folder }, { transport });
    const cluster = new LightCluster(rc, controller, transport, folder, n);
    try {
      await rc.waitForEngines(n, { timeout: ARRIVE_MS });
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Messages that anybody has got so far: controller, client and engines. */
  async messages(): Promise<number> {
    const counts = this.#hosts.map(async (host) => {
      host.send('count');
      const [count] = (await once(host, 'message')) as [number];
      return count;
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, this.#transport.received());
  }

  /** Ends the engines, the client and the controller. */
  async stop(): Promise<void> {
    await this.rc.close();
    const ended = this.#hosts.map(async (host) => {
      if (host.exitCode !== null || host.signalCode !== null) return;
      const exit = once(host, 'exit');
      host.send('stop');
      await exit;
    });
    await Promise.all(ended);
    await this.#controller.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** How many engines each process gets. */
function sizes(n: number): number[] {
  return Array.from({ length: Math.ceil(n / PER_HOST) }, (_, host) => Math.min(PER_HOST, n - host * PER_HOST));
}
