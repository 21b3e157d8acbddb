// A client that is closed, and a cluster that is stopped: calls reject when they are awaited, and say why.
import * as assert from 'uvu/assert';
import { ClientClosed, ClusterError, CompositeError, ConnectionError, EngineError } from '../../../src/errors.ts';
import { pdot, ref } from '../../../src/index.ts';
import { rejects, throws } from '../../support/assert.ts';
import { type Rig, sleep, startRig, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/closed-client');
function plain(x: number): number {
  return x;
}
let rig: Rig;

test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

test('what runs and what waits fails with ClientClosed, and no engine is said to have died', async () => {
  const rc = await rig.cluster.connect();
  const running = rc.view(0).apply(() => new Promise((resolve) => setTimeout(resolve, 500)));
  const queued = rc.view(0).apply(() => 1);
  const both = rc.view(':').apply(() => 1);
  const balanced = rc.loadBalanced().map((x: number) => x, [1, 2, 3, 4, 5, 6, 7, 8]);
  await untilRunning(rc, [0]);
  await rc.close();
  for (const result of [running, queued]) {
    const error = await rejects(() => result.get(), ClientClosed, /ConnectionError: the client was closed before task/);
    assert.not.instance(error, EngineError);
    assert.equal([error.name, error.code, error.ename], ['ClientClosed', 'DV_CONNECTION', 'ConnectionError']);
    assert.instance(error.cause, ConnectionError);
    assert.not.match(error.message, /died/);
  }
  for (const result of [both, balanced]) {
    const error = await rejects(() => result.get(), CompositeError);
    assert.ok(error.errors.every((one) => one instanceof ClientClosed));
  }
});

test('a small task of a new client that is closed at once leaves with it, and runs', async () => {
  await rig.rc.view(0).push({ ran: [] });
  const rounds = Array.from({ length: 10 }, (_, i) => i);
  for (const i of rounds) {
    const rc = await rig.cluster.connect();
    const call = rc.view(0).apply((i) => (globalThis as unknown as { ran: number[] }).ran.push(i as number), i);
    const ended = rejects(() => call.get(), ClientClosed);
    if (i % 2 === 0) await call.sent;
    await rc.close();
    await ended;
  }
  // The last one may still be on its way.
  while ((await rig.rc.view(0).pull('ran.length')) !== rounds.length) await sleep(10);
  assert.equal(await rig.rc.view(0).pull('ran'), rounds);
});

test('every call of a closed client rejects when it is awaited; none throws', async () => {
  const rc = await rig.cluster.connect();
  const [one, many, all] = [rc.view(0), rc.view(':'), rc.view('all')];
  const lview = rc.loadBalanced();
  const stream = () =>
    rc
      .loadBalanced()
      .imap((x: number) => x, [1, 2])
      .next();
  await rc.close();
  const views = [one, many, all, rc.view(0), rc.view(':'), rc.view([0, 1]), rc[0]];
  const calls: (() => PromiseLike<unknown>)[] = views.flatMap((view) => [
    () => view.apply(() => 1),
    () => view.map((x: number) => x, [1, 2]),
    () => view.execute('1'),
    () => view.push({ a: 1 }),
    () => view.pull('a'),
    () => view.scatter('a', [1, 2]),
    () => view.gather('a'),
    () => view.clear(),
    () => view.importModule('node:fs'),
    () => view.memory(),
    () => view.ns['a'] as PromiseLike<unknown>,
    () => view.remote(() => 1)(),
    () => view.with({ timeout: 50 }).apply(() => 1),
    () => view.kernel(plain, { output: [1] }),
    () => pdot(view, [[1]], [[1]]),
    () => pdot(view, ref('a'), ref('b')),
    () => view.interrupt(),
    () => view.shutdown(),
  ]);
  for (const view of [lview, rc.loadBalanced(), rc.loadBalanced([0])]) {
    calls.push(
      () => view.apply(() => 1),
      () => view.map((x: number) => x, [1, 2, 3], { chunkSize: 2 }),
      () => view.imap((x: number) => x, [1, 2]).next(),
    );
  }
  calls.push(
    stream,
    () => rc.executor().submit(() => 1),
    () => rc.status(),
    () => rc.status(0),
    () => rc.queueStatus(),
    () => rc.waitForEngines(1),
    () => rc.waitForEngines(0),
    () => rc.interrupt(),
    () => rc.restart(0),
    () => rc.shutdown(0),
    () => rc.clear(),
    () => rc.addEngines(1),
    () => rc.stopCluster(),
  );
  for (const [index, call] of calls.entries()) {
    // A call that throws ends the test here.
    const pending = call();
    const error = await pending.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const first: unknown = error instanceof CompositeError ? error.errors[0] : error;
    const isRight = first instanceof ClientClosed || first instanceof ConnectionError;
    assert.ok(isRight, `call ${index}: ${call} gave ${error}`);
    assert.match(String(first), /client is closed/);
  }
});

test('a closed client has no engines', async () => {
  const rc = await rig.cluster.connect();
  assert.is(rc.length, 2);
  await rc.close();
  assert.equal([rc.ids, rc.length, [...rc].length, rc.engines, rc.engine(0)], [[], 0, 0, [], undefined]);
});

test('a stopped cluster has no engines, and says so', async () => {
  const { cluster } = await startRig(1);
  await cluster.stop();
  assert.equal(cluster.engines, []);
  for (const act of [
    () => cluster.restart(0),
    () => cluster.restart(),
    () => cluster.shutdown(0),
    () => cluster.add(1),
  ]) {
    await rejects(act, ClusterError, /^the cluster is stopped$/);
  }
  await rejects(() => cluster.connect(), ClusterError, /^the cluster is stopped$/);
  throws(() => cluster.signal('SIGTERM', 0), ClusterError, /^the cluster is stopped$/);
});

test.run();
