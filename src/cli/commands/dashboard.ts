// `directview dashboard`: serves a live page about a running cluster, until Ctrl-C or the end of the cluster.
import { type Command, InvalidArgumentError } from 'commander';
import { Client } from '../../client/client.ts';
import { logPath, readLog } from '../../cluster/launchers/process/log-file.ts';
import { Dashboard } from '../../dashboard/dashboard.ts';
import { addClusterArgument, type ClusterChoice } from '../arguments.ts';
import { findCluster } from '../find-cluster.ts';

interface Flags extends ClusterChoice {
  readonly port?: number | undefined;
}

const HELP = `
It listens on 127.0.0.1 alone. The address has a token: whoever has it may look, interrupt tasks and restart engines.
/metrics has the figures for Prometheus, with the same token as bearer token.
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterArgument(command);
  command.option('--port <port>', 'of 127.0.0.1 (default: one that is free)', port);
  command.addHelpText('after', HELP);
  command.action(async (name: string | undefined, flags: Flags) => {
    const cluster = findCluster(name ?? flags.cluster);
    const rc = await Client.connect(cluster.path);
    const log = (id: number) => readLog(logPath(cluster.runDir, id));
    const dashboard = await Dashboard.open({ name: cluster.name, rc, log }, { port: flags.port });
    process.stdout.write(`dashboard of cluster '${cluster.name}': ${dashboard.url}\n`);
    await ended(rc);
    await dashboard.close();
  });
}

/** Resolves at Ctrl-C, and when the cluster is gone. */
function ended(rc: Client): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    rc.onEvent(({ type }) => type === 'cluster-lost' && resolve(), { tasks: false });
  });
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value < 65_536) return value;
  throw new InvalidArgumentError('It must be a port: 0 to 65535.');
}
