// Engines join, die, are replaced and leave while load-balanced calls run: each item has its result once.
import * as assert from 'uvu/assert';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('elastic/joining');
const ITEMS = Array.from({ length: 300 }, (_, i) => i);
const EXPECTED = ITEMS.map((i) => i * i);
let rig: Rig;

test.before(async () => {
  rig = await startRig(2, { device: 'none', restart: 5 });
});
test.after(() => rig.stop());

/** The square and the engine, after a while. */
const work = async (i: number): Promise<[square: number, id: number]> => {
  await new Promise((resolve) => setTimeout(resolve, 15));
  return [i * i, engine.id];
};

/** Grows, kills, shrinks and grows again, each when `done` items have ended. */
async function disturb(done: () => number): Promise<void> {
  await until('a few items', () => done() > 10);
  const ids = await rig.cluster.scale(4);
  rig.cluster.signal('SIGKILL', ids[1] as number);
  await until('some items', () => done() > 80, 30_000);
  await rig.cluster.scale(2);
  await rig.cluster.scale(3);
}

for (const [name, options] of [
  ['one item a task', { retries: 3 }],
  ['chunks', { retries: 3, chunkSize: 3 }],
  ['all tasks on engines at once', { retries: 3, hwm: 0 }],
] as const) {
  test(`map, ${name}: newcomers get work, and those of leavers go to others`, async () => {
    await rig.cluster.scale(2);
    const before = new Set(rig.rc.ids);
    const result = rig.rc.loadBalanced().map(work, ITEMS, options);
    await disturb(() => result.progress);
    const items = await result;
    assert.equal(
      items.map(([square]) => square),
      EXPECTED,
    );
    assert.ok(
      items.some(([, id]) => !before.has(id)),
      'newcomers got work',
    );
  });
}

test('imap: in order, each once', async () => {
  await rig.cluster.scale(2);
  const squares: number[] = [];
  const stream = rig.rc.loadBalanced().imap(work, ITEMS, { retries: 3, maxOutstanding: 12 });
  const taken = (async () => {
    for await (const [square] of stream) squares.push(square);
  })();
  await disturb(() => squares.length);
  await taken;
  assert.equal(squares, EXPECTED);
});

declare const engine: { readonly id: number };

test.run();
