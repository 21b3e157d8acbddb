// Predicts calls, maps, collectives and products on 1 to 100,000 engines from the measured costs of a few, and prints its
// error where it can be measured: 1 … 4 engines of this host, and no-ops on 64 and 256 light ones. The cost of a further engine
// to the client is taken from 32 light ones, because engines here share its cores.
// `node dist/bench/simulate.js [--costs FILE of directview probe --json] [--sizes 1,10,…] [--check 1,2,4] [--light 64,256] [--json FILE]`
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Cluster, type ClusterCosts, pdot, Tensor } from 'directview';
import { accumulate } from '../engines/collectives/operation.ts';
import { table } from '../src/cli/table.ts';
import { clusterCosts } from '../src/client/pdot/costs/costs.ts';
import { type PlanChoice, plan } from '../src/client/pdot/plan.ts';
import { digits } from './support/contest.ts';
import { LightCluster } from './support/scale/light-cluster.ts';
import { allReduceTime, mapTime } from './support/scale/scaling.ts';
import {
  allReduceOn,
  broadcastOn,
  callOn,
  flatCall,
  mapHere,
  mapOn,
  productOn,
  sharing,
} from './support/scale/simulation.ts';
import { median, samples } from './support/stats.ts';

const BYTES = 16e6;
const TASKS = 64;
const TASK_S = 0.01;
const SIDE = 1024;
/** A product, a map and a value that are worth many engines. */
const LARGE = { side: 16_384, tasks: 1e6, task: 0.1, bytes: 100e6 };
const ROUNDS = 5;
const CALIBRATION = 32;
const WARM = 5000;
const cores = availableParallelism();

/** One figure of some engines: predicted, and measured where it was. Seconds. */
interface Row {
  readonly what: string;
  readonly engines: number;
  readonly predicted: number;
  readonly measured?: number;
  /** (predicted − measured) / measured, in per cent. */
  readonly error?: number;
  readonly note?: string;
}

function compared(what: string, engines: number, predicted: number, ms: number): Row {
  const measured = ms / 1000;
  return { what, engines, predicted, measured, error: (100 * (predicted - measured)) / measured };
}

/** Predictions for hosts of their own: each engine is as quick as when the costs were measured. */
function predictions(costs: ClusterCosts, engines: number): Row[] {
  const call = callOn(costs, engines);
  const product = productOn(costs, engines, LARGE.side);
  return [
    { what: 'no-op', engines, predicted: call.seconds, note: call.levels === 0 ? 'direct' : `${call.levels} × agents` },
    { what: '1,000,000 tasks of 0.1 s', engines, predicted: mapOn(costs, engines, LARGE.tasks, LARGE.task) },
    { what: 'broadcast of 100 MB', engines, predicted: broadcastOn(costs, engines, LARGE.bytes) },
    { what: 'all-reduce of 100 MB', engines, predicted: allReduceOn(costs, engines, LARGE.bytes) },
    { what: 'pdot of 16384²', engines, predicted: product.seconds, note: product.plan },
  ];
}

/** The same model on engines that share this host, beside the clock: the least times, because other work can only add to them. */
async function checks(costs: ClusterCosts, engines: number): Promise<Row[]> {
  await using cluster = await Cluster.start({ engines, threads: 1, device: 'cpu' });
  await using rc = await cluster.connect();
  const here = sharing(costs, engines, cores);
  const view = rc.view(':');
  const half = new Tensor('float32', [SIDE, SIDE], new Float32Array(SIDE * SIDE).fill(0.5));
  const noop = await samples(50, () => view.apply(() => undefined), WARM / 10);
  const map = await mapTime(rc, TASKS, ROUNDS);
  const product = await samples(ROUNDS, () => pdot(view, half, half));
  const { kind } = await pdot.plan(view, half, half);
  const rows = [
    compared('no-op', engines, flatCall(costs, engines), Math.min(...noop)),
    compared('64 tasks of 10 ms of CPU', engines, mapHere(costs, engines, cores, TASKS, TASK_S), map),
    {
      ...compared('pdot of 1024²', engines, planned(here, engines, kind as PlanChoice), Math.min(...product)),
      note: kind,
    },
  ];
  if (engines === 1) return rows;
  // The first one runs code that is not compiled.
  await allReduceTime(rc, BYTES, ROUNDS);
  const reduced = await allReduceTime(rc, BYTES, 3 * ROUNDS);
  const add = addSeconds() * Math.max(1, engines / cores);
  return [...rows, compared('all-reduce of 16 MB', engines, allReduceOn(here, engines, BYTES, add), reduced)];
}

/** Seconds of adding float32 numbers here, for each of their bytes: engines do it by the same code. */
function addSeconds(): number {
  const [sum, other] = [new Float32Array(BYTES / 4).fill(0.5), new Float32Array(BYTES / 4).fill(0.5)];
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    accumulate('sum', sum, other);
    return performance.now() - start;
  });
  return Math.min(...times) / 1000 / BYTES;
}

/** The plan that the engines get here: their client has measured nothing. */
function planned(costs: ClusterCosts, engines: number, choice: PlanChoice): number {
  const operand = { shape: [SIDE, SIDE], dtype: 'float32', held: 'client' } as const;
  return plan({ a: operand, b: operand, engines, choice, resultItemSize: 4, costs }).seconds as number;
}

/** Milliseconds of a no-op on light engines: one of them, and all. */
async function lightCalls(engines: number): Promise<{ one: number; all: number }> {
  const cluster = await LightCluster.start(engines);
  try {
    const noop = () => undefined;
    // The code of calls is compiled after some thousands of them.
    const one = await samples(50, () => cluster.rc.view(0).apply(noop), WARM);
    const all = await samples(50, () => cluster.rc.view(':').apply(noop), Math.ceil(WARM / engines));
    return { one: Math.min(...one), all: Math.min(...all) };
  } finally {
    await cluster.stop();
  }
}

/**
 * The costs of engines on hosts of their own: a further one costs the client its own share alone, has its cores for itself, and gets
 * its own bytes over the client's link.
 */
async function apart(here: ClusterCosts): Promise<ClusterCosts> {
  const { one, all } = await lightCalls(CALIBRATION);
  const { send, flops } = here;
  const own = { sendAgain: send, sendOther: send, flops: here.flopsAlone ?? flops };
  return { ...here, ...own, perEngine: Math.max(0, all - one) / (CALIBRATION - 1) / 1000 };
}

async function lightCall(far: ClusterCosts, engines: number): Promise<Row> {
  const { one, all } = await lightCalls(engines);
  return compared('no-op on light engines', engines, flatCall({ ...far, call: one / 1000 }, engines), all);
}

async function measuredCosts(engines: number): Promise<ClusterCosts> {
  await using cluster = await Cluster.start({ engines, threads: 1, device: 'cpu' });
  await using rc = await cluster.connect();
  // The first one runs code that is not compiled; the figures beside it do not.
  await rc.probe();
  return await rc.probe();
}

const { values } = parseArgs({
  options: {
    costs: { type: 'string' },
    sizes: { type: 'string', default: '1,10,100,1000,10000,100000' },
    check: { type: 'string', default: '1,2,4' },
    light: { type: 'string', default: '64,256' },
    json: { type: 'string' },
  },
});
const list = (text: string): number[] => text.split(',').filter(Boolean).map(Number);
const costs =
  values.costs === undefined
    ? await measuredCosts(cores)
    : clusterCosts(JSON.parse(await readFile(values.costs, 'utf8')), values.costs);
const rows: Row[] = [];
for (const n of list(values.check)) rows.push(...(await checks(costs, n)));
const far = await apart(costs);
for (const n of list(values.light)) rows.push(await lightCall(far, n));
for (const n of list(values.sizes)) rows.push(...predictions(far, n));

const ms = (seconds: number | undefined): string => (seconds === undefined ? '' : digits(1000 * seconds));
const percent = (error: number | undefined): string =>
  error === undefined ? '' : `${error < 0 ? '−' : '+'}${Math.abs(error).toFixed(0)} %`;
const cells = rows.map(({ what, engines, predicted, measured, error, note = '' }) => [
  what,
  engines,
  ms(predicted),
  ms(measured),
  percent(error),
  note,
]);
console.log(table(['figure', 'engines', 'predicted ms', 'measured ms', 'error', 'by'], cells));
const errors = rows.flatMap(({ error }) => (error === undefined ? [] : [Math.abs(error)]));
if (errors.length > 0) console.log(`median error ${median(errors).toFixed(0)} % of ${errors.length} measured figures`);
console.log(`costs of ${costs.engines} engines, load ${loadavg()[0]?.toFixed(1)} on ${cores} cores`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ costs, cores, rows }, null, 2)}\n`);
