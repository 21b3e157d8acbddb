// The cost of engines to their client by their number, strong and weak scaling of pdot and map, a broadcast beside pushes, and collectives
// by each algorithm. Light
// engines (bench/support/scale/light-engines.ts) are peers of the protocol without processes of their own: 1,000 processes of device
// none would take 41 GB. An empty list leaves a part out.
// `node dist/bench/scale.js [--calls 64,256] [--register 512] [--idle 1000] [--scaling 1,2,4] [--broadcast 8]
//   [--collectives 4 [--seconds 45]] [--json FILE]`
import { writeFile } from 'node:fs/promises';
import { availableParallelism, freemem, loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/table.ts';
import { type CollectiveFigure, compareCollectives } from './support/scale/collectives.ts';
import { LightCluster } from './support/scale/light-cluster.ts';
import { broadcastHere, broadcastOverTcp, type Scaling, scaling } from './support/scale/scaling.ts';
import { median, samples } from './support/stats.ts';

const CALLS = 30;
const IDLE_MS = 10_000;
const BROADCAST_BYTES = 100e6;
/** Bytes of memory that an engine of device none takes while it holds and receives such a value. */
const NEEDED = 41e6 + 2 * BROADCAST_BYTES;
/** A way within this part of the best one is as good as it. */
const AS_GOOD = 1.15;
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

/** Efficiency: 100 % where N engines are N times as quick, or do N times the work in the same time. */
function efficiencies(what: string, all: readonly Scaling[]): Row[] {
  const one = all[0];
  if (one === undefined) return [];
  return all.flatMap(({ engines, strong, weak }): Row[] => {
    const parts = engines / one.engines;
    return [
      { what: `${what}, strong: time`, engines, value: strong, unit: 'ms' },
      { what: `${what}, strong: efficiency`, engines, value: (100 * one.strong) / strong / parts, unit: '%' },
      { what: `${what}, weak: time`, engines, value: weak, unit: 'ms' },
      { what: `${what}, weak: efficiency`, engines, value: (100 * one.weak) / weak, unit: '%' },
    ];
  });
}

async function broadcasts(engines: number): Promise<Row[]> {
  if (freemem() < engines * NEEDED) {
    console.log(`SKIPPED broadcast: ${engines} engines want ${Math.ceil((engines * NEEDED) / 1e9)} GB of free memory`);
    return [];
  }
  const { pushes, broadcast } = await broadcastOverTcp(engines, BROADCAST_BYTES);
  const here = await broadcastHere(engines, BROADCAST_BYTES);
  return [
    { what: '100 MB: one push after the other over TCP', engines, value: pushes, unit: 'ms' },
    { what: '100 MB: broadcast over TCP', engines, value: broadcast, unit: 'ms' },
    { what: '100 MB: broadcast on this host', engines, value: here, unit: 'ms' },
    { what: 'broadcast ÷ pushes, both over TCP', engines, value: broadcast / pushes, unit: '', aim: 0.25 },
    { what: 'broadcast on this host ÷ pushes over TCP', engines, value: here / pushes, unit: '', aim: 0.25 },
  ];
}

/** Each way of each collective, and the one that ranks choose beside the best. */
function rowsOf({ what, engines, bytes, ways, chosen, best, ratio }: CollectiveFigure): Row[] {
  const of = `${what} of ${bytes < 1e6 ? `${bytes / 1e3} KB` : `${bytes / 1e6} MB`}`;
  const times = Object.entries(ways).map(([way, value]) => ({ what: `${of}: ${way}`, engines, value, unit: 'ms' }));
  return [...times, { what: `${of}: ${chosen} ÷ ${best}`, engines, value: ratio, unit: '', aim: AS_GOOD }];
}

function verdictOn(figures: readonly CollectiveFigure[]): string {
  const good = figures.filter(({ ratio }) => ratio <= AS_GOOD).length;
  const worst = Math.max(...figures.map(({ ratio }) => ratio));
  const part = Math.round(100 * (AS_GOOD - 1));
  return `${good} of ${figures.length} collectives within ${part} % of the best way, the worst ${worst.toPrecision(3)} ×`;
}

/** The broadcast of 100 MB in words. */
function verdictsOf(all: readonly Row[]): string[] {
  return all
    .filter(({ what }) => what.startsWith('broadcast') && what.includes('÷ pushes'))
    .map(({ what, engines, value, aim = 1 }) => {
      const quicker = `${(1 / value).toPrecision(3)} × as quick as the pushes`;
      return `${what}, ${engines} engines: ${quicker}, wanted ≥ ${1 / aim} ×: ${value <= aim ? 'holds' : 'missed'}`;
    });
}

/** 1, 2, 4 … up to the cores. */
function doubling(cores: number): string {
  const all: number[] = [];
  for (let n = 1; n <= cores; n *= 2) all.push(n);
  return all.join();
}

const cores = availableParallelism();
const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '64,256' },
    register: { type: 'string', default: '512' },
    idle: { type: 'string', default: '1000' },
    scaling: { type: 'string', default: doubling(cores) },
    broadcast: { type: 'string', default: '8' },
    collectives: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '45' },
    json: { type: 'string' },
  },
});
const sizes = (text: string): number[] => text.split(',').filter(Boolean).map(Number);
const rows: Row[] = [];
for (const n of sizes(values.register)) rows.push(...(await withEngines(n, registration)));
for (const n of sizes(values.calls)) rows.push(...(await withEngines(n, calls)));
for (const n of sizes(values.idle)) rows.push(...(await withEngines(n, idle)));
if (values.scaling !== '') {
  const { pdot, map } = await scaling({ sizes: sizes(values.scaling), rounds: 5 });
  rows.push(...efficiencies('pdot of 1024²', pdot), ...efficiencies('map of 64 × 10 ms', map));
}
for (const n of sizes(values.broadcast)) rows.push(...(await broadcasts(n)));
const collectives: CollectiveFigure[] = [];
for (const n of sizes(values.collectives)) collectives.push(...(await compareCollectives(n, Number(values.seconds))));
rows.push(...collectives.flatMap(rowsOf));
const cells = rows.map(({ what, engines, value, unit, aim }) => {
  const bound = aim === undefined ? '' : `≤ ${aim} ${value <= aim ? '' : '(missed)'}`;
  return [what, engines, `${Number(value.toPrecision(3))} ${unit}`, bound];
});
console.log(table(['figure', 'engines', 'measured', 'aim'], cells));
console.log(`load ${loadavg()[0]?.toFixed(1)} on ${cores} cores: CPU beside other work is dearer`);
for (const line of verdictsOf(rows)) console.log(line);
if (collectives.length > 0) console.log(verdictOn(collectives));
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`);
