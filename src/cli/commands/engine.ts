// `directview engine`: one more engine for a running cluster, ended by Ctrl-C or with the cluster.
import type { Command } from 'commander';
import { loadClusterFile } from '../../client/links/cluster-file.ts';
import { guestEngine } from '../../cluster/guest-engine.ts';
import { count, type DeviceFlags, deviceOptions } from '../arguments.ts';

interface Flags extends DeviceFlags {
  readonly clusterFile: string;
  readonly threads?: number;
}

export function define(command: Command): void {
  command.requiredOption('--cluster-file <path>', 'the file that `directview start` names');
  command.option('--threads <n>', 'CPU threads (default: all cores)', count);
  for (const option of deviceOptions()) command.addOption(option);
  command.action(async ({ clusterFile, ...options }: Flags) => {
    const cluster = loadClusterFile(clusterFile);
    const engine = await guestEngine(cluster, options);
    process.stdout.write(`engine ${engine.id} (pid ${engine.pid}) has joined cluster '${cluster.name}'\n`);
    const end = await engine.ended;
    if (end.failed) throw new Error(`engine ${engine.id} ${end.reason}`);
  });
}
