// `directview status`: asks every engine of a cluster for its status, over its control socket.
import type { Command } from 'commander';
import type { ClusterInfo } from '../../client/links/cluster-file.ts';
import { forgetJobs, type LeftJobs } from '../../cluster/files/job-file.ts';
import { clusterTransport } from '../../comm/by-scheme.ts';
import type { Transport } from '../../comm/transport.ts';
import type { EngineStatus } from '../../protocol/messages/control.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import { ControlClient } from '../../rpc/control-client.ts';
import { RosterClient } from '../../rpc/roster-client.ts';
import { addClusterArgument, type ClusterChoice } from '../arguments.ts';
import { findCluster } from '../find-cluster.ts';
import { type Cell, table } from '../table.ts';
import { chosenJobs, placesJson, placesOf, placesText } from './engines/left-jobs.ts';

const ANSWER_MS = 3000;

interface Flags extends ClusterChoice {
  readonly json?: true;
}

interface Row {
  readonly engine: EngineRecord;
  /** Null: no answer in time. */
  readonly status: EngineStatus | null;
}

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterArgument(command);
  command.option('--json', 'as JSON');
  command.action(async (name: string | undefined, { json, cluster: named }: Flags) => {
    const jobs = chosenJobs(name ?? named);
    if (jobs.length > 0) return showJobs(jobs, json);
    const cluster = findCluster(name ?? named);
    const rows = await statusOf(cluster);
    if (json) process.stdout.write(`${JSON.stringify({ ...cluster, engines: rows.map(flat) }, null, 2)}\n`);
    else process.stdout.write(`cluster '${cluster.name}', pid ${cluster.owner.pid}\n${text(rows)}`);
    return undefined;
  });
}

// The jobs that a system still has of clusters whose process was killed. Where it has none, there is nothing to remember.
async function showJobs(all: readonly LeftJobs[], json: true | undefined): Promise<void> {
  const told = await Promise.all(all.map(placesOf));
  for (const { left, places } of told) if (places.length === 0) forgetJobs(left);
  const text = json ? told.map((one) => `${JSON.stringify(placesJson(one), null, 2)}\n`) : told.map(placesText);
  process.stdout.write(text.join(''));
}

async function statusOf({ controller, credentials }: ClusterInfo): Promise<Row[]> {
  const transport = clusterTransport({ credentials });
  const roster = new RosterClient(transport, controller, `status-${process.pid}`);
  try {
    const engines = await roster.ready({ timeout: ANSWER_MS });
    return await Promise.all(engines.map((engine) => ask(engine, transport)));
  } finally {
    await roster.close();
  }
}

async function ask(engine: EngineRecord, transport: Transport): Promise<Row> {
  const control = new ControlClient(transport, engine);
  try {
    return { engine, status: await control.ask({ type: 'status' }, ANSWER_MS) };
  } catch {
    return { engine, status: null };
  } finally {
    await control.close();
  }
}

function flat({ engine, status }: Row) {
  return { ...engine, status };
}

const PLACES: readonly [string, (row: Row) => Cell][] = [
  ['host', ({ engine }) => engine.host],
  ['job', ({ engine }) => engine.job ?? '-'],
];
const DEBUGGERS: readonly [string, (row: Row) => Cell][] = [['debugger', ({ status }) => status?.inspector ?? '-']];

function text(rows: readonly Row[]): string {
  const head = ['id', 'pid', 'kind', 'adapter', 'threads', 'queue', 'completed', 'rss MB'];
  // Places only where a scheduler has placed engines: others run beside their controller.
  const more: readonly [string, (row: Row) => Cell][] = [
    ...(rows.some(({ engine }) => engine.job !== undefined) ? PLACES : []),
    ...(rows.some(({ status }) => status?.inspector) ? DEBUGGERS : []),
  ];
  const all = rows.map((row) => [...cells(row), ...more.map(([, of]) => of(row))]);
  return table([...head, ...more.map(([name]) => name)], all);
}

function cells({ engine, status }: Row): Cell[] {
  const { kind, adapter, threads } = engine.device;
  const fixed = [engine.id, engine.pid, kind, adapter, threads];
  if (status === null) return [...fixed, '-', '-', 'no answer'];
  const tasks = status.queue.length + (status.running === null ? 0 : 1);
  const queued = status.blockedMs === undefined ? tasks : 'blocked';
  return [...fixed, queued, status.completed, Math.round(status.rss / 1e6)];
}
