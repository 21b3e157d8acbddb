// `directview list`: lists the clusters of this user. Those without a name belong to one program: they are private.
import type { Command } from 'commander';
import type { ListedCluster } from '../../cluster/files/cluster-file.ts';
import { currentClusters } from '../find-cluster.ts';
import { table } from '../table.ts';

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.option('--json', 'as JSON');
  command.action(({ json }: { json?: true }) => {
    const { live, stale } = currentClusters();
    process.stdout.write(json ? `${JSON.stringify([...live, ...stale], null, 2)}\n` : text([...live, ...stale]));
  });
}

function text(clusters: readonly ListedCluster[]): string {
  if (clusters.length === 0) return 'no cluster is running\n';
  const rows = clusters.map(({ name, owner, started, stale, isUnnamed, path }) => [
    name,
    owner.pid,
    new Date(started).toISOString().slice(0, 19).replace('T', ' '),
    stale ? 'stale, removed' : isUnnamed ? 'running, private' : 'running',
    path,
  ]);
  return table(['name', 'pid', 'started (UTC)', 'state', 'file'], rows);
}
