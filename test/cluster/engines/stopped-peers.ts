// A rank that stands still past the dead time ends each collective on all others with one error that names it.
import * as assert from 'uvu/assert';
import { withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('engines/stopped-peers');
const SIZE = 4;
const VICTIM = 2;
const VITALS = { interval: 500, suspect: 2000, dead: 5000 };

declare const engine: {
  readonly rank: number;
  readonly size: number;
  barrier(): Promise<void>;
};

/** Source of each collective: `n` is the number of doubles, `tag` its own name, so that all of them run at the same time. */
const COLLECTIVES: Readonly<Record<string, string>> = {
  broadcast: 'engine.broadcast(new Float64Array(n), { tag })',
  'broadcast of chunks': 'engine.broadcast(new Float64Array(n * 16), { root: 3, tag })',
  scatter: 'engine.scatter(Array.from({ length: 4 }, () => new Float64Array(n / 4)), { root: 2, tag })',
  gather: 'engine.gather(new Float64Array(n), { tag })',
  allGather: 'engine.allGather(new Float64Array(n), { tag })',
  reduce: 'engine.reduce(new Float64Array(n), "sum", { root: 1, tag })',
  allReduce: 'engine.allReduce(new Float64Array(n), "sum", { tag })',
  reduceScatter: 'engine.reduceScatter(new Float64Array(n), "sum", { tag })',
  allToAll: 'engine.allToAll(new Float64Array(n), { tag })',
  barrier: 'engine.barrier({ tag })',
};

/** Runs all collectives round after round until each has failed, and gives their errors. The victim stops after some rounds. */
const untilAllFail = async (sources: Record<string, string>, victim: number): Promise<Record<string, string>> => {
  const ends: Record<string, string> = {};
  let open = Object.keys(sources).length;
  const runs = Object.entries(sources).map(async ([name, code]) => {
    const run = new Function('engine', 'n', 'tag', `return ${code}`) as (...args: unknown[]) => Promise<unknown>;
    for (let round = 0; ends[name] === undefined; round++) {
      // The last collective to get here stops this process with the others under way.
      if (round === 2 && --open === 0 && engine.rank === victim) process.kill(process.pid, 'SIGSTOP');
      await run(engine, round % 2 === 0 ? 8 : 2 ** 16, name).catch((error: Error) => {
        ends[name] = `${error.name}: ${error.message}`;
      });
    }
  });
  await Promise.all(runs);
  return ends;
};

for (const listen of [undefined, 'tcp://127.0.0.1'] as const) {
  test(`${listen ?? 'unix'}: every collective names the rank that stands still, the same on all ranks`, () =>
    withRig(
      SIZE,
      async ({ rc, v }) => {
        const ends = await v.apply(untilAllFail, COLLECTIVES, VICTIM).get({ returnErrors: true });
        assert.match(String(ends[VICTIM]), /engine 2/i);
        const others = ends.filter((_, rank) => rank !== VICTIM) as Record<string, string>[];
        for (const name of Object.keys(COLLECTIVES)) {
          const texts = new Set(others.map((end) => end[name]));
          assert.is(texts.size, 1, `${name}: ${[...texts].join('\n')}`);
          assert.match([...texts].join(), /^PeerError: \w+ ended on all ranks: rank 2 \(engine 2\) is missing/, name);
        }
        const sizes = await rc.view('all').apply(async () => {
          await engine.barrier();
          return engine.size;
        });
        assert.equal(sizes, [3, 3, 3]);
      },
      { device: 'none', vitals: VITALS, ...(listen && { listen }) },
    ));
}

test.run();
