// The cost model (docs/scale.md) for more engines than a host has: pure functions of measured costs.
import { broadcastSeconds, ringSeconds, treeSeconds } from '../../../engines/peers/link-costs.ts';
import { type ClusterCosts, secondsOf } from '../../../src/client/pdot/costs/costs.ts';
import { RELAY_BYTES } from '../../../src/protocol/relay-chunks.ts';

/** Engines of a relay; cluster-notes and launchers take the same. */
const FAN_OUT = 32;
/** Seconds of adding float32 numbers, for each of their four bytes, where nobody has measured it: no probe does. */
const ADD_S = 1e-9;

/** How a call reaches its engines. */
export interface Route {
  readonly seconds: number;
  /** Levels of agents that pass calls on; 0: straight from the client. */
  readonly levels: number;
}

/** Seconds of a no-op on `n` engines from the client to each. */
export function flatCall({ call, perEngine }: ClusterCosts, n: number): number {
  return call + (n - 1) * perEngine;
}

/**
 * Seconds of a no-op on `n` engines by a tree of agents: each passes the call on to as many others, and one answer for all back.
 * Each level costs what a call on its children costs.
 */
export function relayedCall(costs: ClusterCosts, n: number, fanOut = FAN_OUT): Route {
  const levels = Math.max(1, Math.ceil(Math.log(n) / Math.log(fanOut) - 1e-9));
  const children = Math.ceil(n ** (1 / levels) - 1e-9);
  return { seconds: levels * flatCall(costs, Math.max(1, children)), levels: levels - 1 };
}

/** The quicker one of the two. */
export function callOn(costs: ClusterCosts, n: number): Route {
  const flat = { seconds: flatCall(costs, n), levels: 0 };
  const relayed = relayedCall(costs, n);
  return relayed.seconds < flat.seconds ? relayed : flat;
}

/**
 * Seconds of a load-balanced map: `tasks` of `seconds` each on `n` engines. The client hands out one task after the other; with
 * agents it hands out as many at once as an agent has engines.
 */
export function mapOn(costs: ClusterCosts, n: number, tasks: number, seconds: number): number {
  const { levels, seconds: call } = callOn(costs, n);
  const handed = levels === 0 ? tasks : Math.ceil(tasks / Math.min(FAN_OUT, n));
  return Math.max(handed * costs.perEngine, Math.ceil(tasks / n) * seconds) + call;
}

/** Seconds of a broadcast of `bytes` between `n` engines: a binomial tree, or a chain of chunks. */
export function broadcastOn(costs: ClusterCosts, n: number, bytes: number): number {
  return n < 2 ? 0 : broadcastSeconds(costs, n, bytes, RELAY_BYTES);
}

/**
 * Seconds of an all-reduce of `bytes`: round a ring, or up a tree and down by a broadcast. Ranks agree on the shape first. `add`:
 * seconds of adding, for each byte. Each rank copies its value, or a level of the tree its sum, before it adds to it; a ring copies
 * the sums into their places, too.
 */
export function allReduceOn(costs: ClusterCosts, n: number, bytes: number, add = ADD_S): number {
  if (n < 2) return 0;
  const { copy = 0 } = costs;
  const agreed = 2 * treeSeconds(costs, n, 0);
  const summed = Math.ceil(Math.log2(n)) * bytes * (copy + add);
  const tree = treeSeconds(costs, n, bytes) + summed + broadcastOn(costs, n, bytes);
  if (n < 3) return agreed + tree;
  const ring = bytes * copy + 2 * ringSeconds(costs, n, bytes) + (1 - 1 / n) * bytes * (copy + add);
  return agreed + Math.min(ring, tree);
}

/** The quickest plan of a product of n × n float32 matrices from the client, and its seconds. */
export interface Product {
  readonly plan: string;
  readonly seconds: number;
}

/** As `plan()` of pdot counts, in closed form: it need not list 100,000 blocks. Square grids. */
export function productOn(costs: ClusterCosts, engines: number, size: number): Product {
  const bytes = 4 * size * size;
  const side = Math.max(1, Math.floor(Math.sqrt(engines)));
  const [busy, tiles] = [Math.min(engines, size), Math.min(side, size) ** 2];
  const common = { once: 2 * bytes, toClient: bytes, again: 0, between: 0, mail: 0 };
  const [row, panel] = [bytes / busy, bytes / Math.min(side, size)];
  const block = (parts: number) => (2 * size ** 3) / parts;
  const route = callOn(costs, engines);
  const plans: readonly [string, Parameters<typeof secondsOf>[1]][] = [
    ['rows', { ...common, rounds: 1, engines: 1, again: (busy - 1) * bytes, first: bytes + row, flops: block(busy) }],
    [
      'grid',
      {
        ...common,
        rounds: 1,
        engines: 1,
        again: 2 * (side - 1) * bytes,
        first: 2 * panel,
        copiedHere: side === 1 ? 0 : 2 * bytes,
        flops: block(tiles),
      },
    ],
    [
      'ring',
      {
        ...common,
        rounds: 2,
        engines: 1,
        between: bytes,
        first: 2 * row,
        mail: engines - 1,
        copied: bytes,
        touched: bytes,
        flops: block(busy),
      },
    ],
    [
      'summa',
      {
        ...common,
        rounds: 2,
        engines: 1,
        between: 2 * panel,
        first: 2 * row,
        mail: engines + side - 2,
        copied: 2 * panel + (side === 1 ? 0 : row),
        copiedHere: side === 1 ? 0 : bytes,
        touched: 2 * panel,
        flops: block(tiles),
      },
    ],
  ];
  const timed = plans.map(([plan, work]): Product => {
    // Calls go by the quickest route.
    const calls = work.rounds * (route.seconds - costs.call);
    return { plan, seconds: secondsOf(costs, work) + calls };
  });
  return timed.reduce((best, next) => (next.seconds < best.seconds ? next : best));
}

/**
 * The costs of engines that share the cores of one host: beyond one engine a core, each multiplies, copies and passes on as much
 * slower, and one alone is as quick as it was measured alone. `measured`: as many engines as shared them when the costs were measured.
 */
export function sharing(costs: ClusterCosts, n: number, cores: number, measured = costs.engines): ClusterCosts {
  const [now, before] = [Math.max(1, n / cores), Math.max(1, measured / cores)];
  const slower = now / before;
  if (slower === 1 && n === measured) return costs;
  const { flops, flopsAlone, copy, touch } = costs;
  const all = { between: costs.between * slower, mail: costs.mail * slower };
  const optional = { copy: (copy ?? 0) * slower, touch: (touch ?? 0) * slower };
  const rate =
    flops === null ? null : Math.min((flopsAlone ?? flops * before) / now, (flops * Math.max(measured, cores)) / n);
  const known = Object.fromEntries(
    Object.entries(optional).filter(([key]) => costs[key as 'copy' | 'touch'] !== undefined),
  );
  return { ...costs, ...all, ...known, flops: rate, flopsAlone: rate ?? undefined };
}

/**
 * Seconds of a load-balanced map on one host, whose cores the engines share with the client, which spends `perEngine` on each task.
 */
export function mapHere(
  { call, perEngine }: ClusterCosts,
  n: number,
  cores: number,
  tasks: number,
  seconds: number,
): number {
  const each = Math.ceil(tasks / Math.min(n, cores)) * seconds;
  return call + Math.max(each, (tasks * (seconds + perEngine)) / cores);
}
