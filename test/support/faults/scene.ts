// A cluster with a bad network in front of it, for one row of the table of faults.
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import type { DirectView } from '../../../src/client/direct-view.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterEvent, StartOptions } from '../../../src/cluster/start-options.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import type { Transport, TransportOptions } from '../../../src/comm/transport.ts';
import { BulkFolder } from '../../../src/comm/unix/bulk-folder.ts';
import { unixTransport } from '../../../src/comm/unix/unix-transport.ts';
import type { ZeromqOptions } from '../../../src/comm/zeromq.ts';
import { EngineError } from '../../../src/errors.ts';
import { type ChaosProxy, ChaosTransport } from '../chaos/chaos-proxy.ts';
import { EngineKiller } from '../chaos/engine-killer.ts';

export const MIB = 1024 * 1024;

export interface Scene {
  readonly cluster: Cluster;
  readonly rc: Client;
  /** All engines, frozen. */
  readonly v: DirectView<'many'>;
  readonly killer: EngineKiller;
  /** Events of the cluster, with the time of each. */
  readonly events: (ClusterEvent & { readonly at: number })[];
  /** The network between this client and an engine's socket for tasks. */
  network(id: number): ChaosProxy;
}

export interface SceneOptions extends StartOptions {
  /** In place of the transport of the client. */
  readonly wrap?: (transport: Transport) => Transport;
  /** Chunks and window of the client, where the cluster speaks tcp. */
  readonly sizes?: TransportOptions;
}

/** The network of scenes that ask for no other. */
let usual: { readonly transport: string; readonly open: (options: ZeromqOptions) => Transport } = {
  transport: 'zeromq',
  open: clusterTransport,
};

/**
 * Runs a row on Unix sockets, the default on one host, where it asks for no transport itself. Large data pass beside the
 * network, from memory to memory; `inStream`: the client can do neither, so all of it goes through the sockets.
 */
export async function onUnix<T>(run: () => Promise<T>, { inStream = false } = {}): Promise<T> {
  const before = usual;
  const none = () => unixTransport({ folder: new BulkFolder('/dev/null/bulk'), memory: () => undefined });
  usual = { transport: 'unix', open: inStream ? none : clusterTransport };
  try {
    return await run();
  } finally {
    usual = before;
  }
}

/** Runs with a cluster of its own, and stops it whatever happens. Its network is zeromq's, unless `transport` says another. */
export async function withScene<T>(
  engines: number,
  run: (scene: Scene) => Promise<T>,
  { wrap = (same) => same, transport: kind = usual.transport, sizes = {}, ...options }: SceneOptions = {},
): Promise<T> {
  const { open } = kind === usual.transport ? usual : { open: clusterTransport };
  const events: Scene['events'] = [];
  const onEvent = (event: ClusterEvent) => {
    events.push({ ...event, at: performance.now() });
    options.onEvent?.(event);
  };
  const cluster = await Cluster.start({ device: 'cpu', ...options, transport: kind, engines, onEvent });
  const bytes = kind === 'unix' ? {} : sizes;
  const { credentials } = cluster.info;
  const transport = new ChaosTransport(open({ ...bytes, credentials }));
  const killer = new EngineKiller();
  try {
    const rc = await cluster.connect({ transport: wrap(transport), onEvent: killer.onEvent });
    killer.serve(rc);
    const network = (id: number) => transport.at(rc.engine(id)?.tasks as string);
    return await run({ cluster, rc, v: rc.view(':'), killer, events, network });
  } finally {
    await cluster.stop();
    await transport.close();
  }
}

/** Milliseconds until the promise settles, and how. */
export async function timed(
  call: PromiseLike<unknown>,
  since = performance.now(),
): Promise<{ ms: number; end: unknown }> {
  const end = await Promise.resolve(call).then(
    (value) => value,
    (error: unknown) => error,
  );
  return { ms: performance.now() - since, end };
}

/** A call that waited for this engine was told of its death, and how it came. */
export function isDeath(error: unknown, id: number, how: RegExp): void {
  assert.instance(error, EngineError, String(error));
  assert.match((error as Error).message, new RegExp(`engine:? ${id}\\b`, 'i'));
  assert.match((error as Error).message, how);
}

/** Runs until it is ended from outside. */
export const nap = () => new Promise((resolve) => setTimeout(resolve, 60_000));

/** On an engine: counts that this operation ran there. */
export const mark = (id: number): number => {
  const space = globalThis as { marks?: number[] };
  space.marks ??= [];
  space.marks.push(id);
  return id;
};

/** On an engine: the operations that ran there. */
export const marks = (): number[] => (globalThis as { marks?: number[] }).marks ?? [];
