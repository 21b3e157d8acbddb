// An item that kills its engine fails alone. The tasks that had only waited behind it run elsewhere, once.
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { CompositeError, EngineError, ImpossibleDependency, RemoteError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, sleep, startRig, until, untilRunning, withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/fair-balancing');
let rig: Rig;
const folder = temporaryFolder('dv-fair-');
const log = join(folder, 'log');

test.before(async () => {
  rig = await startRig(3);
});
test.after(() => rig.stop());
test.after(() => rmSync(folder, { recursive: true }));

/** All engines are there, and the log of runs begins anew. */
async function fresh(): Promise<void> {
  appendFileSync(log, '\n');
  const dead = [0, 1, 2].filter((id) => !rig.rc.ids.includes(id));
  if (dead.length > 0) await rig.rc.restart(dead);
  await rig.rc.view(':').push({ log });
}

/** How often each item ran since the last call. */
function runs(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of (readFileSync(log, 'utf8').split('\n\n').at(-1) ?? '').split('\n').filter(Boolean)) {
    counts.set(item, (counts.get(item) ?? 0) + 1);
  }
  return counts;
}

function failuresOf(items: readonly unknown[]): number[] {
  return items.flatMap((item, index) => (item instanceof Error ? [index] : []));
}

const killers: Record<string, string> = {
  'process.exit': 'process.exit(3)',
  'SIGKILL by its own hand': "process.kill(process.pid, 'SIGKILL')",
  abort: 'process.abort()',
  'an exit in a callback': '(setTimeout(() => process.exit(4)), new Promise(() => {}))',
};

for (const [how, code] of Object.entries(killers)) {
  const fn = new Function(
    'x',
    `process.getBuiltinModule('fs').appendFileSync(log, x + '\\n'); return x === 37 ? ${code} : x`,
  ) as (x: number) => number;

  test(`${how}: exactly item 37 fails, and no item runs twice`, async () => {
    await fresh();
    const lview = rig.rc.loadBalanced();
    // The lengths are known then, and tasks are pipelined.
    await lview.map(fn, range(30));
    appendFileSync(log, '\n');
    const items = await lview.map(fn, range(100)).get({ returnErrors: true });
    assert.equal(failuresOf(items), [37]);
    assert.instance(items[37], EngineError);
    assert.match((items[37] as EngineError).evalue, /^Engine \d died while running task/);
    assert.equal(items.filter((item, index) => item === index).length, 99);
    assert.equal(
      [...runs().values()].filter((n) => n !== 1),
      [],
    );
    assert.is(runs().size, 100);
  });
}

test('chunks: the chunk of the guilty item fails, no other', async () => {
  await fresh();
  const fn = (x: number) => (x === 37 ? process.exit(1) : x);
  const items = await rig.rc.loadBalanced().map(fn, range(100), { chunkSize: 10, hwm: 8 }).get({ returnErrors: true });
  assert.equal(failuresOf(items), range(30, 40));
});

test('imap, ordered and not: one error in its place, the stream goes on', async () => {
  await fresh();
  const fn = (x: number) => (x === 7 ? process.exit(1) : x);
  for (const ordered of [true, false]) {
    const found: unknown[] = [];
    for await (const item of rig.rc
      .loadBalanced()
      .imap(fn, range(30), { ordered, returnErrors: true, maxOutstanding: 12, hwm: 6 })) {
      found.push(item);
    }
    assert.is(found.length, 30);
    assert.is(found.filter((item) => item instanceof RemoteError).length, 1);
    if (ordered) assert.equal(failuresOf(found), [7]);
    await rig.rc.restart([0, 1, 2]);
  }
});

test('a task that waited has not used up a retry; the guilty one uses its own', async () => {
  await fresh();
  const lview = rig.rc.loadBalanced([0, 1], { retries: 1, hwm: 4 });
  const kills = lview.apply((id: number) => {
    if (engine.id === id) process.exit(1);
    return engine.id;
  }, 0);
  const others = lview.map(() => engine.id, range(6));
  assert.is(await kills, 1);
  assert.is((await others).length, 6);
});

test('a task that must follow another cannot go elsewhere, and says so', async () => {
  await fresh();
  const { rc } = rig;
  const first = rc.loadBalanced().apply(() => engine.id);
  const id = await first;
  const killer = rc.view(id).apply(() => new Promise((resolve) => setTimeout(() => resolve(process.exit(1)), 150)));
  await untilRunning(rc, [id]);
  const follower = rc.loadBalanced('all', { follow: first, hwm: 0 }).apply(() => engine.id);
  await rejects(() => killer.get(), EngineError, /died while running/);
  await rejects(() => follower.get(), ImpossibleDependency, /the engine to follow is gone/);
});

test('another client whose task kills the engine takes none of ours', async () => {
  await fresh();
  const other = await rig.cluster.connect();
  const guilty = other.view(0).apply(() => new Promise((resolve) => setTimeout(() => resolve(process.exit(2)), 200)));
  await untilRunning(rig.rc, [0]);
  const ours = rig.rc
    .loadBalanced([0, 1])
    .with({ hwm: 0 })
    .map(() => engine.id, range(10));
  const direct = rig.rc.view(0).apply(() => 1);
  await rejects(() => guilty.get(), EngineError, /died while running/);
  assert.equal(new Set(await ours), new Set([1]));
  const error = await rejects(() => direct.get(), EngineError, /^.*Engine 0 died before this task started/);
  assert.match(error.evalue, /code 2/);
  await other.close();
});

test('a heap that runs full kills one item', async () => {
  await fresh();
  const fn = (x: number) => {
    const hoard: unknown[] = [];
    while (x === 5) hoard.push(new Array(1e6).fill(0.5));
    return x;
  };
  const lview = rig.rc.loadBalanced();
  const items = await lview.map(fn, range(40), { hwm: 2 }).get({ returnErrors: true });
  assert.equal(failuresOf(items), [5]);
});

test('two engines that die at once: their two items fail; all that die: the rest says so', () =>
  withRig(2, async ({ rc }) => {
    const lview = rc.loadBalanced();
    const napping = lview
      .with({ hwm: 5 })
      .map((x: number) => new Promise((resolve) => setTimeout(() => resolve(x), x < 2 ? 60_000 : 1)), range(10));
    await untilRunning(rc, [0, 1]);
    const isFull = async (id: number) => ((await rc.status(id)).get(id)?.queue.length ?? 0) === 4;
    while (!((await isFull(0)) && (await isFull(1)))) await sleep(5);
    const pids = rc.engines.map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until('both to leave', () => rc.ids.length === 0);
    const error = await rejects(() => napping.get(), CompositeError);
    const texts = error.errors.map((e) => e.evalue);
    assert.is(texts.filter((text) => /died while running/.test(text)).length, 2);
    assert.is(texts.filter((text) => /no engine is left/.test(text)).length, 8);
  }));

declare const engine: { readonly id: number };

test.run();
