import { type Client, Cluster, type ClusterCosts } from 'directview';
import { isPiped } from '../../../engines/collectives/broadcast.ts';
import { goesRound } from '../../../engines/collectives/ring.ts';
import type { LinkCosts } from '../../../engines/peers/link-costs.ts';
import { callsOf } from '../../../src/client/direct-view.ts';
import { knownCosts } from '../../../src/client/pdot/costs/known-costs.ts';

/** Bytes of the value of each rank, and how often it goes in one measurement. */
const SIZES: readonly (readonly [bytes: number, times: number])[] = [
  [1e3, 20],
  [1e5, 10],
  [1e7, 2],
];
const OPS = ['broadcast', 'all-gather', 'all-reduce', 'reduce-scatter', 'all-to-all'] as const;
type Op = (typeof OPS)[number];
const LEAST_TURNS = 3;
/** Costs by which ranks choose a way whatever the value: messages, or bytes cost alone. */
const FORCED = {
  tree: { mail: 1, between: 0, mailAlone: 0, betweenAlone: 0 },
  ring: { mail: 0, between: 1, mailAlone: 0, betweenAlone: 1 },
} as const;
type Forced = keyof typeof FORCED;

declare const engine: {
  readonly rank: number;
  readonly size: number;
  barrier(): Promise<void>;
  broadcast(value: unknown): Promise<unknown>;
  scatter(values: unknown, options: { root: number }): Promise<unknown>;
  allGather(value: unknown): Promise<unknown[]>;
  allReduce(value: unknown): Promise<unknown>;
  reduceScatter(value: unknown): Promise<unknown>;
  allToAll(values: unknown): Promise<unknown>;
};

/** One collective of one size, by each way that there is. */
export interface CollectiveFigure {
  readonly what: Op;
  readonly engines: number;
  readonly bytes: number;
  /** The least milliseconds by each way. */
  readonly ways: Readonly<Record<string, number>>;
  readonly chosen: string;
  readonly best: string;
  /** The time of the chosen way as a multiple of the least one. */
  readonly ratio: number;
}

/** How a collective is run: what ranks take messages and bytes to cost, and whether the other way of `collective` is meant. */
interface Way {
  readonly name: string;
  readonly links: Forced | 'measured';
  readonly isOther: boolean;
}

/** Measures collectives of engines of this host by each way in turn, for so many seconds, and the way that they choose. */
export async function compareCollectives(engines: number, seconds: number): Promise<CollectiveFigure[]> {
  await using cluster = await Cluster.start({ engines, threads: 1, device: 'none' });
  await using rc = await cluster.connect();
  await using tree = await cluster.connect();
  await using ring = await cluster.connect();
  const costs = await rc.probe();
  for (const [client, links] of [
    [tree, FORCED.tree],
    [ring, FORCED.ring],
    // The last one writes what is true.
    [rc, {}],
  ] as const)
    believe(client, { ...costs, ...links });
  const clients = { tree, ring, measured: rc };
  const ms = (1000 * seconds) / OPS.length / SIZES.length;
  const figures: CollectiveFigure[] = [];
  for (const what of OPS) {
    for (const [bytes, times] of SIZES) {
      const { ways, chosen } = waysOf(what, engines, bytes, costs);
      const least = await inTurn(ways, ms, (way) =>
        timeOf(clients[way.links], { what, bytes, times, isOther: way.isOther }),
      );
      const [best] = Object.entries(least).reduce((first, next) => (next[1] < first[1] ? next : first));
      const ratio = (least[chosen] as number) / (least[best] as number);
      figures.push({ what, engines, bytes, ways: least, chosen, best, ratio });
    }
  }
  return figures;
}

/** This client tells ranks that messages cost so much. */
function believe(rc: Client, costs: ClusterCosts): void {
  const { links } = callsOf(rc.view(':'));
  knownCosts.get(links)?.keep(costs, links.engines);
}

/** The ways that differ, and the name of the one that ranks choose. */
function waysOf(what: Op, size: number, bytes: number, costs: LinkCosts): { ways: Way[]; chosen: string } {
  if (what === 'all-gather' || what === 'all-to-all') {
    const [own, other] = ['direct', what === 'all-gather' ? 'all-to-all' : 'scatters'];
    const ways = [own, other].map((name, i): Way => ({ name: name as string, links: 'measured', isOther: i === 1 }));
    return { ways, chosen: own as string };
  }
  const nameOf = (links: LinkCosts): string => {
    if (what === 'broadcast') return isPiped(size, bytes, links) ? 'chain' : 'tree';
    const group = { size, links } as Parameters<typeof goesRound>[0];
    return goesRound(group, new Float32Array(bytes / 4), 'sum', what) ? 'ring' : 'tree';
  };
  const ways = new Map<string, Way>();
  for (const links of ['tree', 'ring'] as const) {
    const name = nameOf(FORCED[links]);
    ways.set(name, { name, links, isOther: false });
  }
  const whole = 'all-reduce, then a part';
  if (what === 'reduce-scatter') ways.set(whole, { name: whole, links: 'measured', isOther: true });
  return { ways: [...ways.values()], chosen: nameOf(costs) };
}

async function inTurn(
  ways: readonly Way[],
  ms: number,
  run: (way: Way) => Promise<number>,
): Promise<Record<string, number>> {
  const least: Record<string, number> = {};
  for (const way of ways) await run(way);
  const until = performance.now() + ms;
  for (let turn = 0; turn < LEAST_TURNS || performance.now() < until; turn++) {
    for (const way of ways) {
      const time = await run(way);
      least[way.name] = Math.min(time, least[way.name] ?? time);
    }
  }
  return least;
}

interface Run {
  readonly what: Op;
  readonly bytes: number;
  readonly times: number;
  readonly isOther: boolean;
}

/** Milliseconds of one collective, as the slowest rank sees it. */
async function timeOf(rc: Client, { what, bytes, times, isOther }: Run): Promise<number> {
  const collective = async (name: Op, length: number, count: number, other: boolean): Promise<number> => {
    const { rank, size } = engine;
    const mine = new Float32Array(length).fill(rank);
    const part = mine.subarray(0, Math.ceil(length / size));
    const all = new Array(size).fill(mine);
    const once = async (): Promise<unknown> => {
      if (name === 'broadcast') return engine.broadcast(mine);
      if (name === 'all-gather') return other ? engine.allToAll(all) : engine.allGather(mine);
      if (name === 'all-reduce') return engine.allReduce(mine);
      if (name === 'reduce-scatter') return other ? engine.allReduce(mine) : engine.reduceScatter(mine);
      const parts = new Array(size).fill(part);
      if (!other) return engine.allToAll(parts);
      // Both make sure that all ranks have values of one kind.
      await engine.allReduce(1);
      for (let root = 0; root < size; root++) await engine.scatter(parts, { root });
      return undefined;
    };
    await engine.barrier();
    const start = performance.now();
    for (let i = 0; i < count; i++) await once();
    await engine.barrier();
    return (performance.now() - start) / count;
  };
  return Math.max(...(await rc.view(':').apply(collective, what, bytes / 4, times, isOther)));
}
