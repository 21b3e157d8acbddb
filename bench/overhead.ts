import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type Client, Cluster, type DirectView } from 'directview';
import { keepFreedMemory } from '../src/cli/script/keep-freed-memory.ts';
import { table } from '../src/cli/table.ts';
import { optimizeEarly } from '../src/util/diagnostics/early-optimization.ts';
import { unorderedImap, unorderedMap } from './support/balanced.ts';
import { renderAims } from './support/beside/aims.ts';
import { type Before, openBefore } from './support/beside/before.ts';
import { Others } from './support/beside/others.ts';
import { pushToMany } from './support/broadcast.ts';
import { contest, digits, type Figure, isTime, type Measure } from './support/contest.ts';
import { Peer, peerIfThere } from './support/peer.ts';
import { rawGather, rawPing, rawThroughput } from './support/raw-zeromq.ts';
import { median, samples, timed } from './support/stats.ts';

const USAGE = `The cost of a call beyond its work: latency, task rate, bytes per second, start-up. Plain zeromq, Unix sockets, copies of
memory, piscina and, where they are installed, ipyparallel, MPI and Ray take their turns in the same run.

node dist/bench/overhead.js [options]
  --engines N         engines of the cluster; default 4
  --sizes MB,MB       sizes of transfers in MB; default 1,16,100
  --rounds N          turns of each system; default 3
  --peer yes|no|auto  with ipyparallel: must it be there; default auto
  --before FOLDER     another checkout of this package, built: it takes its turns, too
  --json FILE         writes the figures`;

const MB = 1e6;
const ITEMS = 100_000;
const MANY = 8;
const MOST_SAMPLES = 30;
/** So much crosses before a turn of a transfer counts: 100 calls of 1 MB, as many as of no-ops. */
const WARMED_MEGABYTES = 100;
const PINGS = 500;
const PEER_PINGS = 100;
const TASKS = 20_000;
const PEER_TASKS = 1000;
const noop = () => undefined;
/** The transfers that bench/peers/overhead.py has, too. */
const IPYPARALLEL = new Set(['push to 1', 'pull from 1', 'scatter', 'gather']);

interface Bench {
  readonly engines: number;
  readonly rounds: number;
  readonly peer: Peer | undefined;
  readonly others: Others;
  readonly before: Before | undefined;
}

/** Another checkout's turn. `run` measures it as this one's. */
function earlier({ before }: Bench, run: (rc: Client) => Promise<number>): Readonly<Record<string, Measure>> {
  return before === undefined ? {} : { before: () => run(before.rc) };
}

/** The peer's answer to one request, as a round of a contest. */
function asks({ peer }: Bench, request: Parameters<Peer['ask']>[0]): Measure | undefined {
  return peer === undefined ? undefined : () => peer.ask(request);
}

/** Median µs of one no-op apply after another. */
async function latency(view: DirectView): Promise<number> {
  return 1000 * median(await samples(PINGS, () => view.apply(noop), 100));
}

/** Tasks a second with all of them in flight. */
async function rate(rc: Client): Promise<number> {
  const views = [...rc];
  const all = () => Promise.all(Array.from({ length: TASKS }, (_, i) => views[i % views.length]?.apply(noop)));
  return TASKS / ((await timed(all)) / 1000);
}

async function latencies(rc: Client, bench: Bench): Promise<Figure[]> {
  const { rounds, others } = bench;
  const ping = (name: string, all: boolean) => {
    const run = (it: Client) => latency(all ? it.view(':') : it.view(0));
    return contest(
      { name, unit: 'µs', rounds },
      {
        ours: () => run(rc),
        theirs: asks(bench, { do: 'latency', n: PEER_PINGS, all }),
        raw: async () => median(await rawPing(2 * PINGS, all ? rc.length : 1)),
        beside: { ...others.pings(all), ...earlier(bench, run) },
      },
    );
  };
  for (const client of [rc, bench.before?.rc]) if (client !== undefined) await rate(client);
  const tasks = (name: string, balanced: boolean) =>
    contest(
      { name, unit: '1/s', rounds },
      {
        ours: () => rate(rc),
        theirs: asks(bench, { do: 'tasks', n: PEER_TASKS, balanced }),
        beside: balanced ? {} : { ...others.tasks(), ...earlier(bench, rate) },
      },
    );
  const one = await ping('noop apply, 1 engine', false);
  return [
    { name: 'raw zeromq ping', value: one.raw as number, unit: 'µs' },
    one,
    await ping(`noop apply, ${rc.length} engines`, true),
    await tasks('pipelined noop tasks', false),
    await tasks('… beside its load-balanced', true),
  ];
}

async function transfers(rc: Client, bench: Bench, megabytes: number): Promise<Figure[]> {
  const bytes = megabytes * MB;
  const data = new Float32Array(bytes / 4).fill(1.5);
  // Few of a short call would tell of cold code and cold caches alone.
  const times = Math.min(MOST_SAMPLES, Math.max(3, Math.ceil(48 / megabytes)));
  const warmups = Math.ceil(WARMED_MEGABYTES / megabytes);
  const there = () => rawThroughput(bytes / rc.length, rc.length);
  const back = () => rawGather(bytes / rc.length, rc.length);
  const figure = (
    what: string,
    raw: Measure | undefined,
    run: (rc: Client) => PromiseLike<unknown>,
    beside: Parameters<Others['transfer']>[0] = 'other',
  ): Promise<Figure> => {
    const rateOf = async (it: Client) => megabytes / (median(await samples(times, () => run(it), warmups)) / 1000);
    const ours = () => rateOf(rc);
    const theirs = IPYPARALLEL.has(what) ? asks(bench, { do: 'transfer', what, bytes, n: 2 }) : undefined;
    const sides = { ours, theirs, raw, beside: { ...bench.others.transfer(beside, bytes), ...earlier(bench, rateOf) } };
    return contest({ name: `${what} ${megabytes} MB`, unit: 'MB/s', rounds: bench.rounds }, sides);
  };
  const push = await figure('push to 1', there, (it) => it.view(0).push({ data }));
  const pull = await figure('pull from 1', back, (it) => it.view(0).pull('data'));
  const pushAll = await figure(`push to ${rc.length}`, undefined, (it) => it.view(':').push({ data }), 'push');
  const scatter = await figure('scatter', there, (it) => it.view(':').scatter('part', data), 'scatter');
  const gather = await figure('gather', back, (it) => it.view(':').gather('part'), 'gather');
  const into = new Float32Array(data.length);
  const gatherInto = await figure('gather into', undefined, (it) => it.view(':').gather('part', { into }), 'gather');
  for (const client of [rc, bench.before?.rc]) await client?.view(':').clear();
  return [
    { name: `raw zeromq to ${rc.length} ${megabytes} MB`, value: scatter.raw as number, unit: 'MB/s' },
    { name: `raw zeromq from ${rc.length} ${megabytes} MB, kept`, value: gather.raw as number, unit: 'MB/s' },
    push,
    pushAll,
    pull,
    scatter,
    gather,
    gatherInto,
  ];
}

/** Milliseconds until all engines of a fresh cluster have answered. */
async function firstAnswer(engines: number): Promise<number> {
  const started = performance.now();
  await using cluster = await Cluster.start({ engines });
  await using rc = await cluster.connect();
  await rc.view(':').apply(noop);
  return performance.now() - started;
}

function startUp(bench: Bench): Promise<Figure> {
  const { engines, rounds } = bench;
  const name = `start, ${engines} engines answering`;
  return contest(
    { name, unit: 'ms', rounds },
    { ours: () => firstAnswer(engines), theirs: asks(bench, { do: 'start' }) },
  );
}

function render(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, raw, peer, ratio, spread, beside = {} }) => [
    name,
    spread === undefined ? digits(value) : `${digits(value)} ± ${digits(50 * spread)} %`,
    unit,
    raw === undefined ? '' : `${(value / raw).toFixed(2)} × raw`,
    peer === undefined ? '' : digits(peer),
    ratio === undefined ? '' : `${digits(ratio)} × ${isTime(unit) ? 'quicker' : 'as much'}`,
    Object.entries(beside)
      .map(
        ([system, { value, spread, multiple }]) =>
          `${system} ${digits(value)} ± ${digits(50 * spread)} % (${digits(multiple)} ×)`,
      )
      .join(', '),
  ]);
  return table(['figure', 'median', 'unit', 'beside zeromq', 'ipyparallel', 'ratio', 'others'], rows).trimEnd();
}

/** Work that is shared out by the client: 100 000 tiny items as they arrive, and one large value for many engines. */
async function shared(rc: Client, { rounds }: Bench): Promise<Figure[]> {
  const one = await unorderedMap(rc, ITEMS, 1);
  const chunked = await unorderedMap(rc, ITEMS, 'auto');
  const stream = await unorderedImap(rc, ITEMS);
  await using many = await Cluster.start({ engines: MANY });
  await using client = await many.connect();
  const push = await pushToMany(client, 16 * MB, 2 * rounds + 1);
  return [
    { name: `unordered map of ${ITEMS}`, value: one.rate, unit: '1/s' },
    { name: '… its peak memory', value: one.peakMegabytes, unit: 'MB' },
    { name: '… in chunks', value: chunked.rate, unit: '1/s' },
    { name: '… as imap, a stream', value: stream.rate, unit: '1/s' },
    { name: '… its peak memory', value: stream.peakMegabytes, unit: 'MB' },
    push,
  ];
}

async function openPeer(wish: string, engines: number): Promise<Peer | undefined> {
  const options = { script: 'overhead.py', args: [String(engines)], modules: ['ipyparallel', 'numpy'] };
  if (wish === 'no') return undefined;
  return wish === 'yes' ? Peer.start(options) : peerIfThere(options);
}

async function measure(bench: Bench, sizes: readonly number[]): Promise<Figure[]> {
  const figures: Figure[] = [await startUp(bench)];
  // As `directview run` does.
  optimizeEarly();
  await using cluster = await Cluster.start({ engines: bench.engines });
  await using rc = await cluster.connect();
  figures.push(...(await latencies(rc, bench)));
  for (const megabytes of sizes) figures.push(...(await transfers(rc, bench, megabytes)));
  figures.push(...(await shared(rc, bench)));
  return figures;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engines: { type: 'string', default: '4' },
      sizes: { type: 'string', default: '1,16,100' },
      rounds: { type: 'string', default: '3' },
      peer: { type: 'string', default: 'auto' },
      before: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  await keepFreedMemory();
  const engines = Number(values.engines);
  const load = loadavg()[0] as number;
  await using peer = await openPeer(values.peer, engines);
  await using others = await Others.find(engines);
  await using before = await openBefore(values.before, engines);
  const bench = { engines, rounds: Number(values.rounds), peer, others, before };
  const figures = await measure(bench, values.sizes.split(',').map(Number));
  console.log(`${render(figures)}\n\n${renderAims(figures, engines, MANY)}`);
  for (const line of others.skipped) console.log(line);
  console.log(`load before ${load.toFixed(1)}, after ${(loadavg()[0] as number).toFixed(1)}`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}

await main();
