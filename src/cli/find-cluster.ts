// Finds running clusters by name, by file, or because there is only one.
import { rmSync } from 'node:fs';
import { sep } from 'node:path';
import { loadClusterFile } from '../client/links/cluster-file.ts';
import { clusterHome, clusterPath, type ListedCluster, listClusters } from '../cluster/cluster-file.ts';
import { isGone } from '../cluster/process-identity.ts';
import { sweepRunDirs } from '../cluster/run-dir.ts';
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
 * The cluster of that name or file; without either `default`, or the only one that runs.
 * @throws ClusterError when it is not running, when several run and none is named, or for an unsafe file
 */
export function findCluster(nameOrFile?: string): ListedCluster {
  const found = nameOrFile === undefined ? usualCluster() : namedCluster(nameOrFile);
  if (found !== undefined) return found;
  throw new ClusterError(`no cluster is running (looked in ${clusterHome()}): directview start`);
}

/**
 * The cluster that is meant when none is named: `default`, or the only one that runs; undefined when none runs.
 * @throws ClusterError when several run and none of them is called `default`
 */
export function usualCluster(): ListedCluster | undefined {
  const { live } = currentClusters();
  const usual = live.find((cluster) => cluster.name === DEFAULT_NAME);
  if (usual !== undefined || live.length < 2) return usual ?? live[0];
  const names = live.map((cluster) => cluster.name).join(', ');
  throw new ClusterError(`several clusters are running: name one of ${names}`);
}

function namedCluster(nameOrFile: string): ListedCluster {
  const named = currentClusters().live.find((cluster) => cluster.name === nameOrFile);
  return named ?? clusterOfFile(isPath(nameOrFile) ? nameOrFile : clusterPath(nameOrFile));
}

const isPath = (text: string) => text.includes(sep) || text.endsWith('.json');

function clusterOfFile(path: string): ListedCluster {
  const file = loadClusterFile(path);
  if (!isGone(file.owner)) return { ...file, path, stale: false };
  throw new ClusterError(`cluster '${file.name}' of ${path} has ended: its process ${file.owner.pid} is gone`);
}
