import { type Client, Cluster, type DeviceChoice, pdot, ref, Tensor } from 'directview';
import { sampledDifference } from '../../kernels/matmul/product-check.ts';
import { table } from '../../src/cli/table.ts';
import { digits } from './contest.ts';
import { median, timed } from './stats.ts';

const KINDS = ['rows', 'grid', 'ring', 'summa'] as const;
type Kind = (typeof KINDS)[number];
const SHAPES: readonly Sizes[] = [
  [64, 64, 64],
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [4096, 256, 256],
  [256, 256, 4096],
  [256, 4096, 256],
  [1024, 64, 1024],
  [2048, 2048, 16],
  [16, 2048, 2048],
];
/** A plan within this part of the best one is as good as it. */
const AS_GOOD = 1.15;
const CHECKED_LINES = 2;

type Sizes = readonly [m: number, k: number, n: number];
/** Both operands at the client; A and B on the engines by rows. */
const PLACES = ['client', 'engines'] as const;

/** Settings of the comparison. */
export interface PlanOptions {
  readonly engines: readonly number[];
  readonly rounds: number;
  readonly device: DeviceChoice;
}

/** All plans of one product, and the one that the cost model chooses. */
export interface PlanFigure {
  readonly engines: number;
  readonly sizes: Sizes;
  readonly operands: (typeof PLACES)[number];
  readonly chosen: Kind;
  readonly best: Kind;
  /** The least time with the chosen plan as a multiple of the least of all plans. */
  readonly ratio: number;
  /** For each plan that is possible: the least and the median of its milliseconds, and those that the model predicts. */
  readonly plans: Readonly<
    Partial<Record<Kind, { readonly least: number; readonly median: number; readonly predicted: number }>>
  >;
}

/** Measures all plans of several shapes in turn, and checks one product of each. @throws Error for a wrong product */
export async function comparePlans({ engines, rounds, device }: PlanOptions): Promise<PlanFigure[]> {
  const figures: PlanFigure[] = [];
  for (const count of engines) {
    await using cluster = await Cluster.start({ engines: count, threads: 1, device });
    await using rc = await cluster.connect();
    await rc.probe();
    for (const sizes of SHAPES) {
      for (const operands of PLACES) figures.push(await onShape(rc, { sizes, operands, rounds }));
    }
  }
  return figures;
}

interface Run {
  readonly sizes: Sizes;
  readonly operands: (typeof PLACES)[number];
  readonly rounds: number;
}

async function onShape(rc: Client, { sizes, operands, rounds }: Run): Promise<PlanFigure> {
  const view = rc.view(':');
  const [m, k, n] = sizes;
  const [a, b] = [random([m, k]), random([k, n])];
  if (operands === 'engines') await Promise.all([view.scatter('A', a), view.scatter('B', b)]);
  const [x, y] = operands === 'engines' ? [ref('A'), ref('B')] : [a, b];
  const chosen = (await pdot.plan(view, x, y)).kind as Kind;
  const times = new Map<Kind, { readonly times: number[]; readonly predicted: number }>();
  for (const kind of KINDS) {
    const plan = await pdot.plan(view, x, y, { plan: kind }).catch(() => undefined);
    // A grid of one column is rows, and summa on it the ring.
    const isOther = (kind !== 'grid' && kind !== 'summa') || plan?.panels[1] !== 1;
    if (plan === undefined || (kind !== chosen && !isOther)) continue;
    const fault = sampledDifference(await pdot(view, x, y, { plan }), a, b, CHECKED_LINES);
    if (fault !== undefined) throw new Error(`plan ${kind} of ${sizes.join('×')} is wrong: ${fault}`);
    times.set(kind, { times: [], predicted: 1000 * (plan.seconds as number) });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [kind, one] of times) one.times.push(await timed(() => pdot(view, x, y, { plan: kind })));
  }
  if (operands === 'engines') await view.clear();
  return figureOf({ engines: rc.length, sizes, operands, chosen }, times);
}

type Times = ReadonlyMap<Kind, { readonly times: readonly number[]; readonly predicted: number }>;

function figureOf(what: Pick<PlanFigure, 'engines' | 'sizes' | 'operands' | 'chosen'>, times: Times): PlanFigure {
  const rows = [...times].map(([kind, one]) => ({
    kind,
    least: Math.min(...one.times),
    median: median(one.times),
    predicted: one.predicted,
  }));
  const best = rows.reduce((first, next) => (next.least < first.least ? next : first));
  const least = (rows.find(({ kind }) => kind === what.chosen) as (typeof rows)[number]).least;
  const plans = Object.fromEntries(rows.map(({ kind, ...figures }) => [kind, figures]));
  return { ...what, best: best.kind, ratio: least / best.least, plans };
}

function random(shape: readonly [number, number]): Tensor {
  const data = Float32Array.from({ length: shape[0] * shape[1] }, () => Math.random() - 0.5);
  return new Tensor('float32', shape, data);
}

/** A line for each product, and how many of the chosen plans are as good as the best one. */
export function renderPlans(figures: readonly PlanFigure[]): string {
  const rows = figures.map(({ engines, sizes, operands, chosen, best, ratio, plans }) => [
    String(engines),
    sizes.join('×'),
    operands,
    ...KINDS.map((kind) => {
      const one = plans[kind];
      return one === undefined ? '–' : `${digits(one.least)} (${digits(one.predicted)})`;
    }),
    chosen,
    best,
    digits(ratio),
  ]);
  const good = figures.filter(({ ratio }) => ratio <= AS_GOOD).length;
  const head = ['engines', 'm×k×n', 'operands at', ...KINDS.map((kind) => `${kind} ms`), 'chosen', 'best', 'ratio'];
  const sum = `chosen within ${Math.round(100 * (AS_GOOD - 1))} % of the best: ${good} of ${figures.length} (least times; predicted ones in brackets)`;
  return `${table(head, rows).trimEnd()}\n${sum}`;
}
