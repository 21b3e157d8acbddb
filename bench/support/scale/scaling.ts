import { type Client, Cluster, pdot, ref, Tensor } from 'directview';
import { samples } from '../stats.ts';

/** Strong and weak scaling of one kind of work on some engines. */
export interface Scaling {
  readonly engines: number;
  /** Milliseconds of the same work on all sizes, and of work that grows with the engines. */
  readonly strong: number;
  readonly weak: number;
}

/** Settings of a scaling run. */
export interface ScalingOptions {
  /** Numbers of engines, beginning with 1. */
  readonly sizes: readonly number[];
  readonly rounds: number;
}

const SIDE = 1024;
const TASKS = 64;
const TASK_MS = 10;
/** Rounds of a broadcast: the least time counts, as other work can only add to it. */
const BROADCASTS = 6;

declare const engine: { allReduce(value: unknown): Promise<unknown>; barrier(): Promise<void> };

/** Products of resident operands (1024 rows in all, or for each engine), and maps of tasks that compute for 10 ms. */
export async function scaling({ sizes, rounds }: ScalingOptions): Promise<{ pdot: Scaling[]; map: Scaling[] }> {
  const [products, maps]: [Scaling[], Scaling[]] = [[], []];
  for (const engines of sizes) {
    await using cluster = await Cluster.start({ engines, threads: 1, device: 'cpu' });
    await using rc = await cluster.connect();
    products.push({
      engines,
      strong: await productTime(rc, SIDE, rounds),
      weak: await productTime(rc, SIDE * engines, rounds),
    });
    maps.push({ engines, strong: await mapTime(rc, TASKS, rounds), weak: await mapTime(rc, TASKS * engines, rounds) });
  }
  return { pdot: products, map: maps };
}

async function productTime(rc: Client, rows: number, rounds: number): Promise<number> {
  const view = rc.view(':');
  const half = (m: number) => new Tensor('float32', [m, SIDE], new Float32Array(m * SIDE).fill(0.5));
  await Promise.all([view.scatter('A', half(rows)), view.push({ B: half(SIDE) })]);
  return Math.min(...(await samples(rounds, () => pdot(view, ref('A'), ref('B'), { into: 'C' }))));
}

/** The least milliseconds of a map of tasks that each compute for 10 ms of CPU. */
export async function mapTime(rc: Client, tasks: number, rounds: number): Promise<number> {
  const spin = (_: number, ms: number) => {
    const before = process.cpuUsage();
    let used = 0;
    while (used < 1000 * ms) {
      const { user, system } = process.cpuUsage(before);
      used = user + system;
    }
  };
  const items = Array.from({ length: tasks }, (_, i) => i);
  const ms = new Array<number>(tasks).fill(TASK_MS);
  return Math.min(...(await samples(rounds, () => rc.loadBalanced().map(spin, items, ms))));
}

/** The least milliseconds of an all-reduce of so many bytes on all engines, as the slowest of them sees it. */
export async function allReduceTime(rc: Client, bytes: number, rounds: number): Promise<number> {
  const run = async (length: number, times: number) => {
    const mine = new Float32Array(length).fill(0.5);
    await engine.allReduce(mine);
    await engine.barrier();
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < times; i++) {
      const start = performance.now();
      await engine.allReduce(mine);
      best = Math.min(best, performance.now() - start);
    }
    return best;
  };
  return Math.max(...(await rc.view(':').apply(run, bytes / 4, rounds)));
}

/** Milliseconds of giving one array to all engines over TCP with keys: by a push to each of them, and by one broadcast. */
export async function broadcastOverTcp(engines: number, bytes: number): Promise<{ pushes: number; broadcast: number }> {
  await using cluster = await Cluster.start({ engines, device: 'none', threads: 1, listen: 'tcp://127.0.0.1' });
  await using rc = await cluster.connect();
  const data = new Float32Array(bytes / 4).fill(1.5);
  // The links are opened, and memory is there.
  const pushes = async () => {
    for (const one of rc) await one.push({ data });
  };
  const together = rc.broadcast();
  const times: { pushes: number[]; broadcast: number[] } = { pushes: [], broadcast: [] };
  for (let round = 0; round < BROADCASTS; round++) {
    times.pushes.push(...(await samples(1, pushes, 0)));
    times.broadcast.push(...(await samples(1, () => together.push({ data }), 0)));
  }
  return { pushes: Math.min(...times.pushes), broadcast: Math.min(...times.broadcast) };
}

/** Milliseconds of one broadcast to all engines of this host, by the way that a cluster takes there by default. */
export async function broadcastHere(engines: number, bytes: number): Promise<number> {
  await using cluster = await Cluster.start({ engines, device: 'none', threads: 1 });
  await using rc = await cluster.connect();
  const data = new Float32Array(bytes / 4).fill(1.5);
  return Math.min(...(await samples(BROADCASTS, () => rc.broadcast().push({ data }))));
}
