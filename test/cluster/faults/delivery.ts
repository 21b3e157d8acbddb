// An operation runs at most once, and its result reaches the client exactly once, whatever happens to the links.
import * as assert from 'uvu/assert';
import { ConnectionError, RemoteError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { ChaosProxy } from '../../support/chaos/chaos-proxy.ts';
import { type Rig, startRig, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/delivery');
const MB = 2 ** 20;
let rig: Rig;
let proxy: ChaosProxy;
test.before(async () => {
  rig = await startRig(1);
  proxy = ChaosProxy.inFrontOf(rig.rc.engine(0)?.tasks as string);
  await rig.e0.execute('var runs = 0');
});
test.after(async () => {
  await rig.stop();
  await proxy.close();
});

const counted = (n: number) => {
  (globalThis as unknown as { runs: number }).runs++;
  return n;
};

test('tasks that were sent before a cut are sent again, and each runs once', async () => {
  await rig.e0.execute('runs = 0');
  const slow = rig.e0.apply((ms: number) => new Promise((resolve) => setTimeout(() => resolve('slow'), ms)), 700);
  const tasks = range(200).map((n) => rig.e0.apply(counted, n));
  await untilRunning(rig.rc, [0]);
  proxy.cut();
  const more = range(200).map((n) => rig.e0.apply(counted, n));
  assert.is(await slow, 'slow');
  assert.equal(await Promise.all([...tasks, ...more]), [...range(200), ...range(200)]);
  assert.is(await rig.e0.pull('runs'), 400);
});

test('replies that were lost in a cut come again; the tasks do not run again', async () => {
  await rig.e0.execute('runs = 0');
  proxy.down.set({ isHeld: true });
  const tasks = range(100).map((n) => rig.e0.apply(counted, n));
  const other = await rig.cluster.connect();
  await until('all have run', () => proxy.up.passed > 0);
  await other.close();
  proxy.cut();
  proxy.mend();
  assert.equal(await Promise.all(tasks), range(100));
  assert.is(await rig.e0.pull('runs'), 100);
});

test('what has ended is not sent again after a cut', async () => {
  await Promise.all(range(300).map((n) => rig.e0.apply(counted, n)));
  await rig.e0.execute('runs = 0');
  const before = proxy.up.passed;
  proxy.cut();
  assert.is(await rig.e0.apply(counted, 5), 5);
  assert.ok(proxy.up.passed - before < 10_000, `${proxy.up.passed - before} bytes were sent for one task`);
  assert.is(await rig.e0.pull('runs'), 1);
});

for (const after of [1, 30, 99]) {
  test(`a result over the limit of kept ones, cut after ${after} MB: it comes whole, and the task ran once`, async () => {
    await rig.e0.execute('runs = 0; var big = new Float64Array(100 * 2 ** 17).map((_, i) => i)');
    proxy.down.set({ cutAfter: after * MB });
    const result = rig.e0.apply(() => {
      const { big } = globalThis as unknown as { big: Float64Array };
      (globalThis as unknown as { runs: number }).runs++;
      return big;
    });
    // It writes into the same memory, after the cut.
    const next = rig.e0.execute('big.fill(-1)');
    const value = (await result) as Float64Array;
    await next;
    assert.is(value.length, 100 * 2 ** 17);
    assert.ok(
      value.every((x, i) => x === i),
      'the value is that of the end of its task',
    );
    assert.is(await rig.e0.pull('runs'), 1);
  });
}

for (const kb of [10, 100, 500, 3000, 20_000]) {
  test(`a result of ${kb} kB is protected from the next task, which writes into it`, async () => {
    await rig.e0.execute(`var out = new Float64Array(${kb * 128})`);
    for (let n = 0; n < (kb > 1000 ? 5 : 40); n++) {
      await rig.e0.apply((x: number) => void (globalThis as unknown as { out: Float64Array }).out.fill(x), n);
      const result = rig.e0.apply(() => (globalThis as unknown as { out: Float64Array }).out);
      const next = rig.e0.execute('out.fill(-1)');
      const value = (await result) as Float64Array;
      assert.ok(
        value.every((x) => x === n),
        `round ${n}`,
      );
      await next;
    }
  });
}

test('a result that another client asks for, and asks for again after a cut', async () => {
  const other = await rig.cluster.connect();
  const slow = rig.e0.apply((ms: number) => new Promise((resolve) => setTimeout(() => resolve('slow'), ms)), 800);
  const fetched = other.getResult(slow.msgIds[0] as string);
  const value = fetched.get();
  await untilRunning(rig.rc, [0]);
  proxy.cut();
  assert.is(await value, 'slow');
  assert.is(await slow, 'slow');
  await other.close();
});

test('an interrupt by id ends that task alone: not the one that runs', async () => {
  const runs = rig.e0.apply((ms: number) => new Promise((resolve) => setTimeout(() => resolve('ran'), ms)), 500);
  const waits = rig.e0.apply(() => 'waited');
  await untilRunning(rig.rc, [0]);
  await rig.rc.interrupt(0, { ids: [waits.msgIds[0] as string] });
  assert.is(await runs, 'ran');
  assert.is(await waits, 'waited');
});

test('control requests to an engine that dies are rejected; none waits', async () => {
  await rig.cluster.add(1);
  await rig.rc.waitForEngines(2);
  const id = rig.rc.ids.at(-1) as number;
  rig.cluster.signal('SIGSTOP', id);
  const asked = [
    rejects(() => rig.rc.status(id), ConnectionError),
    rejects(
      () =>
        rig.rc
          .view(id)
          .apply(() => 1)
          .get(),
      RemoteError,
    ),
  ];
  rig.cluster.signal('SIGKILL', id);
  await Promise.all(asked);
  await rejects(() => rig.rc.status(id), RangeError, /No such engine/);
});

test.run();
