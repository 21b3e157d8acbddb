import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ClusterFile, loadClusterFile } from '../../client/links/cluster-file.ts';
import { clusterHome, clusterPath, NoClusterHome } from '../../client/links/cluster-path.ts';
import { ClusterError } from '../../errors.ts';
import { writeFileAtomicSync } from '../../util/atomic-write.ts';
import { makeFolders } from '../../util/system/make-folders.ts';
import { isGone } from './process-identity.ts';

/**
 * Writes the file, readable by its owner only, and returns its path.
 * @throws ClusterError when a live cluster has the name already, or the directory is not private
 */
export function writeClusterFile(info: ClusterFile, home = clusterHome()): string {
  const path = clusterPath(info.name, home);
  privateHome(home);
  assertFree(path, info.name);
  const text = JSON.stringify({ ...info, credentials: info.credentials?.reveal() }, null, 2);
  inHome(home, () => writeFileAtomicSync(path, `${text}\n`, { mode: 0o600 }));
  return path;
}

function inHome<T>(home: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    const why = `${home} cannot be written (${(cause as Error).message}): set DIRECTVIEW_HOME to a folder of yours`;
    throw new NoClusterHome(why, { cause });
  }
}

/** @throws ClusterError when a live cluster has the name */
export function assertFree(path: string, name: string): void {
  const other = tryLoad(path);
  if (other === undefined || isGone(other.owner)) return;
  throw new ClusterError(
    `a cluster named '${name}' is running already (pid ${other.owner.pid}): stop it (directview stop ${name}) or choose another name`,
  );
}

/** Makes the directory of cluster files. @throws ClusterError when it is not private, NoClusterHome when it cannot be made */
export function privateHome(home = clusterHome()): void {
  inHome(home, () => makeFolders(home, 0o700));
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

/** Removes the files of clusters whose process was killed. Never throws. */
export function sweepClusterFiles(home = clusterHome()): void {
  for (const { path, stale } of listClusters(home)) if (stale) rmSync(path, { force: true });
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
