// pdot from matrices at the client to the product at the client. Its peer is the tutorial's four lines in ipyparallel
// with numpy's BLAS. Both have the same number of engines and threads, and take turns. Each side's product is checked
// first. Then the steps are timed apart on both sides, to tell what limits the whole. `node dist/bench/pdot.js [--device D] [--engines N] [--sizes N,N] [--rounds N] [--peer yes|no|auto]
// [--software] [--or-skip] [--json FILE]`. --or-skip: success where the device cannot be opened.
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import {
  type Client,
  Cluster,
  type DeviceChoice,
  type DirectView,
  type EngineMemory,
  pdot,
  ref,
  Tensor,
} from 'directview';
import { probeAll } from '../engines/contexts/index.ts';
import { difference } from '../kernels/matmul/product-check.ts';
import { table } from '../src/cli/table.ts';
import { contest, digits, type Figure } from './support/contest.ts';
import { Peer, peerIfThere } from './support/peer.ts';
import { sendRow } from './support/rows.ts';
import { median, timed } from './support/stats.ts';

type DeviceKind = Exclude<DeviceChoice, 'auto'>;

/** The peer's float32 sums may be off by this part of the sum of the sizes of the terms. */
const WORST_PEER_ERROR = 1e-5;
const CHECKED_ROWS = 4;

interface Bench {
  readonly device: DeviceChoice;
  readonly engines: number;
  readonly threads: number;
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Accept a GPU in software. */
  readonly software: boolean;
}

/** Milliseconds of the steps of a product, one after the other. A pdot overlaps them. */
interface Steps {
  /** B to every engine, and rows of A to each. */
  readonly send: number;
  readonly multiply: number;
  /** Rows of C to the client. */
  readonly gather: number;
}

/** Bytes that one product moves: between clients and engines, and in all engines together between host and device. */
interface Copies {
  readonly received: number;
  readonly uploaded: number;
  readonly readBack: number;
  readonly copied: number;
}

/** The whole product, and its steps on both sides. */
interface Measured extends Figure {
  /** Counted by the engines; undefined where the device is the host. */
  readonly copies?: Copies | undefined;
  /** Milliseconds of a product of operands that the engines have, and whose result stays there. */
  readonly residentMs: number;
  readonly steps: Steps;
  readonly peerSteps?: Steps | undefined;
}

function randomMatrix(n: number): Tensor {
  return new Tensor(
    'float32',
    [n, n],
    Float32Array.from({ length: n * n }, () => Math.random() - 0.5),
  );
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

async function stepsOf(view: DirectView, a: Tensor, b: Tensor): Promise<Steps> {
  const send = await timed(() => Promise.all([view.push({ B: b }), view.scatter('A', a)]));
  const multiply = await timed(() => pdot(view, ref('A'), ref('B'), { into: 'C' }));
  const gather = await timed(() => view.gather('C'));
  return { send, multiply, gather };
}

/** A product of operands on the engines, whose result stays: what an iteration costs. The first warms up. */
async function residentTime(view: DirectView, a: Tensor, b: Tensor, rounds: number): Promise<number> {
  await Promise.all([view.push({ B: b }), view.scatter('A', a)]);
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    times.push(await timed(() => pdot(view, ref('A'), ref('B'), { into: 'C' })));
  }
  return median(times.slice(1));
}

/** The bytes that one whole product moves on all engines. */
async function copiesOf(view: DirectView, a: Tensor, b: Tensor): Promise<Copies | undefined> {
  const before = [await view.memory()].flat();
  await pdot(view, a, b);
  const after = [await view.memory()].flat();
  const sum = (key: keyof NonNullable<EngineMemory['moved']>) =>
    after.reduce((total, { moved }, i) => total + (moved?.[key] ?? 0) - (before[i]?.moved?.[key] ?? 0), 0);
  if (after.every(({ moved }) => moved === null)) return undefined;
  // Each engine receives B and its rows of A.
  const received = a.byteLength + after.length * b.byteLength;
  return { received, uploaded: sum('uploaded'), readBack: sum('readBack'), copied: sum('copied') };
}

/** The medians of the rounds. */
function medians(rounds: readonly Steps[]): Steps {
  const of = (step: keyof Steps) => median(rounds.map((one) => one[step]));
  return { send: of('send'), multiply: of('multiply'), gather: of('gather') };
}

async function onSize(view: DirectView, peer: Peer | undefined, bench: Bench, n: number): Promise<Measured> {
  const [a, b] = [randomMatrix(n), randomMatrix(n)];
  checkRows(a, b, await pdot(view, a, b));
  if (peer !== undefined) mustBeRight('ipyparallel', n, await peer.ask({ do: 'check', size: n }));
  const whole = await contest(
    { name: `${n}×${n}`, unit: 'ms', rounds: bench.rounds },
    {
      ours: () => timed(() => pdot(view, a, b)),
      theirs: peer === undefined ? undefined : () => peer.ask({ do: 'time', size: n }),
    },
  );
  // The first of each side warms up.
  const [ours, theirs]: [Steps[], Steps[]] = [[], []];
  for (let round = 0; round <= bench.rounds; round++) {
    ours.push(await stepsOf(view, a, b));
    if (peer !== undefined) theirs.push(await peer.ask<Steps>({ do: 'steps', size: n }));
  }
  const residentMs = await residentTime(view, a, b, bench.rounds);
  const copies = await copiesOf(view, a, b);
  await view.clear();
  const peerSteps = peer === undefined ? undefined : medians(theirs.slice(1));
  return { ...whole, steps: medians(ours.slice(1)), peerSteps, residentMs, copies };
}

async function measure(rc: Client, peer: Peer | undefined, bench: Bench): Promise<Measured[]> {
  const view = rc.view(':');
  const figures: Measured[] = [];
  for (const n of bench.sizes) {
    const figure = await onSize(view, peer, bench, n);
    figures.push(figure);
    // Each size begins with a check of both sides.
    sendRow({ ...figure, ...figure.steps, ...figure.copies, engines: bench.engines, verified: true });
  }
  return figures;
}

function render(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, peer, ratio, spread }) => {
    const gflops = 2e-6 * Number.parseInt(name, 10) ** 3;
    const other =
      peer === undefined ? ['', '', ''] : [digits(peer), digits(gflops / peer), `${digits(ratio ?? 0)} × quicker`];
    return [name, digits(value), digits(gflops / value), `${digits(100 * (spread ?? 0))} %`, ...other];
  });
  return table(['pdot', 'ms', 'GFLOP/s', 'spread', 'ipyparallel ms', 'GFLOP/s', 'ratio'], rows).trimEnd();
}

/** The steps of each size, and the step that limits ours. */
function renderSteps(figures: readonly Measured[]): string {
  const cells = (steps: Steps | undefined) =>
    (['send', 'multiply', 'gather'] as const).map((step) => (steps === undefined ? '' : digits(steps[step])));
  const limit = ({ send, multiply, gather }: Steps) => {
    const sum = send + multiply + gather;
    const [name, most] = Object.entries({ sending: send, 'the product': multiply, gathering: gather }).sort(
      ([, x], [, y]) => y - x,
    )[0] as [string, number];
    return `${name}: ${Math.round((100 * most) / sum)} %`;
  };
  const rows = figures.map(({ name, steps, peerSteps }) => [name, ...cells(steps), limit(steps), ...cells(peerSteps)]);
  const head = ['steps, ms', 'send', 'multiply', 'gather', 'limited by', 'ipyparallel send', 'multiply', 'gather'];
  return table(head, rows).trimEnd();
}

const MIB = 2 ** 20;

/** Products of resident operands, and the bytes that a whole product moves. */
function renderResident(figures: readonly Measured[]): string {
  const rows = figures.map(({ name, residentMs, copies }) => {
    const gflops = (2e-6 * Number.parseInt(name, 10) ** 3) / residentMs;
    const bytes = (['received', 'uploaded', 'readBack', 'copied'] as const).map((key) =>
      copies === undefined ? '–' : digits(copies[key] / MIB),
    );
    return [name, digits(residentMs), digits(gflops), ...bytes];
  });
  const head = ['resident', 'ms', 'GFLOP/s', 'received MiB', 'uploaded', 'read back', 'copied on the host'];
  return table(head, rows).trimEnd();
}

/** The peer, whose engines get the same number of threads by the variables of numpy's BLAS. */
async function openPeer(wish: string, { engines, threads }: Bench): Promise<Peer | undefined> {
  if (wish === 'no') return undefined;
  const env = { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
  const options = { script: 'pdot.py', args: [String(engines)], modules: ['ipyparallel', 'numpy'], env };
  return wish === 'yes' ? Peer.start(options) : peerIfThere(options);
}

async function run(bench: Bench, wish: string): Promise<Measured[]> {
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
  return await measure(rc, peer, bench);
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
      software: { type: 'boolean', default: false },
      'or-skip': { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  if (values['or-skip']) {
    const probe = (await probeAll({ threads: 1 }))[values.device as DeviceKind];
    if (!probe.ok) return sendRow({ what: 'skipped', reason: probe.reason });
  }
  const engines = Number(values.engines);
  const threads = Number(values.threads ?? Math.max(1, Math.floor(availableParallelism() / engines)));
  const sizes = values.sizes.split(',').map(Number);
  const { software } = values;
  const bench = {
    device: values.device as DeviceChoice,
    engines,
    threads,
    sizes,
    rounds: Number(values.rounds),
    software,
  };
  const figures = await run(bench, values.peer);
  console.log(`${render(figures)}\n\n${renderSteps(figures)}\n\n${renderResident(figures)}`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ ...bench, figures }, null, 2)}\n`);
}

await main();
