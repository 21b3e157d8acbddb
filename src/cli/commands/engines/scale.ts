// `directview scale`: brings a running cluster to a number of engines.
import type { Command } from 'commander';
import { Client } from '../../../client/client.ts';
import { within } from '../../../rpc/waiting.ts';
import { addClusterArgument, type ClusterChoice, count, seconds } from '../../arguments.ts';
import { findCluster } from '../../find-cluster.ts';

interface Flags extends ClusterChoice {
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly json?: true;
}

const HELP = `
More: engines that have died are started again, then new ones are asked for. Fewer: those with the least to do end, each
when it has nothing to do; their names are lost, their tasks are not. Without --timeout the command waits until it is
done; when it gives up, the change goes on.
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.argument('<engines>', 'so many engines', engines);
  addClusterArgument(command);
  command.option('--timeout <seconds>', 'how long to wait (default: no limit)', seconds);
  command.option('--json', 'as JSON');
  command.addHelpText('after', HELP);
  command.action((n: number, name: string | undefined, flags: Flags) => scale(n, name ?? flags.cluster, flags));
}

const engines = (text: string): number => (text === '0' ? 0 : count(text));

async function scale(n: number, named: string | undefined, { timeout, json }: Flags): Promise<void> {
  const { name, path } = findCluster(named);
  await using rc = await Client.connect(path);
  const text = `cluster '${name}' with ${n} engines`;
  await within(rc.scaleCluster(n), { timeout }, text, `cluster '${name}' did not get to ${n} engines in time`);
  const { ids } = rc;
  process.stdout.write(
    json
      ? `${JSON.stringify({ cluster: name, engines: ids })}\n`
      : `cluster '${name}': engines ${ids.join(', ') || 'none'}\n`,
  );
}
