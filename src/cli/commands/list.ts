// `directview list`: lists the clusters of this user. Those without a name belong to one program: they are private.
import type { Command } from 'commander';
import type { ListedCluster } from '../../cluster/files/cluster-file.ts';
import { type LeftJobs, leftJobs } from '../../cluster/files/job-file.ts';
import { currentClusters } from '../find-cluster.ts';
import { table } from '../table.ts';

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.option('--json', 'as JSON');
  command.action(({ json }: { json?: true }) => {
    const { live, stale } = currentClusters();
    const left = leftJobs();
    const all = [...live, ...stale];
    process.stdout.write(json ? `${JSON.stringify([...all, ...left.map(jobsJson)], null, 2)}\n` : text(all, left));
  });
}

function jobsJson({ name, clusterId, owner, started, launcher, path }: LeftJobs): object {
  return { name, clusterId, owner, started, launcher: launcher.kind, isGone: true, path };
}

function text(clusters: readonly ListedCluster[], left: readonly LeftJobs[]): string {
  if (clusters.length + left.length === 0) return 'no cluster is running\n';
  const rows = clusters.map(({ name, owner, started, stale, isUnnamed, path }) => [
    name,
    owner.pid,
    time(started),
    stale ? 'stale, removed' : isUnnamed ? 'running, private' : 'running',
    path,
  ]);
  const gone = left.map(({ name, owner, started, launcher, path }) => [
    name,
    owner.pid,
    time(started),
    `gone, jobs of ${launcher.kind} may be left`,
    path,
  ]);
  return table(['name', 'pid', 'started (UTC)', 'state', 'file'], [...rows, ...gone]);
}

const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
