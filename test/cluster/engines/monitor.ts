// Status while an engine is busy, the last tasks of all clients, memory by name, and events of tasks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type AsyncResult, Client, type ClientEvent } from 'directview';
import * as assert from 'uvu/assert';
import { type Rig, sleep, startRig, until, untilRunning, withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

declare const engine: { publish(data: unknown): void };

const test = suite('cluster: status, last tasks and events of tasks');
let rig: Rig;
let other: Client;
test.before(async () => {
  rig = await startRig(2);
  other = await rig.cluster.connect();
});
test.after(async () => {
  await other.close();
  await rig.stop();
});

/** Asks until the answer is as it should be: the test's time limit is the only one. */
async function eventually<T>(ask: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask();
    if (holds(value)) return value;
    await sleep(10);
  }
}
const statusOf = async (id: number) => (await rig.rc.status(id)).get(id)!;
const recentOf = async (id: number) => (await rig.rc.recentTasks(id)).get(id)!;

/** Waits for the file `begin`, then computes until there is a file `end`: the main thread takes no message meanwhile. */
const spin = async (folder: string) => {
  const { existsSync } = require('node:fs') as typeof import('node:fs');
  while (!existsSync(`${folder}/begin`)) await new Promise((resolve) => setTimeout(resolve, 5));
  while (!existsSync(`${folder}/end`)) Math.sqrt(2);
  return 'done';
};

test('an engine that computes tells the task with label, client and start, what waits, and its memory by name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dvspin-'));
  try {
    await rig.e0.push({ a: new Float64Array(100_000), b: 'text' });
    const before = Date.now();
    const busy = other.view(0).with({ label: 'spectra' }).apply(spin, folder);
    await untilRunning(rig.rc, [0]);
    const waits = [1, 2, 3].map((n) => rig.e0.apply((x: number) => x, n));
    const status = await eventually(
      () => statusOf(0),
      ({ queue }) => queue.length === 3,
    );
    assert.is(status.task?.label, 'spectra');
    assert.is(status.task?.client, other.uuid);
    assert.is(status.task?.id, status.running);
    assert.ok((status.task?.started ?? 0) >= before && (status.task?.started ?? 0) <= Date.now());
    assert.ok((status.task?.bytesIn ?? 0) > 20);
    assert.is(status.memory?.names['a'], 800_000);
    assert.is(status.labels?.find(({ label }) => label === 'apply')?.queued, 3);
    assert.ok((status.cpuMs ?? 0) > 0);
    writeFileSync(join(folder, 'begin'), '');
    // It computes all the time: the loop has no rest.
    const worked = await eventually(
      () => statusOf(0),
      ({ utilization = 0, cpu = 0 }) => utilization > 0.5 && cpu > 0.1,
    );
    assert.ok((worked.utilization ?? 0) <= 1);
    writeFileSync(join(folder, 'end'), '');
    assert.is(await busy, 'done');
    assert.equal(await Promise.all(waits), [1, 2, 3]);
    const after = await eventually(
      () => statusOf(0),
      ({ task }) => task === null,
    );
    assert.is(after.labels?.find(({ label }) => label === 'spectra')?.done, 1);
    assert.ok((after.bytesIn ?? 0) > 800_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('memory by name follows names that user code sets and clears', async () => {
  await rig.e0.apply(() => {
    Object.assign(globalThis, { own: new Float32Array(1000) });
  });
  await eventually(
    () => statusOf(0),
    ({ memory }) => memory?.names['own'] === 4000,
  );
  await rig.e0.clear();
  await eventually(
    () => statusOf(0),
    ({ memory }) => memory !== null && Object.keys(memory?.names ?? {}).length === 0,
  );
});

test('the last tasks of all clients, the errors of those that failed, and those that never ran', async () => {
  const start = (await recentOf(1)).count;
  await rig.rc[1]!.apply((x: Float64Array) => x, new Float64Array(1000));
  await other
    .view(1)
    .apply(function broken() {
      throw new TypeError('no such column');
    })
    .get({ returnErrors: true });
  const { tasks, failures, count } = await eventually(
    () => recentOf(1),
    (recent) => recent.count >= start + 2,
  );
  const [first, second] = tasks.slice(-2);
  assert.is(count, start + 2);
  assert.equal(
    [first?.client, first?.status, second?.client, second?.status],
    [rig.rc.uuid, 'ok', other.uuid, 'error'],
  );
  assert.ok((first?.bytesIn ?? 0) >= 8000 && (first?.bytesOut ?? 0) >= 8000);
  assert.ok((first?.ended ?? 0) >= (first?.started ?? 1));
  const failure = failures.find(({ id }) => id === second?.id);
  assert.equal([failure?.name, failure?.message], ['TypeError', 'no such column']);
  assert.match(failure?.traceback ?? '', /at broken/);
});

test('a thousand tasks stay, in order; a flood of errors is told in part', async () => {
  const view = rig.rc.view(1);
  await Promise.all(Array.from({ length: 1500 }, (_, n) => view.apply((x: number) => x, n)));
  const failed = Array.from({ length: 200 }, () =>
    view
      .apply(() => {
        throw new Error('flood');
      })
      .get({ returnErrors: true }),
  );
  await Promise.all(failed);
  const { tasks, failures, count } = await recentOf(1);
  assert.ok(tasks.length >= 1000);
  assert.equal([tasks[0]?.number, tasks.at(-1)?.number], [count - tasks.length, count - 1]);
  assert.ok(failures.length > 0 && failures.length <= 64);
  assert.is((await statusOf(1)).labels?.find(({ label }) => label === 'apply')?.failed, 201);
});

test('events: submitted, started while it runs, ended with bytes; direct and load-balanced, and none after off()', async () => {
  const events: ClientEvent[] = [];
  const told: ClientEvent[] = [];
  let wasReady: boolean | undefined;
  const off = rig.rc.onEvent((event) => {
    events.push(event);
    if (event.type === 'task-started') wasReady ??= slow.ready;
  });
  const quiet = rig.rc.onEvent((event) => told.push(event), { tasks: false });
  const slow: AsyncResult<Float64Array> = rig.e0.apply(async (x: Float64Array) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return x;
  }, new Float64Array(1000));
  await slow;
  assert.is(wasReady, false, 'told before its end');
  const lview = rig.rc.loadBalanced();
  await lview
    .map(
      (x: number) => {
        if (x === 3) throw new Error('three');
        return x;
      },
      [1, 2, 3],
    )
    .get({ returnErrors: true });
  off();
  quiet();
  await rig.e0.apply(() => 1);
  const of = (id: string | undefined) =>
    events.flatMap((event) => ('label' in event && event.id === id ? [event] : []));
  const [id] = slow.msgIds;
  assert.equal(
    of(id).map(({ type, engine }) => [type, engine]),
    [
      ['task-submitted', 0],
      ['task-started', 0],
      ['task-ended', 0],
    ],
  );
  const ended = of(id).at(-1);
  assert.ok(ended?.type === 'task-ended' && ended.status === 'ok' && ended.bytesIn >= 8000 && ended.bytesOut >= 8000);
  const all = events.flatMap((event) => (event.type === 'task-ended' ? [event.status] : []));
  assert.equal(all.sort(), ['error', 'ok', 'ok', 'ok']);
  assert.is(events.filter(({ type }) => type === 'task-submitted').length, 4);
  assert.is(events.filter(({ type }) => type === 'task-started').length, 4);
  assert.equal(told, []);
});

test('a task that computes is told before it starts to compute', async () => {
  const types: string[] = [];
  const off = rig.rc.onEvent(({ type }) => types.push(type));
  const spinning = rig.e0.apply(() => {
    for (;;) Math.sqrt(2);
  });
  await eventually(
    async () => types,
    (all) => all.includes('task-started'),
  );
  assert.is(spinning.ready, false);
  await rig.rc.interrupt(0);
  await assertRejects(spinning);
  off();
  assert.equal(types, ['task-submitted', 'task-started', 'task-ended']);
});

async function assertRejects(result: PromiseLike<unknown>): Promise<void> {
  try {
    await result;
  } catch {
    return;
  }
  assert.unreachable('it must fail');
}

test('a client of a cluster is told too, by its option', async () => {
  const types: string[] = [];
  const client = await Client.connect(rig.cluster, { onEvent: ({ type }) => types.push(type) });
  await client.view(0).apply(() => 1);
  await client.close();
  assert.equal(
    types.filter((type) => type.startsWith('task')),
    ['task-submitted', 'task-started', 'task-ended'],
  );
});

for (const listen of [undefined, 'tcp://127.0.0.1'] as const) {
  test(`${listen ?? 'unix'}: a loop without an await tells what it prints and publishes, also a client that hears of starts`, () =>
    withRig(
      1,
      async ({ rc, e0 }) => {
        rc.onEvent(() => {});
        const path = join(temporaryFolder('dv-live-'), 'seen');
        const result = e0.apply((file) => {
          const { existsSync } = process.getBuiltinModule('node:fs');
          // Bounded, so that a failure is one.
          const end = performance.now() + 20_000;
          for (let n = 0; performance.now() < end && !existsSync(file); n++) {
            console.log(`line ${n}`);
            engine.publish({ n });
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
          }
          return existsSync(file);
        }, path);
        const isSeen = () => result.stdout.includes('line 9') && Number((result.data as { n?: number }).n) > 9;
        await until('live output', () => isSeen() || result.ready, 30_000);
        writeFileSync(path, '');
        assert.is(await result, true);
        rmSync(dirname(path), { recursive: true });
      },
      { device: 'none', ...(listen && { listen }) },
    ));
}

test.run();
