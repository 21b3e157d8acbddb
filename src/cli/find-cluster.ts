// Finds running clusters by name, by file, or because there is only one.
import { rmSync } from 'node:fs';
import { loadClusterFile } from '../client/links/cluster-file.ts';
import { clusterHome, pathOfCluster } from '../client/links/cluster-path.ts';
import { type ListedCluster, listClusters } from '../cluster/files/cluster-file.ts';
import { isGone } from '../cluster/files/process-identity.ts';
import { sweepRunDirs } from '../cluster/files/run-dir.ts';
import { ClusterError } from '../errors.ts';
import { DEFAULT_NAME } from './arguments.ts';

/** The clusters of this user. */
export interface Clusters {
  readonly live: readonly ListedCluster[];
  /** Clusters whose process was killed; their files have just been removed. */
  readonly stale: readonly ListedCluster[];
}

/** Lists the clusters of this user, and removes the remains of killed ones. */
export function currentClusters(): Clusters {
  const all = listClusters();
  const stale = all.filter((cluster) => cluster.stale);
  for (const { path } of stale) rmSync(path, { force: true });
  sweepRunDirs();
  return { live: all.filter((cluster) => !cluster.stale), stale };
}

/**
 * The cluster of that name or file; without either `default`, or the only one that was started under a name.
 * @throws ClusterError when it is not running, when the choice is open, or for an unsafe file
 */
export function findCluster(nameOrFile?: string): ListedCluster {
  const found = nameOrFile === undefined ? usualCluster() : namedCluster(nameOrFile);
  if (found !== undefined) return found;
  const { live } = currentClusters();
  const remedy = live.length === 0 ? 'directview start' : `directview start, or name one of a program: ${names(live)}`;
  throw new ClusterError(`no cluster is running (looked in ${clusterHome()}): ${remedy}`);
}

/**
 * The cluster that is meant when none is named: `default`, or the only one that was started under a name. Undefined when
 * there is none. The unnamed cluster of a command or a program is never meant: it ends when that program ends.
 * @throws ClusterError when there are several and none of them is called `default`
 */
export function usualCluster(): ListedCluster | undefined {
  const named = currentClusters().live.filter((cluster) => !cluster.isUnnamed);
  const usual = named.find((cluster) => cluster.name === DEFAULT_NAME);
  if (usual !== undefined || named.length < 2) return usual ?? named[0];
  throw new ClusterError(`several clusters are running: name one of ${names(named)}`);
}

const names = (clusters: readonly ListedCluster[]) => clusters.map((cluster) => cluster.name).join(', ');

function namedCluster(nameOrFile: string): ListedCluster {
  const named = currentClusters().live.find((cluster) => cluster.name === nameOrFile);
  return named ?? clusterOfFile(pathOfCluster(nameOrFile));
}

function clusterOfFile(path: string): ListedCluster {
  const file = loadClusterFile(path);
  if (!isGone(file.owner)) return { ...file, path, stale: false };
  throw new ClusterError(`cluster '${file.name}' of ${path} has ended: its process ${file.owner.pid} is gone`);
}
