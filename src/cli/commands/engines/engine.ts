import { type Command, Option } from 'commander';
import { loadClusterFile } from '../../../client/links/cluster-file.ts';
import { guestEngine } from '../../../cluster/agent/guest-engine.ts';
import type { DeviceRequest } from '../../../protocol/engine-options.ts';
import { count } from '../../arguments.ts';
import { addDeviceOptions } from '../../engine-flags.ts';
import { findCluster } from '../../find-cluster.ts';
import { addNetworkOptions, type NetworkFlags, networkOption } from './network-flags.ts';

interface Flags extends DeviceRequest, NetworkFlags {
  readonly clusterFile?: string | undefined;
  readonly cluster?: string | undefined;
}

/** `directview engine`: adds one engine to a running cluster; it ends with Ctrl-C, or with the cluster. Adds options and the action. */
export function define(command: Command): void {
  command.option('--cluster-file <path>', 'the file that `directview start` prints');
  command.addOption(new Option('--cluster <name|file>', 'the same, or its name').hideHelp());
  command.option('--threads <n>', 'CPU threads (default: all cores)', count);
  addDeviceOptions(command);
  addNetworkOptions(
    command,
    'listen at its address, on a cluster with --listen (default: the one towards the controller)',
  );
  command.action(
    async ({ clusterFile, cluster: named, interface: device, portRange, ...request }: Flags, self: Command) => {
      if ((clusterFile ?? named) === undefined) {
        self.error("error: required option '--cluster-file <path>' not specified (or --cluster <name|file>)");
      }
      const cluster = clusterFile === undefined ? findCluster(named) : loadClusterFile(clusterFile);
      const engine = await guestEngine(cluster, {
        ...request,
        network: networkOption({ interface: device, portRange }),
      });
      process.stdout.write(`engine ${engine.id} (pid ${engine.pid}) has joined cluster '${cluster.name}'\n`);
      const end = await engine.ended;
      if (end.failed) throw new Error(`engine ${engine.id} ${end.reason}`);
    },
  );
}
