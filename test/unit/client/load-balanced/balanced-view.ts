// LoadBalancedView over engines in this process: values, chunks, order, options, aborts.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { LoadBalancedView } from '../../../../src/client/load-balanced/balanced-view.ts';
import { AbortError, CompositeError, NotSerializableError, RemoteError, TaskAborted } from '../../../../src/errors.ts';
import { range } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { held, hold, scene, where, world } from '../../../support/balanced-scene.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/load-balanced/view');

test('apply gives a bare value; 2n calls visit each idle engine twice in one cycle', async () => {
  const { lview } = scene();
  const visits: number[] = [];
  for (let i = 0; i < 8; i++) visits.push(await lview.apply(where));
  assert.equal(visits, [0, 1, 2, 3, 0, 1, 2, 3]);
});

test('a result prints its kind, its name and its state; a label takes the place of the name', async () => {
  const { lview } = scene(2);
  const [map, apply] = [lview.map(where, [1, 2]), lview.with({ label: 'mine' }).apply(where)];
  assert.is(inspect(map), '<AsyncMapResult(where): pending>');
  assert.is(inspect(apply), '<AsyncResult(mine): pending>');
  await map;
  await apply;
  assert.is(inspect(map), '<AsyncMapResult(where): finished>');
  assert.equal([map.label, apply.label], ['where', 'mine']);
  const byEngine: Map<number, unknown> = await lview.map(where, range(4), { chunkSize: 2 }).byEngine();
  assert.equal([byEngine.get(0), byEngine.get(1)].join(' '), '0,0 1,1');
});

test('map: B9, tasks per chunk size', async () => {
  const { lview } = scene();
  const double = (x: number) => 2 * x;
  for (const [chunkSize, tasks] of [
    [1, 32],
    [4, 8],
    [5, 7],
  ] as const) {
    const ar = lview.map(double, range(32), { chunkSize });
    assert.is(ar.msgIds.length, tasks);
    assert.is(ar.length, 32);
    assert.equal(await ar, range(32).map(double));
  }
  assert.is(lview.map(double, range(100), { chunkSize: 4 }).msgIds.length, 25);
  assert.is(lview.map(double, range(1000), { chunkSize: 'auto' }).msgIds.length, 63);
  assert.equal(await lview.map((x: number, y: string) => [x, y], [1, 2, 3], 'a'), [[1, 'a']]);
  assert.equal(await lview.map(double, []), []);
  const rows = new Tensor('float32', [3, 2], Float32Array.from(range(6)));
  const sums = lview.map((row: Tensor) => (row.data[0] as number) + (row.data[1] as number), rows);
  assert.equal(await sums, [1, 5, 9]);
});

test('map: a failed item stands in its place', async () => {
  const { lview } = scene();
  const bad = (x: number) => {
    if (x === 2) throw new RangeError('two!');
    return x;
  };
  for (const chunkSize of [1, 3]) {
    const ar = lview.map(bad, range(4), { chunkSize });
    const mixed = await ar.get({ returnErrors: true });
    assert.ok(mixed[2] instanceof RemoteError);
    assert.equal(
      mixed.filter((_, i) => i !== 2),
      [0, 1, 3],
    );
    const error = await rejects(() => ar.get(), CompositeError);
    assert.is(error.errors.length, 1);
  }
});

test('unordered iteration is in order of arrival, also when all is done; the value is in input order', async () => {
  const { lview } = scene(2);
  const nap = (ms: number) => new Promise((resolve) => setTimeout(() => resolve(ms), ms));
  const ar = lview.map(nap, [120, 20, 90, 10], { ordered: false });
  for (let i = 0; i < 2; i++) {
    const seen: number[] = [];
    for await (const ms of ar) seen.push(ms as number);
    assert.equal(
      seen,
      [20, 90, 10, 120].sort((a, b) => seen.indexOf(a) - seen.indexOf(b)),
    );
    assert.is(seen[0], 20);
  }
  assert.equal(await ar, [120, 20, 90, 10]);
});

test('abort: queued tasks end in TaskAborted, a running one finishes', async () => {
  const { lview } = scene(1);
  hold();
  const first = lview.apply(held);
  const rest = lview.map(held, range(3));
  await new Promise(setImmediate);
  assert.is(lview.outstanding.size, 4);
  await lview.abort();
  await rejects(() => rest.get(), CompositeError, /TaskAborted/);
  world.open();
  assert.is(await first, 'held');
  assert.is(lview.outstanding.size, 0);
});

test('signal: the wait ends in AbortError and queued tasks are dropped', async () => {
  const { lview, session } = scene(1);
  hold();
  const blocker = lview.apply(held);
  const cancel = new AbortController();
  const ar = lview.map((x: number) => x, range(5), { signal: cancel.signal });
  cancel.abort(new Error('enough'));
  await rejects(() => ar.get(), AbortError);
  world.open();
  await blocker;
  assert.is(session.engines.get(0)?.ran.length, 1);
  assert.ok(ar.tasks.every((task) => task.outcome?.ok === false && task.outcome.error instanceof TaskAborted));
});

test('targets: only those engines', async () => {
  const { balancer, session } = scene(4);
  const some = new LoadBalancedView(balancer, [1, 3]);
  assert.equal(some.ids, [1, 3]);
  const used = new Set(await some.map(where, range(20)));
  assert.equal([...used].sort(), [1, 3]);
  assert.is(String(some), '<LoadBalancedView [1, 3]>');
  assert.is(session.engines.get(0)?.ran.length, 0);
});

test('priorities: higher first', async () => {
  const { lview } = scene(1);
  hold();
  lview.apply(held);
  await new Promise(setImmediate);
  const order: string[] = [];
  const low = lview.with({ priority: -1 }).apply(where);
  const normal = lview.apply(where);
  const high = lview.with({ priority: 3 }).apply(where);
  for (const [name, ar] of Object.entries({ low, normal, high })) void ar.then(() => order.push(name));
  world.open();
  await Promise.all([low, normal, high]);
  assert.equal(order, ['high', 'normal', 'low']);
});

test('options: unknown ones are named, nothing sticks, wrong kinds are refused', () => {
  const { lview } = scene();
  throws(() => lview.with({ retires: 1 } as never), TypeError, /unknown option 'retires'/);
  throws(() => lview.map(where, [1], { chunksize: 1 } as object), TypeError, /unknown option 'chunksize'/);
  throws(() => lview.imap(where, [1], { maxOut: 1 } as object), TypeError, /unknown option 'maxOut'/);
  throws(() => lview.map(where, [1], { chunkSize: 0 }), TypeError, /chunkSize/);
  throws(() => lview.with({ retries: -1 }), TypeError, /retries/);
  throws(() => lview.with({ timeout: Number.NaN }), TypeError, /timeout/);
  // @ts-expect-error the compiler refuses it, too
  throws(() => lview.map(where), TypeError, /at least one sequence/);
});

test('what cannot travel: the function at once, an item of a map in its place', async () => {
  const { lview } = scene();
  const bound = Math.max.bind(null, 1);
  throws(() => lview.apply(bound), NotSerializableError);
  throws(() => lview.map(bound, [1]), NotSerializableError);
  const mixed = await lview.map((x: unknown) => x, [1, Symbol('no'), 3]).get({ returnErrors: true });
  assert.equal([mixed[0], mixed[2]], [1, 3]);
  assert.is((mixed[1] as RemoteError).ename, 'NotSerializableError');
});

test('results of large maps come in order without waiting for each', async () => {
  const { lview } = scene(4);
  const n = 20_000;
  const ar = lview.map((x: number) => x + 1, range(n), { ordered: false });
  let sum = 0;
  for await (const x of ar) sum += x;
  assert.is(sum, (n * (n + 1)) / 2);
  assert.is(ar.progress, n);
  assert.ok(ar.elapsed >= 0);
});

test.run();
