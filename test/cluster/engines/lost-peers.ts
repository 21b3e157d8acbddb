// A rank that dies ends each collective on all others with one error that names it; those who are left go on.
import * as assert from 'uvu/assert';
import type { RemoteError } from '../../../src/errors.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const SIZE = 4;
const VICTIM = 2;
const test = suite('engines/lost-peers');
let rig: Rig;
test.before(async () => {
  rig = await startRig(SIZE, { device: 'none' });
});
test.after(() => rig.stop());

declare const engine: {
  readonly rank: number;
  readonly size: number;
  barrier(): Promise<void>;
};

/** Source of a collective with small values, and with large ones: `n` is the number of doubles. */
const COLLECTIVES: Readonly<Record<string, string>> = {
  broadcast: 'engine.broadcast(new Float64Array(n))',
  'broadcast of the last rank': 'engine.broadcast(new Float64Array(n), { root: 3 })',
  scatter: 'engine.scatter(Array.from({ length: 4 }, () => new Float64Array(n / 4)), { root: 2 })',
  gather: 'engine.gather(new Float64Array(n))',
  allGather: 'engine.allGather(new Float64Array(n))',
  reduce: 'engine.reduce(new Float64Array(n), "sum", { root: 1 })',
  allReduce: 'engine.allReduce(new Float64Array(n))',
  reduceScatter: 'engine.reduceScatter(new Float64Array(n))',
  allToAll: 'engine.allToAll(new Float64Array(n))',
  barrier: 'engine.barrier()',
};

for (const [name, source] of Object.entries(COLLECTIVES)) {
  test(`${name}: the others end with one error that names rank 2`, async () => {
    // The others enter rounds without end; the victim dies after some of them.
    const ends = (await rig.v
      .apply(
        async (code: string, victim: number) => {
          const run = new Function('engine', 'n', `return ${code}`) as (engine: unknown, n: number) => Promise<unknown>;
          await engine.barrier();
          for (let round = 0; ; round++) {
            if (round === 3 && engine.rank === victim) process.kill(process.pid, 'SIGKILL');
            await run(engine, round % 2 === 0 ? 8 : 2 ** 19);
          }
        },
        source,
        VICTIM,
      )
      .get({ returnErrors: true })) as RemoteError[];
    assert.match(String(ends[VICTIM]), /Engine 2 died/);
    const texts = new Set(ends.filter((_, rank) => rank !== VICTIM).map(({ ename, evalue }) => `${ename}: ${evalue}`));
    assert.is(texts.size, 1, [...texts].join('\n'));
    assert.match([...texts].join(), /^PeerError: \w+ ended on all ranks: rank 2 \(engine 2\) is missing/);
    const others = rig.rc.view('all');
    assert.equal(
      await others.apply(async () => {
        await engine.barrier();
        return engine.size;
      }),
      [3, 3, 3],
    );
    await rig.rc.restart(VICTIM);
  });
}

test.run();
