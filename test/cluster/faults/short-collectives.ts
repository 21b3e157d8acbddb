// A rank without a free descriptor takes part in collectives: ranks have their values, or one error that names it and the
// limit. None waits for its own time-out.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import type { RemoteError } from '../../../src/errors.ts';
import { eat, giveBack, limited } from '../../support/short-of-descriptors.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const DIST = fileURLToPath(new URL('../../../', import.meta.url));
const SIZE = 8;

/** Engines under the limit. Those on tcp have no socket for their machine, as engines of several hosts. */
const OWNER = `
import { createInterface } from 'node:readline';
import { rmSync } from 'node:fs';
import { Cluster } from '${DIST}src/index.js';
const cluster = await Cluster.start({ engines: ${SIZE}, device: 'none', ...(LISTEN && { listen: LISTEN }) });
for (const { near } of cluster.engines) if (near !== undefined) rmSync(near.slice('unix://'.length));
createInterface({ input: process.stdin }).on('close', () => cluster.stop());
console.log(cluster.file);`;

declare const engine: {
  readonly rank: number;
  barrier(): Promise<void>;
};

/**
 * Source of each collective: `n` is the number of doubles, `short` the rank without descriptors. Without gather: its root sends
 * nothing, so it does not notice that nobody reaches it (docs/faults.md).
 */
const COLLECTIVES: Readonly<Record<string, string>> = {
  scatter: 'engine.scatter(Array.from({ length: 8 }, () => new Float64Array(n)), { root: short })',
  broadcast: 'engine.broadcast(new Float64Array(8 * n), { root: short })',
  'broadcast of another one': 'engine.broadcast(new Float64Array(8 * n), { root: (short + 3) % 8 })',
  allGather: 'engine.allGather(new Float64Array(n))',
  reduce: 'engine.reduce(new Float64Array(n), "sum", { root: short })',
  allReduce: 'engine.allReduce(new Float64Array(n))',
  reduceScatter: 'engine.reduceScatter(new Float64Array(8 * n))',
  allToAll: 'engine.allToAll(Array.from({ length: 8 }, () => new Float64Array(n)))',
  barrier: 'engine.barrier()',
};

/** On an engine: one collective, from its source. */
const take = async (code: string, short: number, n: number): Promise<boolean> => {
  const run = new Function('engine', 'short', 'n', `return ${code}`) as (...args: unknown[]) => Promise<unknown>;
  await run(engine, short, n);
  return true;
};

for (const listen of ['', 'tcp://127.0.0.1']) {
  const test = suite(`faults/short-collectives ${listen === '' ? 'unix' : 'tcp'}`);
  const folder = temporaryFolder('dvsc-');
  let owner: ChildProcess;
  let rc: Client;
  test.before(async () => {
    owner = limited(folder, OWNER.replaceAll('LISTEN', JSON.stringify(listen)));
    const said = createInterface({ input: owner.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    rc = await Client.connect(String((await said.next()).value));
  });
  test.after(async () => {
    await rc.close();
    const ended = once(owner, 'exit');
    owner.stdin?.end();
    assert.equal(await ended, [0, null]);
    rmSync(folder, { recursive: true, force: true });
  });

  for (const n of [8, 2 ** 17]) {
    for (const [index, [name, source]] of Object.entries(COLLECTIVES).entries()) {
      test(`${name} of ${n} numbers: those that have no value learn of the rank, and the next one works`, async () => {
        const rank = index % SIZE;
        assert.is(await rc.view(rank).apply(eat), 'EMFILE');
        const ends = await rc
          .view(':')
          .apply(take, source, rank, n)
          .get({ returnErrors: true })
          .finally(() => rc.view(rank).apply(giveBack));
        // Some ranks may have had their part before.
        const texts = new Set(ends.flatMap((end) => (end === true ? [] : [(end as RemoteError).evalue])));
        // On Unix sockets a link that the rank cannot take is refused: those that wait for it may see that first, and what
        // was sent there is lost.
        const short = `rank ${rank} \\(engine ${rank}\\) (cannot send: a link to|is missing)`;
        const expected = new RegExp(`${short}|the task of engine \\d ended before this collective`);
        for (const text of texts) assert.ok(expected.test(text), text);
        assert.equal(await rc.view(':').apply(take, source, rank, n), new Array(SIZE).fill(true));
      });
    }
  }

  test.run();
}
