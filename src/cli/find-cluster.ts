// Which cluster a command means.
import { rmSync } from 'node:fs';
import { loadClusterFile } from '../client/links/cluster-file.ts';
import { clusterHome, clusterPath, type ListedCluster, listClusters } from '../cluster/cluster-file.ts';
import { sweepRunDirs } from '../cluster/run-dir.ts';
import { ClusterError } from '../errors.ts';
import { DEFAULT_NAME } from './arguments.ts';

export interface Clusters {
  readonly live: readonly ListedCluster[];
  /** What killed processes left: their files are removed. */
  readonly stale: readonly ListedCluster[];
}

/** The clusters of this user; the remains of killed ones are cleared away. */
export function currentClusters(): Clusters {
  const all = listClusters();
  const stale = all.filter((cluster) => cluster.stale);
  for (const { path } of stale) rmSync(path, { force: true });
  sweepRunDirs();
  return { live: all.filter((cluster) => !cluster.stale), stale };
}

/**
 * The named cluster; without a name `default`, or the only one there is.
 * @throws ClusterError when there is none, or the choice is open; for an unsafe file
 */
export function findCluster(name?: string): ListedCluster {
  const { live } = currentClusters();
  const found = live.find((cluster) => cluster.name === (name ?? DEFAULT_NAME));
  if (found !== undefined) return found;
  if (name === undefined && live.length === 1) return live[0]!;
  if (name !== undefined) return { ...loadClusterFile(clusterPath(name)), path: clusterPath(name), stale: false };
  throw new ClusterError(
    live.length === 0
      ? `no cluster is running (looked in ${clusterHome()}): directview start`
      : `several clusters are running: name one of ${live.map((cluster) => cluster.name).join(', ')}`,
  );
}
