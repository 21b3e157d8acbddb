// The cost of engines to their client, by their number. Light engines (bench/support/light-engines.ts) are peers of the
// protocol without processes of their own.
// `node dist/bench/scale.js [--calls 64,256] [--register 512] [--idle 1000] [--json FILE]`
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/table.ts';
import { LightCluster } from './support/light-cluster.ts';
import { median, samples } from './support/stats.ts';

const CALLS = 30;
const IDLE_MS = 10_000;
const noop = () => undefined;

/** One figure, and the bound that it should keep. */
interface Row {
  readonly what: string;
  readonly engines: number;
  readonly value: number;
  readonly unit: string;
  readonly aim?: number;
}

/** Milliseconds of CPU of this process, client and controller, while `run` runs. */
async function cpuOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function withEngines(n: number, measure: (cluster: LightCluster, wall: number) => Promise<Row[]>) {
  const began = performance.now();
  const cluster = await LightCluster.start(n);
  try {
    return await measure(cluster, performance.now() - began);
  } finally {
    await cluster.stop();
  }
}

async function registration(cluster: LightCluster, wall: number): Promise<Row[]> {
  const engines = cluster.rc.length;
  const messages = await cluster.messages();
  return [
    { what: 'registration: messages', engines, value: messages, unit: '', aim: 20_000 },
    { what: 'registration: time', engines, value: wall, unit: 'ms' },
  ];
}

async function calls({ rc }: LightCluster): Promise<Row[]> {
  const view = rc.view(':');
  const engines = rc.length;
  await samples(CALLS, () => view.apply(noop));
  let times: number[] = [];
  const cpu = await cpuOf(async () => {
    times = await samples(CALLS, () => view.apply(noop), 0);
  });
  const each = cpu / CALLS / engines;
  return [
    { what: 'no-op: CPU per engine and call', engines, value: each, unit: 'ms', aim: 0.15 },
    { what: 'no-op: time of a call', engines, value: median(times), unit: 'ms' },
  ];
}

async function idle({ rc }: LightCluster): Promise<Row[]> {
  const cpu = await cpuOf(() => pause(IDLE_MS));
  return [{ what: 'idle: CPU', engines: rc.length, value: (100 * cpu) / IDLE_MS, unit: '% of a core', aim: 5 }];
}

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '64,256' },
    register: { type: 'string', default: '512' },
    idle: { type: 'string', default: '1000' },
    json: { type: 'string' },
  },
});
const sizes = (text: string): number[] => text.split(',').filter(Boolean).map(Number);
const rows: Row[] = [];
for (const n of sizes(values.register)) rows.push(...(await withEngines(n, registration)));
for (const n of sizes(values.calls)) rows.push(...(await withEngines(n, calls)));
for (const n of sizes(values.idle)) rows.push(...(await withEngines(n, idle)));
const cells = rows.map(({ what, engines, value, unit, aim }) => {
  const bound = aim === undefined ? '' : `≤ ${aim} ${value <= aim ? '' : '(missed)'}`;
  return [what, engines, `${Number(value.toPrecision(3))} ${unit}`, bound];
});
console.log(table(['figure', 'engines', 'measured', 'aim'], cells));
console.log(`load ${loadavg()[0]?.toFixed(1)}: CPU beside other work is dearer`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`);
