// `directview probe`: measures what calls, bytes and operations cost on a cluster, and keeps it for the plans of pdot.
import type { Command } from 'commander';
import { Client } from '../../../client/client.ts';
import type { ClusterCosts } from '../../../client/pdot/costs/costs.ts';
import { addClusterArgument, type ClusterChoice } from '../../arguments.ts';
import { findCluster } from '../../find-cluster.ts';
import { type Cell, table } from '../../table.ts';

interface Flags extends ClusterChoice {
  readonly json?: true;
}

const HELP = `
It takes some seconds, and other work on the engines makes it wrong. Clients that connect
later on this host plan pdot by it, until the cluster ends.
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterArgument(command);
  command.option('--json', 'as JSON: seconds, seconds for a byte, operations in a second');
  command.addHelpText('after', HELP);
  command.action(async (name: string | undefined, flags: Flags) => {
    const cluster = findCluster(name ?? flags.cluster);
    const rc = await Client.connect(cluster.path);
    try {
      const costs = await rc.probe();
      process.stdout.write(flags.json ? `${JSON.stringify(costs, null, 2)}\n` : textOf(costs));
    } finally {
      await rc.close();
    }
  });
}

const digits = (value: number): string => Number(value.toPrecision(3)).toString();
const micros = (seconds: number): string => `${digits(1e6 * seconds)} µs`;
const speed = (secondsPerByte: number | undefined): string =>
  secondsPerByte === undefined || secondsPerByte === 0 ? '-' : `${digits(1e-9 / secondsPerByte)} GB/s`;

const flops = (rate: number | null | undefined): string =>
  rate === null || rate === undefined ? '-' : `${digits(rate / 1e9)} GFLOP/s`;

function textOf(costs: ClusterCosts): string {
  const rows: Cell[][] = [
    ['call on one engine', micros(costs.call)],
    ['each further engine of a call', micros(costs.perEngine)],
    ['message from engine to engine', micros(costs.mail)],
    ['bytes to one engine', speed(costs.send)],
    ['the same bytes to a further engine', speed(costs.sendAgain)],
    ['other bytes to each further engine', speed(costs.sendOther)],
    ['bytes from engines', speed(costs.receive)],
    ['bytes from engine to engine, all at once', speed(costs.between)],
    ['copies of rows on each engine', speed(costs.copy)],
    ['copies of rows here', speed(costs.copyHere)],
    ['operands that are multiplied, on each engine', speed(costs.touch)],
    ['float32 products on one engine alone', flops(costs.flopsAlone)],
    ['float32 products on each engine', flops(costs.flops)],
  ];
  return table([`${costs.engines} engines`, 'measured'], rows);
}
