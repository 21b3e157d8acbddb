// Corners in photographs, in pictures per second: `batch('corners', …)` as `directview corners` does it, from the search for
// the files to the last line of its results, on each context. Beside it scikit-image through ipyparallel's map, and OpenCV
// through joblib. All take the same files (decoded on the engines each time), the same parameters, and the same numbers of
// processes and threads, in turns in one run.
// `node dist/bench/corners.js [--json FILE] [--engines N] [--repeat K] [--rounds R] [--device wasm,tensorflow,…]
// [--software]`
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BatchRecord, batch, Cluster, type DeviceChoice, getPictures } from 'directview';
import { table } from '../src/cli/table.ts';
import { contest } from './support/contest.ts';
import { peerIfThere } from './support/peer.ts';
import { sendRow } from './support/rows.ts';
import { timed } from './support/stats.ts';

const ROOT = new URL('../../', import.meta.url);
/** PGM: as the check-up of a card brings them. */
const ENDINGS = ['.png', '.jpg', '.pgm'];
const CONTEXTS: readonly DeviceChoice[] = ['webgpu', 'tensorflow', 'wasm', 'cpu'];

interface Figure {
  readonly context: string;
  readonly engines: number;
  readonly picturesPerSecond: number;
  /** Corners in all the pictures; the peer must find as many. */
  readonly corners: number;
  /** The peer that it was measured beside, in turns, and our rate over the peer's with the same number of engines. */
  readonly beside?: string | undefined;
  readonly ratio?: number | undefined;
  readonly skipped?: string;
}

interface Run {
  readonly ms: number;
  readonly corners: number;
}

/** One side of the contest. */
interface Runner {
  readonly name: string;
  /** Times one pass over all pictures, and counts the corners. */
  run(paths: readonly string[]): Promise<Run>;
  close(): Promise<void>;
}

async function openContext(device: DeviceChoice, engines: number, softwareGpu: boolean): Promise<Runner> {
  const cluster = await Cluster.start({ engines, device, softwareGpu: softwareGpu && device === 'webgpu' });
  const client = await cluster.connect();
  const folder = await mkdtemp(join(tmpdir(), 'directview-bench-'));
  const json = join(folder, 'corners.jsonl');
  const params = { minDistance: 5, thresholdRel: 0.1, like: 'skimage' };
  const run = async (paths: readonly string[]) => {
    let corners = 0;
    const onRecord = (record: BatchRecord) => {
      corners += (record['corners'] as unknown[]).length;
    };
    const ms = await timed(async () => {
      const { failures } = await batch('corners', paths, { client, params, json, onRecord });
      if (failures[0] !== undefined) throw new Error(failures[0].reason);
    });
    return { ms, corners };
  };
  const close = async () => {
    await cluster.stop();
    await rm(folder, { recursive: true });
  };
  return { name: device, run, close };
}

interface PeerKind {
  readonly name: string;
  readonly script: string;
  readonly modules: readonly string[];
}

/** Each does the same steps on the same files, in as many processes as there are engines, with as many threads each. */
const PEERS: readonly PeerKind[] = [
  { name: 'scikit-image + ipyparallel', script: 'skimage-corners.py', modules: ['skimage', 'ipyparallel'] },
  { name: 'OpenCV + joblib', script: 'opencv-corners.py', modules: ['cv2', 'joblib'] },
];

/** Undefined, with the reason on stderr, if Python lacks a module. */
async function openPeer({ name, script, modules }: PeerKind, engines: number): Promise<Runner | undefined> {
  const threads = String(Math.max(1, Math.floor(availableParallelism() / engines)));
  const peer = await peerIfThere({
    script,
    args: [String(engines), threads],
    modules,
    env: { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  });
  if (peer === undefined) return undefined;
  return {
    name,
    run: (paths) => peer.ask<Run>({ do: 'corners', paths }),
    close: () => peer[Symbol.asyncDispose](),
  };
}

/** Runs our rounds and the peer's in turns, after one round that loads libraries and compiles. */
async function race(ours: Runner, peer: Runner | undefined, engines: number, plan: Plan): Promise<Figure[]> {
  const found = new Map<string, number>();
  const rate = (runner: Runner) => async () => {
    const { ms, corners } = await runner.run(plan.paths);
    found.set(runner.name, corners);
    return plan.paths.length / (ms / 1000);
  };
  const figure = (name: string, picturesPerSecond: number): Figure => {
    return { context: name, engines, picturesPerSecond, corners: found.get(name) as number };
  };
  const sides = { ours: rate(ours), theirs: peer && rate(peer) };
  await sides.ours();
  await sides.theirs?.();
  const result = await contest({ name: ours.name, unit: '1/s', rounds: plan.rounds }, sides);
  const own = figure(ours.name, result.value);
  if (peer === undefined || result.peer === undefined) return [own];
  return [{ ...own, beside: peer.name, ratio: result.ratio }, figure(peer.name, result.peer)];
}

async function measure(device: DeviceChoice, engines: number, plan: Plan): Promise<Figure[]> {
  let ours: Runner;
  try {
    ours = await openContext(device, engines, plan.software);
  } catch (error) {
    const { message } = error as Error;
    // The engine's own words, where it had any.
    const skipped = /(?:ContextError|cannot start): (.*)/.exec(message)?.[1] ?? message.split('\n').join(' ');
    return [{ context: device, engines, picturesPerSecond: 0, corners: 0, skipped }];
  }
  const figures: Figure[] = [];
  try {
    for (const kind of PEERS) {
      const peer = await openPeer(kind, engines);
      // Without any peer our own figure is still worth a round.
      if (peer === undefined && (kind !== PEERS.at(-1) || figures.length > 0)) continue;
      figures.push(...(await race(ours, peer, engines, plan).finally(() => peer?.close())));
    }
  } finally {
    await ours.close();
  }
  return figures;
}

interface Plan {
  /** Accept a GPU in software. */
  readonly software: boolean;
  readonly paths: readonly string[];
  readonly rounds: number;
}

/** Compared with the context that was measured first: `--device cpu,…` makes it the reference. */
function verdictOf({ corners, skipped }: Figure, first: Figure | undefined): true | string | undefined {
  if (skipped !== undefined) return skipped;
  if (first === undefined || first.skipped !== undefined) return undefined;
  return corners === first.corners ? true : `${corners} corners, ${first.context} finds ${first.corners}`;
}

function render(figures: readonly Figure[]): string {
  const rows = figures.map(({ context, engines, picturesPerSecond, corners, beside, ratio, skipped }) => [
    context,
    engines,
    skipped === undefined ? picturesPerSecond.toFixed(1) : '-',
    skipped === undefined ? corners : '-',
    skipped === undefined ? (ratio === undefined ? '' : `${ratio.toFixed(2)} × ${beside}`) : `skipped: ${skipped}`,
  ]);
  return table(['context', 'engines', 'pictures/s', 'corners', 'ratio'], rows).trimEnd();
}

async function copiesOf(pictures: readonly string[], times: number, folder: string): Promise<string[]> {
  const copies: string[] = [];
  for (let i = 0; i < times; i++) {
    for (const picture of pictures) {
      const copy = join(folder, `${i}-${basename(picture)}`);
      await copyFile(picture, copy);
      copies.push(copy);
    }
  }
  return copies;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      engines: { type: 'string', default: String(Math.max(2, availableParallelism())) },
      repeat: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '5' },
      device: { type: 'string', default: CONTEXTS.join(',') },
      software: { type: 'boolean', default: false },
    },
  });
  const pictures = await Promise.all(
    ['examples/data', 'test/data'].map((dir) =>
      getPictures(fileURLToPath(new URL(dir, ROOT)), { extensions: ENDINGS }),
    ),
  );
  if (pictures.flat().length === 0) throw new Error('there are no pictures in examples/data and test/data');
  // A batch does each file once: the same pictures under many names.
  const folder = await mkdtemp(join(tmpdir(), 'directview-bench-'));
  const paths = await copiesOf(pictures.flat(), Number(values.repeat), folder);
  const plan: Plan = { paths, rounds: Number(values.rounds), software: values.software };
  console.log(`${paths.length} pictures; ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`);
  const figures: Figure[] = [];
  for (const device of values.device.split(',') as DeviceChoice[]) {
    for (const engines of new Set([1, Number(values.engines)])) {
      const measured = await measure(device, engines, plan);
      for (const figure of measured) sendRow({ what: 'corners', ...figure, verified: verdictOf(figure, figures[0]) });
      figures.push(...measured);
    }
  }
  console.log(render(figures));
  await rm(folder, { recursive: true });
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}

await main();
