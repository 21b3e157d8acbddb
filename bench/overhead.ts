// What a call costs beyond its work: latency, task rate, bytes per second, start-up; beside plain zeromq in the same run.
// `node dist/bench/overhead.js [--json FILE]`
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Client, Cluster, type DirectView } from 'directview';
import { rawPing, rawThroughput } from './support/raw-zeromq.ts';
import { median, samples, table, timed } from './support/stats.ts';

const MB = 1e6;
const PINGS = 1000;
const TASKS = 20_000;
const noop = () => undefined;

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly peer?: number;
}

/** Median µs of one no-op apply after another. */
async function latency(view: DirectView): Promise<number> {
  return 1000 * median(await samples(PINGS, () => view.apply(noop), 100));
}

/** Tasks a second with all of them in flight. */
async function rate(rc: Client): Promise<number> {
  const views = [...rc];
  const all = () => Promise.all(Array.from({ length: TASKS }, (_, i) => views[i % views.length]?.apply(noop)));
  return median((await samples(3, all)).map((ms) => TASKS / (ms / 1000)));
}

/** MB/s of one collective on `bytes` in all. */
async function throughput(run: () => PromiseLike<unknown>, bytes: number): Promise<number> {
  return median((await samples(5, run, 2)).map((ms) => bytes / MB / (ms / 1000)));
}

async function latencies(rc: Client): Promise<Figure[]> {
  const raw = median(await rawPing(PINGS));
  return [
    { name: 'raw zeromq ping', value: raw, unit: 'µs' },
    { name: 'noop apply, 1 engine', value: await latency(rc.view(0)), unit: 'µs', peer: raw },
    { name: `noop apply, ${rc.length} engines`, value: await latency(rc.view(':')), unit: 'µs', peer: raw },
    { name: 'pipelined noop tasks', value: await rate(rc), unit: '1/s' },
  ];
}

async function transfers(rc: Client, megabytes: number): Promise<Figure[]> {
  const bytes = megabytes * MB;
  const data = new Float32Array(bytes / 4).fill(1.5);
  const [all, one] = [rc.view(':'), rc.view(0)];
  const raw = await rawThroughput(bytes / rc.length, rc.length);
  const figure = async (name: string, moved: number, run: () => PromiseLike<unknown>): Promise<Figure> => {
    return { name: `${name} ${megabytes} MB`, value: await throughput(run, moved), unit: 'MB/s', peer: raw };
  };
  const figures = [
    { name: `raw zeromq one way ${megabytes} MB`, value: raw, unit: 'MB/s' },
    await figure('push to 1', bytes, () => one.push({ data })),
    await figure('pull from 1', bytes, () => one.pull('data')),
    await figure('scatter', bytes, () => all.scatter('part', data)),
    await figure('gather', bytes, () => all.gather('part')),
  ];
  await all.clear();
  return figures;
}

async function firstAnswer(): Promise<Figure> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    let cluster: Cluster | undefined;
    let rc: Client | undefined;
    times.push(
      await timed(async () => {
        cluster = await Cluster.start({ engines: 4 });
        const client = await cluster.connect();
        rc = client;
        await client.view(':').apply(noop);
      }),
    );
    await rc?.close();
    await cluster?.stop();
  }
  return { name: 'start, 4 engines answering', value: median(times), unit: 'ms' };
}

function render(figures: readonly Figure[]): string {
  const round = (x: number) => (x >= 100 ? Math.round(x) : Number(x.toPrecision(3)));
  const rows = figures.map(({ name, value, unit, peer }) => [
    name,
    round(value),
    unit,
    peer === undefined ? '' : `${(value / peer).toFixed(2)} × raw`,
  ]);
  return table([['figure', 'median', 'unit', 'ratio'], ...rows]);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'string' } } });
  const figures: Figure[] = [await firstAnswer()];
  await using cluster = await Cluster.start({ engines: 4 });
  await using rc = await cluster.connect();
  figures.push(...(await latencies(rc)));
  for (const megabytes of [1, 16, 100]) figures.push(...(await transfers(rc, megabytes)));
  console.log(render(figures));
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}

await main();
