import type { Command } from 'commander';
import { Client } from '../client/client.ts';
import { ClusterError } from '../errors.ts';
import { within } from '../rpc/waiting.ts';
import { addClusterArgument, type ClusterChoice, seconds, TARGETS_HELP, targets } from './arguments.ts';
import { findCluster } from './find-cluster.ts';

/** Something that is done to engines of a running cluster. */
export interface EngineVerb {
  /** The word for it when it is done. */
  readonly done: string;
  /** Engines that have died can be named, too. */
  readonly revives?: true;
  run(rc: Client, ids: readonly number[]): Promise<void>;
}

interface Flags extends ClusterChoice {
  readonly targets: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: true;
}

const TIMEOUT_S = 20;
const IDS = /^\d+(,\d+)*$/;

/** Adds the cluster, `--targets`, `--timeout`, `--json` and the action. */
export function addEngineVerb(command: Command, verb: EngineVerb): void {
  addClusterArgument(command);
  command.option('-t, --targets <engines>', TARGETS_HELP, targets, 'all');
  command.option('--timeout <seconds>', `how long to wait (default: ${TIMEOUT_S})`, seconds, TIMEOUT_S * 1000);
  command.option('--json', 'as JSON');
  command.action((name: string | undefined, flags: Flags) => carryOut(verb, name ?? flags.cluster, flags));
}

async function carryOut(verb: EngineVerb, named: string | undefined, flags: Flags): Promise<void> {
  const { name, path } = findCluster(named);
  await using rc = await Client.connect(path);
  const ids =
    verb.revives && IDS.test(flags.targets) ? flags.targets.split(',').map(Number) : rc.view(flags.targets).ids;
  if (ids.length === 0) throw new ClusterError(`cluster '${name}' has no such engines: ${flags.targets}`);
  const { timeout } = flags;
  const text = `engines ${ids.join(', ')} of cluster '${name}'`;
  await within(verb.run(rc, ids), { timeout }, text, `${text} were not ${verb.done} within ${timeout / 1000} s`);
  const json = JSON.stringify({ cluster: name, [verb.done]: ids });
  process.stdout.write(
    flags.json ? `${json}\n` : `${ids.length === 1 ? text.replace('engines', 'engine') : text}: ${verb.done}\n`,
  );
}
