// The load-balancing notebook, with its seconds as tens of milliseconds: engines take the next task when they are free.
import { isDeepStrictEqual } from 'node:util';
import { type Client, Cluster, range, ref } from 'directview';
import { cell, check, checksPassed } from './support/tour.ts';

/** Runs on the engines. */
const nap = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
declare const id: number;

const power = (x: number) => x ** 10;

async function basics(rc: Client): Promise<void> {
  const lview = rc.loadBalanced();
  cell('lview.apply(f) == e0.apply(f)');
  const double = (x: number) => 2 * x;
  check('a bare value, as of one engine', (await lview.apply(double, 21)) === (await rc[0].apply(double, 21)));

  cell('eight pids, one call after another');
  const pids: number[] = [];
  for (let i = 0; i < 2 * rc.length; i++) pids.push(await lview.apply(() => process.pid));
  console.log(pids);
  check('idle engines take turns', isDeepStrictEqual(pids.slice(0, 4), pids.slice(4)) && new Set(pids).size === 4);

  cell('lview.map(x => x ** 10, range(32))');
  const [one, four] = [lview.map(power, range(32)), lview.map(power, range(32), { chunkSize: 4 })];
  check('32 messages; in chunks of four, 8', one.msgIds.length === 32 && four.msgIds.length === 8);
  check('map equals the serial result', isDeepStrictEqual(await one, range(32).map(power)));
  check('also in chunks', isDeepStrictEqual(await four, await one));
}

async function sleeps(rc: Client): Promise<void> {
  const engines = rc[':'];
  await engines.scatter('id', rc.ids, { flatten: true });
  cell('engines.apply(sleep, ref("id")), iterated');
  const started = performance.now();
  const seen: number[] = [];
  for await (const engine of engines.apply(async (n: number) => {
    await new Promise((resolve) => setTimeout(resolve, 50 * n));
    return n;
  }, ref('id'))) {
    seen.push(engine);
    console.log(`engine ${engine} after ${Math.round(performance.now() - started)} ms`);
  }
  check('results come as engines finish', isDeepStrictEqual(seen, [0, 1, 2, 3]));

  cell('twelve sleeps');
  const twelve = rc.loadBalanced().map(nap, Array(12).fill(50));
  await twelve.waitInteractive();
  check('12 of 12', twelve.progress === 12);
  console.log(`wall ${twelve.wallTime} ms, serial ${twelve.serialTime} ms`);
}

async function balance(rc: Client): Promise<void> {
  const times = range(100);
  const work = async (t: number) => {
    await new Promise((resolve) => setTimeout(resolve, t));
    return id;
  };
  for (const chunkSize of [1, 4]) {
    cell(`a hundred sleeps of 0 to 99 ms, chunkSize ${chunkSize}`);
    const ar = rc.loadBalanced().map(work, times, { chunkSize });
    const ids = await ar;
    const tasks = range(4).map((e) => ids.filter((done) => done === e).length);
    console.log(`items by engine ${tasks}; wall ${ar.wallTime} ms, serial ${ar.serialTime} ms`);
    console.log(`speed-up ${(ar.serialTime / ar.wallTime).toFixed(2)} of 4`);
    check(`${100 / chunkSize} tasks`, ar.msgIds.length === 100 / chunkSize);
    check('every engine works, and every item is there', tasks.every((n) => n > 0) && ids.length === 100);
  }
}

async function nested(rc: Client): Promise<void> {
  cell('nested loops as one map: areas of widths 1–3 and heights 6–9');
  const pairs = range(1, 4).flatMap((width) => range(6, 10).map((height) => [width, height] as const));
  const areas = await rc.loadBalanced().map(
    (width: number, height: number) => width * height,
    pairs.map(([width]) => width),
    pairs.map(([, height]) => height),
  );
  console.log(areas.join(' '));
  check('in the order of the loops', areas.join(' ') === '6 7 8 9 12 14 16 18 18 21 24 27');
}

async function main(): Promise<void> {
  await using cluster = await Cluster.start({ engines: 4 });
  await using rc = await cluster.connect();
  await basics(rc);
  await sleeps(rc);
  await balance(rc);
  await nested(rc);
}

await main();
console.log(`load-balancing: ${checksPassed()} checks passed`);
