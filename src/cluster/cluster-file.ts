import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ClusterFile, loadClusterFile } from '../client/links/cluster-file.ts';
import { clusterHome, clusterPath } from '../client/links/cluster-path.ts';
import { ClusterError } from '../errors.ts';
import { writeFileAtomicSync } from '../util/atomic-write.ts';
import { isGone } from './process-identity.ts';

/**
 * Writes the file, readable by its owner only, and returns its path.
 * @throws ClusterError when a live cluster has the name already, or the directory is not private
 */
export function writeClusterFile(info: ClusterFile, home = clusterHome()): string {
  const path = clusterPath(info.name, home);
  privateHome(home);
  assertFree(path, info.name);
  writeFileAtomicSync(path, `${JSON.stringify(info, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/** @throws ClusterError when a live cluster has the name */
export function assertFree(path: string, name: string): void {
  const other = tryLoad(path);
  if (other === undefined || isGone(other.owner)) return;
  throw new ClusterError(
    `a cluster named '${name}' is running already (pid ${other.owner.pid}): stop it (directview stop ${name}) or choose another name`,
  );
}

function privateHome(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const stat = lstatSync(home);
  const ours = stat.isDirectory() && stat.uid === process.getuid?.();
  if (!ours || (stat.mode & 0o077) !== 0) {
    throw new ClusterError(`${home} must be a directory of yours that nobody else can open: chmod 700 ${home}`);
  }
}

function tryLoad(path: string): ClusterFile | undefined {
  try {
    return loadClusterFile(path);
  } catch {
    return undefined;
  }
}

/** Deletes the file if it still is that cluster's. Idempotent; synchronous for the `exit` handler. */
export function removeClusterFile(path: string, clusterId: string): void {
  if (tryLoad(path)?.clusterId === clusterId) rmSync(path, { force: true });
}

/** A cluster file that was found. */
export interface ListedCluster extends ClusterFile {
  readonly path: string;
  /** Its process is over: it was killed before it could delete the file. */
  readonly stale: boolean;
}

/** Every readable cluster file of `home`, by name. Unreadable ones are skipped: they are not ours. */
export function listClusters(home = clusterHome()): ListedCluster[] {
  const paths = names(home).map((name) => join(home, name));
  return paths.flatMap((path) => {
    const file = tryLoad(path);
    return file && `${file.name}.json` === basename(path) ? [{ ...file, path, stale: isGone(file.owner) }] : [];
  });
}

function names(home: string): string[] {
  try {
    return readdirSync(home)
      .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
      .sort();
  } catch {
    return [];
  }
}
