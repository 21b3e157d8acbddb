// `directview adapt`: a running cluster has as many engines as its load-balanced work wants.
import type { Command } from 'commander';
import { clusterTransport } from '../../../comm/by-scheme.ts';
import { MAX_ENGINES } from '../../../protocol/messages/roster.ts';
import { RosterClient } from '../../../rpc/roster-client.ts';
import { addClusterArgument, type ClusterChoice, count } from '../../arguments.ts';
import { findCluster } from '../../find-cluster.ts';

const ASK_MS = 10_000;

interface Flags extends ClusterChoice {
  readonly min: number;
  readonly max: number;
  readonly json?: true;
}

const HELP = `
From now on the cluster has as many engines as the load-balanced work of all its clients wants, about one for each 5 s of
work, and as many as its scheduler gives. directview scale ends that.
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterArgument(command);
  command.option('--min <count>', 'at least so many engines', count, 1);
  command.requiredOption('--max <count>', 'at most so many', count);
  command.option('--json', 'as JSON');
  command.addHelpText('after', HELP);
  command.action(async (name: string | undefined, flags: Flags, self: Command) => {
    const { min, max, json } = flags;
    if (min > max) self.error(`error: --min ${min} is more than --max ${max}`);
    if (max > MAX_ENGINES) self.error(`error: a cluster has at most ${MAX_ENGINES} engines: --max ${max}`);
    const cluster = findCluster(name ?? flags.cluster);
    const { controller, credentials } = cluster;
    const roster = new RosterClient(clusterTransport({ credentials }), controller, `adapt-${process.pid}`);
    try {
      await roster.ask({ do: 'adapt', min, max }, ASK_MS);
    } finally {
      await roster.close();
    }
    const text = `cluster '${cluster.name}': from ${min} to ${max} engines, as its work wants\n`;
    process.stdout.write(json ? `${JSON.stringify({ cluster: cluster.name, min, max })}\n` : text);
  });
}
