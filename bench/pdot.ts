// pdot from matrices at the client to the product at the client. Its peer is the tutorial's four lines in ipyparallel
// with numpy's BLAS. Both have the same number of engines and threads, and take turns. Each side's product is checked
// first. Then the steps are timed apart on both sides, to tell what limits the whole.
//   node dist/bench/pdot.js [--device D,D | all] [--engines N] [--sizes N,N] [--rounds N] [--peer yes|no|auto]
//                           [--resident] [--software] [--or-skip] [--plans N,N [--seconds N]] [--json FILE]
// --device all: every context of this machine, one after the other, and one table of all of them beside NumPy and PyTorch in
// one process. --plans: on so many engines, all plans of several shapes in turn, for so many seconds in
// all, the one that the cost model chooses, and the best. --resident: products of operands on the engines only. --or-skip: success where the device cannot be opened.
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type Client, Cluster, type DeviceChoice, pdot, Tensor } from 'directview';
import { probeAll } from '../engines/contexts/index.ts';
import { difference } from '../kernels/matmul/product-check.ts';
import { keepFreedMemory } from '../src/cli/script/keep-freed-memory.ts';
import { type LocalLibrary, localLibraries } from './support/beside/local-product.ts';
import { openPython } from './support/beside/python-products.ts';
import { contest, type Measure } from './support/contest.ts';
import { copiesOf, medians, randomMatrix, residentTime, type Steps, stepsOf } from './support/pdot-measures.ts';
import { comparePlans, renderPlans } from './support/pdot-plans.ts';
import { type Measured, render, renderAims, renderAll, renderSteps, type TableRow } from './support/pdot-tables.ts';
import { Peer, peerIfThere } from './support/peer.ts';
import { sendRow } from './support/rows.ts';
import { timed } from './support/stats.ts';

type DeviceKind = Exclude<DeviceChoice, 'auto'>;

/** The peer's float32 sums may be off by this part of the sum of the sizes of the terms. */
const WORST_PEER_ERROR = 1e-5;
const CHECKED_ROWS = 4;

interface Bench {
  readonly device: DeviceChoice;
  readonly onlyResident: boolean;
  readonly engines: number;
  readonly threads: number;
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Accept a GPU in software. */
  readonly software: boolean;
}

/** The other systems: ipyparallel, and libraries of this process. */
interface Sides {
  readonly peer: Peer | undefined;
  readonly local: readonly LocalLibrary[];
}

/** All sizes on one context. */
interface OnContext {
  readonly device: string;
  readonly figures: readonly Measured[];
}

/** Checks some rows of the product: all of them would take longer than the benchmark. @throws Error naming a wrong one */
function checkRows(a: Tensor, b: Tensor, c: Tensor): void {
  for (let i = 0; i < CHECKED_ROWS; i++) {
    const row = Math.floor(Math.random() * a.length);
    const wrong = difference(c.rows(row, row + 1), a.rows(row, row + 1), b);
    if (wrong !== undefined) throw new Error(`directview: row ${row} of ${a.length}×${b.shape[1]} is wrong: ${wrong}`);
  }
}

/** @param error the largest |error| ÷ Σ|a·b| among some elements. @throws Error when it is too large */
function mustBeRight(who: string, n: number, error: number): void {
  if (error <= WORST_PEER_ERROR) return;
  throw new Error(`${who}: the product of ${n}×${n} is wrong, relative error ${error}`);
}

/** Resident operands only: the figure is theirs. */
async function residentOnly(rc: Client, bench: Bench, n: number): Promise<Measured> {
  const view = rc.view(':');
  const [a, b] = [randomMatrix(n), randomMatrix(n)];
  const residentMs = await residentTime(view, a, b, bench.rounds);
  checkRows(a, b, await view.gather<Tensor>('C'));
  await view.clear();
  return { name: `${n}×${n}`, unit: 'ms', value: residentMs, residentMs };
}

/** One call of each library on all cores, into fresh memory, and a product into memory that is there. The first warms up. */
async function localCalls(
  rc: Client,
  local: readonly LocalLibrary[],
  a: Tensor,
  b: Tensor,
): Promise<Record<string, Measure>> {
  const out = new Tensor('float32', [a.length, b.shape[1] as number]);
  for (const library of local) checkRows(a, b, await library.multiply(a, b));
  const measures = local.map((one): [string, Measure] => [one.name, () => timed(() => one.multiply(a, b))]);
  return { ...Object.fromEntries(measures), 'with out': () => timed(() => pdot(rc.view(':'), a, b, { out })) };
}

async function onSize(rc: Client, sides: Sides, bench: Bench, n: number): Promise<Measured> {
  if (bench.onlyResident) return residentOnly(rc, bench, n);
  const { peer, local } = sides;
  const view = rc.view(':');
  const [a, b] = [randomMatrix(n), randomMatrix(n)];
  checkRows(a, b, await pdot(view, a, b));
  if (peer !== undefined) mustBeRight('ipyparallel', n, await peer.ask({ do: 'check', size: n }));
  const whole = await contest(
    { name: `${n}×${n}`, unit: 'ms', rounds: bench.rounds },
    {
      ours: () => timed(() => pdot(view, a, b)),
      theirs: peer === undefined ? undefined : () => peer.ask({ do: 'time', size: n }),
      beside: await localCalls(rc, local, a, b),
    },
  );
  // The first of each side warms up.
  const [ours, theirs]: [Steps[], Steps[]] = [[], []];
  for (let round = 0; round <= bench.rounds; round++) {
    ours.push(await stepsOf(view, a, b));
    if (peer !== undefined) theirs.push(await peer.ask<Steps>({ do: 'steps', size: n }));
  }
  const residentMs = await residentTime(view, a, b, bench.rounds);
  const copies = await copiesOf(rc, a, b);
  await view.clear();
  const peerSteps = peer === undefined ? undefined : medians(theirs.slice(1));
  return { ...whole, steps: medians(ours.slice(1)), peerSteps, residentMs, copies };
}

async function measure(rc: Client, sides: Sides, bench: Bench): Promise<Measured[]> {
  const figures: Measured[] = [];
  for (const n of bench.sizes) {
    const figure = await onSize(rc, sides, bench, n);
    figures.push(figure);
    // Each size begins with a check of both sides.
    sendRow({ ...figure, ...figure.steps, ...figure.copies, engines: bench.engines, verified: true });
  }
  return figures;
}

const rowsOf = ({ device, figures }: OnContext, { engines, onlyResident }: Bench): TableRow[] =>
  figures.map(({ name, value, residentMs, copies }) => ({
    who: `${device}, ${engines} engines`,
    size: Number.parseInt(name, 10),
    wholeMs: onlyResident ? undefined : value,
    residentMs,
    copies,
  }));

/** The same products by Python's libraries, in one process without engines. */
async function pythonRows({ sizes, onlyResident }: Bench): Promise<TableRow[]> {
  const { libraries, skipped, close } = await openPython(() => true);
  for (const line of skipped) console.log(`SKIPPED ${line}`);
  const rows: TableRow[] = [];
  for (const size of sizes) {
    for (const { name, measure } of libraries) {
      const { residentMs, wholeMs, fault } = await measure([size, size, size], 'float32');
      if (fault !== undefined) throw new Error(`${name}: the product of ${size}×${size} is wrong: ${fault}`);
      rows.push({ who: `${name}, one process`, size, wholeMs: onlyResident ? undefined : wholeMs, residentMs });
    }
  }
  await close();
  return rows;
}

/** The peer, whose engines get the same number of threads by the variables of numpy's BLAS. */
async function openPeer(wish: string, { engines, threads, onlyResident }: Bench): Promise<Peer | undefined> {
  if (wish === 'no' || onlyResident) return undefined;
  const env = { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
  const options = { script: 'pdot.py', args: [String(engines)], modules: ['ipyparallel', 'numpy'], env };
  return wish === 'yes' ? Peer.start(options) : peerIfThere(options);
}

async function run(bench: Bench, wish: string): Promise<OnContext> {
  const { device, engines, threads } = bench;
  await using peer = await openPeer(wish, bench);
  await using cluster = await Cluster.start({ engines, threads, device, softwareGpu: bench.software });
  await using rc = await cluster.connect();
  const report = (rc.engines[0] as (typeof rc.engines)[number]).device;
  console.log(
    `${engines} engines on ${report.kind} (${report.matmul}, ${report.adapter}), threads of each, on both sides: ${threads}, ` +
      `load ${(loadavg()[0] as number).toFixed(1)} on ${availableParallelism()} cores`,
  );
  if (peer !== undefined) console.log(`ipyparallel: ${await peer.ask<string>({ do: 'config' })}`);
  // It must be awaited here, because the cluster ends with this scope.
  const figures = await measure(rc, { peer, local: await localLibraries(availableParallelism()) }, bench);
  return { device: `${report.kind} (${report.matmul})`, figures };
}

/** The devices of the command line that this machine has. `auto` is always there. */
async function devicesOf(wish: string): Promise<DeviceChoice[]> {
  const probes = await probeAll({ threads: 1 });
  const all = wish === 'all';
  const asked = (all ? Object.keys(probes).filter((kind) => kind !== 'none') : wish.split(',')) as DeviceChoice[];
  if (asked.length === 1) return asked;
  return asked.filter((device) => {
    const probe = device === 'auto' ? undefined : probes[device];
    if (probe?.ok === false) console.log(`SKIPPED ${device}: ${probe.reason}`);
    return probe?.ok !== false;
  });
}

interface PlanFlags {
  readonly device: string;
  readonly rounds: string;
  readonly seconds: string;
  readonly json?: string | undefined;
}

/** All plans beside the one that the cost model chooses. */
async function plansOnly(counts: string, { device, rounds, seconds, json }: PlanFlags): Promise<void> {
  await keepFreedMemory();
  const engines = counts.split(',').map(Number);
  const options = { engines, rounds: Number(rounds), seconds: Number(seconds), device: device as DeviceChoice };
  const compared = await comparePlans(options);
  console.log(renderPlans(compared));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(compared, null, 2)}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'auto' },
      engines: { type: 'string', default: '2' },
      threads: { type: 'string' },
      sizes: { type: 'string', default: '512,1024,2048' },
      rounds: { type: 'string', default: '5' },
      peer: { type: 'string', default: 'auto' },
      resident: { type: 'boolean', default: false },
      software: { type: 'boolean', default: false },
      plans: { type: 'string' },
      seconds: { type: 'string', default: '180' },
      'or-skip': { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  if (values['or-skip']) {
    const probe = (await probeAll({ threads: 1 }))[values.device as DeviceKind];
    if (!probe.ok) return sendRow({ what: 'skipped', reason: probe.reason });
  }
  if (values.plans !== undefined) return plansOnly(values.plans, values);
  const engines = Number(values.engines);
  const threads = Number(values.threads ?? Math.max(1, Math.floor(availableParallelism() / engines)));
  const sizes = values.sizes.split(',').map(Number);
  const { software } = values;
  const devices = await devicesOf(values.device);
  const bench = {
    device: devices[0] ?? 'auto',
    onlyResident: values.resident,
    engines,
    threads,
    sizes,
    rounds: Number(values.rounds),
    software,
  };
  await keepFreedMemory();
  const contexts: OnContext[] = [];
  for (const device of devices) {
    // One peer in the whole run: it is the same beside each context.
    const one = await run({ ...bench, device }, contexts.length === 0 ? values.peer : 'no');
    contexts.push(one);
    if (!bench.onlyResident)
      console.log(`${render(one.figures)}\n\n${renderAims(one.figures)}\n\n${renderSteps(one.figures)}\n`);
  }
  const python = values.peer === 'no' ? [] : await pythonRows(bench);
  const rows = [...contexts.flatMap((one) => rowsOf(one, bench)), ...python];
  console.log(renderAll(rows.sort((a, b) => a.size - b.size)));
  const record = { ...bench, figures: contexts[0]?.figures ?? [], contexts, rows };
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(record, null, 2)}\n`);
}

await main();
