import {
  type Client,
  Cluster,
  type ClusterCosts,
  type DeviceChoice,
  type PdotPlan,
  pdot,
  ref,
  Tensor,
} from 'directview';
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
/** Rounds of one product at most. */
const MOST_ROUNDS = 100;

type Sizes = readonly [m: number, k: number, n: number];
/** Both operands at the client; A and B on the engines by rows. */
const PLACES = ['client', 'engines'] as const;

/** Settings of the comparison. */
export interface PlanOptions {
  readonly engines: readonly number[];
  /** Rounds of each product at least; more while its share of the seconds lasts. */
  readonly rounds: number;
  /** Seconds of all products together. */
  readonly seconds: number;
  readonly device: DeviceChoice;
}

/** The times of one plan in milliseconds. */
export interface PlanTimes {
  readonly least: number;
  readonly median: number;
  /** The time that the model predicts. */
  readonly predicted: number;
  /** (median − least) / least: how noisy the machine was. */
  readonly spread: number;
}

/** All plans of one product, and the one that the cost model chooses. */
export interface PlanFigure {
  readonly engines: number;
  readonly sizes: Sizes;
  readonly operands: (typeof PLACES)[number];
  readonly rounds: number;
  readonly chosen: Kind;
  readonly best: Kind;
  /** The least time with the chosen plan as a multiple of the least of all plans. */
  readonly ratio: number;
  /** Those that are possible; one that has another name as well stands under the first of its names. */
  readonly plans: Readonly<Partial<Record<Kind, PlanTimes>>>;
}

/** The costs of each number of engines, and the products on them. */
export interface PlanComparison {
  readonly costs: readonly ClusterCosts[];
  readonly plans: readonly PlanFigure[];
}

/** Measures all plans of several shapes in turn, and checks one product of each. @throws Error for a wrong product */
export async function comparePlans({ engines, rounds, seconds, device }: PlanOptions): Promise<PlanComparison> {
  const [plans, costs]: [PlanFigure[], ClusterCosts[]] = [[], []];
  const each = (1000 * seconds) / (engines.length * SHAPES.length * PLACES.length);
  for (const count of engines) {
    await using cluster = await Cluster.start({ engines: count, threads: 1, device });
    await using rc = await cluster.connect();
    costs.push(await rc.probe());
    for (const sizes of SHAPES) {
      for (const operands of PLACES) plans.push(await onShape(rc, { sizes, operands, rounds, ms: each }));
    }
  }
  return { costs, plans };
}

interface Run {
  readonly sizes: Sizes;
  readonly operands: (typeof PLACES)[number];
  readonly rounds: number;
  readonly ms: number;
}

async function onShape(rc: Client, { sizes, operands, rounds, ms }: Run): Promise<PlanFigure> {
  const view = rc.view(':');
  const [m, k, n] = sizes;
  const [a, b] = [random([m, k]), random([k, n])];
  if (operands === 'engines') await Promise.all([view.scatter('A', a), view.scatter('B', b)]);
  const [x, y] = operands === 'engines' ? [ref('A'), ref('B')] : [a, b];
  const plans = await different(async (kind) => pdot.plan(view, x, y, { plan: kind }).catch(() => undefined));
  const auto = await pdot.plan(view, x, y);
  const chosen = [...plans].find(([, plan]) => isSame(plan, auto))?.[0] as Kind;
  const times = new Map<Kind, { readonly times: number[]; readonly predicted: number }>();
  for (const [kind, plan] of plans) {
    const fault = sampledDifference(await pdot(view, x, y, { plan }), a, b, CHECKED_LINES);
    if (fault !== undefined) throw new Error(`plan ${kind} of ${sizes.join('×')} is wrong: ${fault}`);
    times.set(kind, { times: [], predicted: 1000 * (plan.seconds as number) });
  }
  const until = performance.now() + ms;
  for (let round = 0; round < rounds || (round < MOST_ROUNDS && performance.now() < until); round++) {
    // In turn, and each of them first: what a plan leaves behind must not count for the same one always.
    const turn = [...times].map((_, i, all) => all[(i + round) % all.length] as (typeof all)[number]);
    for (const [kind, one] of turn)
      one.times.push(await timed(() => pdot(view, x, y, { plan: plans.get(kind) as PdotPlan })));
  }
  if (operands === 'engines') await view.clear();
  return figureOf({ engines: rc.length, sizes, operands, chosen }, times);
}

/** The plans that are possible. Two that do the same count as one: a grid of one column is rows, and summa on it the ring. */
async function different(planOf: (kind: Kind) => Promise<PdotPlan | undefined>): Promise<Map<Kind, PdotPlan>> {
  const plans = new Map<Kind, PdotPlan>();
  for (const kind of KINDS) {
    const plan = await planOf(kind);
    if (plan !== undefined && ![...plans.values()].some((one) => isSame(one, plan))) plans.set(kind, plan);
  }
  return plans;
}

function isSame(one: PdotPlan, other: PdotPlan): boolean {
  const isPassed = ({ kind }: PdotPlan) => kind === 'ring' || kind === 'summa';
  const textOf = ({ blocks, traffic }: PdotPlan) => JSON.stringify([blocks, traffic]);
  return isPassed(one) === isPassed(other) && textOf(one) === textOf(other);
}

type Times = ReadonlyMap<Kind, { readonly times: readonly number[]; readonly predicted: number }>;

function figureOf(what: Pick<PlanFigure, 'engines' | 'sizes' | 'operands' | 'chosen'>, times: Times): PlanFigure {
  const rows = [...times].map(([kind, { times: all, predicted }]) => {
    const [shortest, middle] = [Math.min(...all), median(all)];
    return { kind, least: shortest, median: middle, predicted, spread: middle / shortest - 1 };
  });
  const best = rows.reduce((first, next) => (next.least < first.least ? next : first));
  const least = (rows.find(({ kind }) => kind === what.chosen) as (typeof rows)[number]).least;
  const plans = Object.fromEntries(rows.map(({ kind, ...figures }) => [kind, figures]));
  const rounds = [...times.values()][0]?.times.length ?? 0;
  return { ...what, rounds, best: best.kind, ratio: least / best.least, plans };
}

function random(shape: readonly [number, number]): Tensor {
  const data = Float32Array.from({ length: shape[0] * shape[1] }, () => Math.random() - 0.5);
  return new Tensor('float32', shape, data);
}

/** A line for each product, those that are outside of 15 %, and how many are within it. */
export function renderPlans({ costs, plans: figures }: PlanComparison): string {
  const rows = figures.map(({ engines, sizes, operands, chosen, best, ratio, plans, rounds }) => [
    String(engines),
    sizes.join('×'),
    operands,
    ...KINDS.map((kind) => {
      const one = plans[kind];
      return one === undefined ? '–' : `${digits(one.least)} ±${digits(100 * one.spread)}% (${digits(one.predicted)})`;
    }),
    String(rounds),
    chosen,
    best,
    digits(ratio),
  ]);
  const head = [
    'engines',
    'm×k×n',
    'operands at',
    ...KINDS.map((kind) => `${kind} ms`),
    'rounds',
    'chosen',
    'best',
    'ratio',
  ];
  const lines = [
    ...costs.map((one) => `costs of ${one.engines} engines: ${JSON.stringify(one)}`),
    table(head, rows).trimEnd(),
    'Least times, the median as a part above them, and predicted ones in brackets.',
    ...figures.filter(({ ratio }) => ratio > AS_GOOD).map(outside),
    verdict(figures),
  ];
  return lines.join('\n');
}

function outside({ engines, sizes, operands, chosen, best, ratio, plans }: PlanFigure): string {
  const [mine, other] = [plans[chosen] as PlanTimes, plans[best] as PlanTimes];
  const worse = `${digits(100 * (ratio - 1))} % (${digits(mine.least - other.least)} ms) slower than ${best}`;
  return `outside: ${sizes.join('×')} at the ${operands} on ${engines}: ${chosen} is ${worse}; medians ${digits(mine.median / other.median)} ×`;
}

function verdict(figures: readonly PlanFigure[]): string {
  const good = figures.filter(({ ratio }) => ratio <= AS_GOOD).length;
  const worst = Math.max(...figures.map(({ ratio }) => ratio));
  const within = `${good} of ${figures.length} products within ${Math.round(100 * (AS_GOOD - 1))} % of the best`;
  return `${within}, the worst ${digits(worst)} ×`;
}
