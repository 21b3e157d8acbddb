// The cluster that a command works with: a running one is reused, else one is started and stopped afterwards.
import { Client } from '../client/client.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ListedCluster } from '../cluster/cluster-file.ts';
import { DEFAULT_NAME, type DeviceFlags } from './arguments.ts';
import { currentClusters, findCluster } from './find-cluster.ts';

export interface ClusterFlags extends DeviceFlags {
  readonly cluster?: string;
  /** Engines of a cluster that is started. */
  readonly n?: number;
}

export interface Session {
  readonly rc: Client;
  /** What to tell the user: which cluster it is. */
  readonly origin: string;
  /** Closes the client, and stops the cluster if it was started here. Idempotent. */
  close(): Promise<void>;
}

/** A client of a running cluster. @throws ClusterError when there is none, or the choice is open */
export async function connectSession(name?: string): Promise<Session> {
  return connectTo(findCluster(name));
}

/** A client of the named cluster (without a name `default`, or the only one), or of one that is started for it. */
export async function openSession(flags: ClusterFlags): Promise<Session> {
  const running = runningCluster(flags.cluster);
  return running === undefined ? startSession(flags) : connectTo(running);
}

function runningCluster(name: string | undefined): ListedCluster | undefined {
  const { live } = currentClusters();
  const named = live.find((cluster) => cluster.name === (name ?? DEFAULT_NAME));
  if (named !== undefined || name !== undefined) return named;
  return live.length > 1 ? findCluster() : live[0];
}

async function connectTo(cluster: ListedCluster): Promise<Session> {
  const rc = await Client.connect(cluster.path);
  return { rc, origin: `cluster '${cluster.name}'`, close: () => rc.close() };
}

async function startSession({ cluster: name, n, device, gpu, softwareGpu }: ClusterFlags): Promise<Session> {
  const cluster = await Cluster.start({
    device,
    ...(name === undefined ? {} : { name }),
    ...(n === undefined ? {} : { engines: n }),
    ...(gpu === undefined ? {} : { gpu }),
    ...(softwareGpu ? { softwareGpu } : {}),
  });
  return { rc: await cluster.connect(), origin: 'a cluster of its own', close: () => cluster.stop() };
}
