// Systems that take turns in one run, so that other load on the machine slows all of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './stats.ts';

/** One measured figure, with the figures of the peer and of the transport from the same run. */
export interface Figure {
  readonly name: string;
  /** The median of the rounds. */
  readonly value: number;
  /** In 'µs' and 'ms' small values are better, in other units large ones. */
  readonly unit: string;
  /** The median of the transport alone. */
  readonly raw?: number;
  /** The other system's median. */
  readonly peer?: number;
  /** How many times better than the peer: the median of the rounds' ratios. */
  readonly ratio?: number;
  /** (largest − smallest) / median of our rounds: how noisy the machine was. */
  readonly spread?: number;
  /** Further systems by their names. */
  readonly beside?: Readonly<Record<string, Other>>;
}

/** The figure of a further system, in the same unit. */
export interface Other {
  /** The median of the rounds. */
  readonly value: number;
  readonly spread: number;
  /** Ours as a multiple of it: the median of the rounds' ratios. A time is better below 1, a rate above. */
  readonly multiple: number;
}

/** Gives one value of a figure. */
export type Measure = () => Promise<number>;

/** A pause, so that one side's clean-up does not slow the other: ipyparallel's hub stores results after its answer. */
const SETTLE_MS = 500;

/** The sides of a contest. */
export interface Sides {
  readonly ours: Measure;
  /** The other system. */
  readonly theirs?: Measure | undefined;
  /** The transport alone. */
  readonly raw?: Measure | undefined;
  /** Further systems. */
  readonly beside?: Readonly<Record<string, Measure>> | undefined;
}

/** Measures the sides in turn. A round takes one value of each. */
export async function contest(
  { name, unit, rounds }: { readonly name: string; readonly unit: string; readonly rounds: number },
  { ours, theirs, raw, beside = {} }: Sides,
): Promise<Figure> {
  const [mine, others, bare]: [number[], number[], number[]] = [[], [], []];
  const further: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    if (raw !== undefined) bare.push(await raw());
    for (const [system, measure] of Object.entries(beside))
      further[system] = [...(further[system] ?? []), await measure()];
    mine.push(await ours());
    if (theirs === undefined) continue;
    await sleep(SETTLE_MS);
    others.push(await theirs());
    await sleep(SETTLE_MS);
  }
  const value = median(mine);
  const figure = {
    name,
    unit,
    value,
    spread: spreadOf(mine),
    ...(raw === undefined ? {} : { raw: median(bare) }),
    ...(Object.keys(further).length === 0 ? {} : { beside: compared(mine, further) }),
  };
  if (theirs === undefined) return figure;
  const ratios = mine.map((x, i) => (isTime(unit) ? (others[i] as number) / x : x / (others[i] as number)));
  return { ...figure, peer: median(others), ratio: median(ratios) };
}

function spreadOf(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** The other systems beside ours, round by round. */
function compared(
  mine: readonly number[],
  rounds: Readonly<Record<string, readonly number[]>>,
): NonNullable<Figure['beside']> {
  const other = (values: readonly number[]): Other => {
    const multiple = median(mine.map((ours, i) => ours / (values[i] as number)));
    return { value: median(values), spread: spreadOf(values), multiple };
  };
  return Object.fromEntries(Object.entries(rounds).map(([system, values]) => [system, other(values)]));
}

/** True if small values of this unit are better. */
export function isTime(unit: string): boolean {
  return unit === 'ms' || unit === 'µs';
}

/** The number with three digits; whole from 100 on. */
export function digits(x: number): string {
  return String(x >= 100 ? Math.round(x) : Number(x.toPrecision(3)));
}
