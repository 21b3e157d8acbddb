// LoadBalancedView over engines in this process: retries, timeouts, dependencies, predicates, deaths, joins.
import * as assert from 'uvu/assert';
import { Balancer } from '../../../src/client/load-balanced/balancer.ts';
import { Dependency } from '../../../src/client/load-balanced/dependency.ts';
import { LoadBalancedView } from '../../../src/client/load-balanced/view.ts';
import type { Metadata } from '../../../src/client/task.ts';
import {
  AbortError,
  CompositeError,
  EngineError,
  ImpossibleDependency,
  InvalidDependency,
  NoEnginesRegistered,
  NotSerializableError,
  RemoteError,
  TaskAborted,
  TaskTimeout,
} from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects, throws } from '../../support/assert.ts';
import { FakeSession, here } from '../../support/fake-engines.ts';
import { suite } from '../../support/suite.ts';

const test = suite('client/load-balanced/view');

interface Scene {
  readonly session: FakeSession;
  readonly lview: LoadBalancedView;
  readonly balancer: Balancer;
}

function scene(engines = 4, noEngineGrace = 50): Scene {
  const session = new FakeSession(engines);
  const balancer = new Balancer(session, { noEngineGrace });
  return { session, balancer, lview: new LoadBalancedView(balancer, 'all') };
}

// What remote functions see: they run in this process, but by their source.
const world = globalThis as unknown as { here: typeof here; gate: Promise<void>; runs: number; open: () => void };
world.here = here;
declare const gate: Promise<void>;
declare let runs: number;
const where = () => (globalThis as unknown as { here: { current: number } }).here.current;
const fail = () => {
  throw new RangeError('no good');
};
const held = async () => {
  await gate;
  return 'held';
};
const hold = () => {
  world.gate = new Promise((resolve) => {
    world.open = resolve;
  });
};
const enginesOf = (results: { metadata: unknown }[]) =>
  results.map((r) => (r.metadata as { engineId: number }).engineId);

test('apply gives a bare value; 2n calls visit each idle engine twice in one cycle', async () => {
  const { lview } = scene();
  const visits: number[] = [];
  for (let i = 0; i < 8; i++) visits.push(await lview.apply(where));
  assert.equal(visits, [0, 1, 2, 3, 0, 1, 2, 3]);
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

test('retries: the remote error after as many engines; all engines failed: its error at once', async () => {
  const { lview, session } = scene(4);
  const twice = lview.with({ retries: 2 }).apply(fail);
  await rejects(() => twice.get(), RemoteError, /no good/);
  const ran = () => [...session.engines.values()].filter((e) => e.ran.includes(twice.msgIds[0] as string)).length;
  assert.is(ran(), 3);
  await rejects(() => lview.with({ retries: 9 }).apply(fail).get(), RemoteError, /no good/);
  const late = await rejects(() => lview.with({ retries: 4, timeout: 60 }).apply(fail).get(), TaskTimeout);
  assert.match((late.cause as Error).message, /no good/);
});

test('retries: what fails on one engine succeeds on another', async () => {
  const { lview } = scene(4);
  const picky = () => {
    const { here: h } = globalThis as unknown as { here: { current: number } };
    if (h.current < 3) throw new Error(`not on ${h.current}`);
    return h.current;
  };
  assert.is(await lview.with({ retries: 3 }).apply(picky), 3);
  const chunked = (x: number) => {
    const { here: h } = globalThis as unknown as { here: { current: number } };
    if (h.current !== 2 && x % 2 === 1) throw new Error('odd');
    return x;
  };
  assert.equal(await lview.map(chunked, range(8), { chunkSize: 4, retries: 3 }), range(8));
});

test('a chunk that fails everywhere keeps its good items', async () => {
  const { lview } = scene(2);
  const bad = (x: number) => {
    if (x === 1) throw new Error('one');
    return x;
  };
  const mixed = await lview.map(bad, range(3), { chunkSize: 3, retries: 5 }).get({ returnErrors: true });
  assert.equal([mixed[0], mixed[2]], [0, 2]);
  assert.instance(mixed[1], RemoteError);
});

test('queue timeout: TaskTimeout while it waits, none while it runs', async () => {
  const { lview } = scene(1);
  hold();
  const runs = lview.with({ timeout: 30 }).apply(held);
  const waits = lview.with({ timeout: 30 }).apply(held);
  const error = await rejects(() => waits.get(), TaskTimeout, /waited 30 ms/);
  assert.match(error.message, /^\[Engine Exception\] TaskTimeout: /);
  world.open();
  assert.is(await runs, 'held');
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

test('death: EngineError at once without retries, another engine with them; the queue goes on', async () => {
  const { lview, session } = scene(2);
  hold();
  const none = lview.apply(held);
  const one = lview.with({ retries: 1 }).apply(held);
  const queued = lview.map(where, range(4));
  await new Promise(setImmediate);
  assert.equal(enginesOf([none, one]), [0, 1]);
  session.kill(0);
  const error = await rejects(() => none.get(), EngineError, /Engine 0 died while running task/);
  assert.is(error.engineInfo, undefined);
  session.join(2);
  session.kill(1);
  world.open();
  assert.is(await one, 'held');
  assert.equal(await queued, [2, 2, 2, 2]);
  assert.equal(enginesOf([one]), [2]);
});

test('an engine that joins is used at once, while a map runs', async () => {
  const { lview, session } = scene(1);
  const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
  const ar = lview.map(turn, range(40));
  await new Promise((resolve) => setTimeout(resolve, 20));
  session.join(1);
  await ar;
  assert.ok((session.engines.get(1)?.ran.length ?? 0) > 5);
});

test('no engine: refused at the call; all gone while queued: an error after the grace, or the newcomer runs it', async () => {
  throws(() => scene(0).lview.apply(where), NoEnginesRegistered, /<LoadBalancedView all>/);
  const lost = scene(1, 20);
  hold();
  lost.lview.apply(held);
  const queued = lost.lview.apply(where);
  await new Promise(setImmediate);
  lost.session.kill(0);
  await rejects(() => queued.get(), EngineError, /no engine is left/);
  const saved = scene(1, 5000);
  const first = saved.lview.with({ retries: 1 }).apply(held);
  const second = saved.lview.apply(where);
  await new Promise(setImmediate);
  saved.session.kill(0);
  saved.session.join(0);
  world.open();
  assert.is(await first, 'held');
  assert.is(await second, 0);
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

test('after: starts later; follow: stays on the engine', async () => {
  const { lview } = scene(4);
  const first = lview.apply(() => new Promise((resolve) => setTimeout(resolve, 30)));
  const second = lview.with({ after: first }).apply(where);
  await second;
  assert.ok(first.ready);
  assert.equal((second.metadata as Metadata).after, first.msgIds);
  const third = lview.with({ follow: [second.msgIds[0] as string] }).map(where, range(6));
  const home = (second.metadata as { engineId: number }).engineId;
  assert.equal(await third, [home, home, home, home, home, home]);
  assert.equal((third.metadata as Metadata[])[0]?.follow, second.msgIds);
});

test('dependencies: invalid, impossible, failure-only, any', async () => {
  const { lview } = scene(4);
  const lost = await rejects(() => lview.with({ after: 'nobody' }).apply(where).get(), InvalidDependency);
  assert.match(lost.message, /^\[Engine Exception\] InvalidDependency: /);
  const bad = lview.apply(fail);
  await bad.wait();
  await rejects(() => lview.with({ after: bad }).apply(where).get(), ImpossibleDependency);
  const onFailure = new Dependency(bad, { success: false, failure: true });
  assert.type(await lview.with({ after: onFailure }).apply(where), 'number');
  const two = lview.map(where, range(2));
  await two;
  await rejects(() => lview.with({ follow: two }).apply(where).get(), ImpossibleDependency, /more than one engine/);
  const any = await lview.with({ follow: new Dependency(two, { all: false }) }).apply(where);
  assert.ok([...(await two)].includes(any));
  throws(() => new Dependency('x', { success: false }), TypeError, /neither success nor failure/);
});

test('follow: the engine is gone', async () => {
  const { lview, session } = scene(2);
  const first = lview.apply(where);
  session.kill(await first);
  await rejects(() => lview.with({ follow: first }).apply(where).get(), ImpossibleDependency, /gone/);
});

test('depend and require: another engine where a predicate says no', async () => {
  const { lview } = scene(4);
  const on2 = lview.depend(() => (globalThis as unknown as { here: { current: number } }).here.current === 2);
  assert.is(await on2.apply(where), 2);
  assert.equal(await on2.map(where, range(4)), [2, 2, 2, 2]);
  assert.equal(await on2.map(where, range(4), { chunkSize: 2 }), [2, 2, 2, 2]);
  const never = lview.depend(() => false);
  await rejects(() => never.apply(where).get(), ImpossibleDependency, /not on this engine/);
  await rejects(() => lview.require('nobodyHasThis').apply(where).get(), ImpossibleDependency);
  assert.type(await lview.require('here.current').apply(where), 'number');
  throws(() => lview.depend(5 as never), TypeError);
  throws(() => lview.require('a b'), TypeError);
  const thrown = () => {
    const { here: h } = globalThis as unknown as { here: { current: number } };
    if (h.current !== 1) throw Object.assign(new Error('elsewhere'), { name: 'UnmetDependency' });
    return h.current;
  };
  assert.is(await lview.apply(thrown), 1);
});

test('options: unknown ones are named, nothing sticks, wrong kinds are refused', () => {
  const { lview } = scene();
  throws(() => lview.with({ retires: 1 } as never), TypeError, /unknown option 'retires'/);
  throws(() => lview.map(where, [1], { chunksize: 1 }), TypeError, /unknown option 'chunksize'/);
  throws(() => lview.imap(where, [1], { maxOut: 1 }), TypeError, /unknown option 'maxOut'/);
  throws(() => lview.map(where, [1], { chunkSize: 0 }), TypeError, /chunkSize/);
  throws(() => lview.with({ retries: -1 }), TypeError, /retries/);
  throws(() => lview.with({ timeout: Number.NaN }), TypeError, /timeout/);
  throws(() => lview.map(where), TypeError, /at least one sequence/);
});

test('what cannot travel: the function at once, an item of a map in its place', async () => {
  const { lview } = scene();
  throws(() => lview.apply(Math.max), NotSerializableError);
  throws(() => lview.map(Math.max, [1]), NotSerializableError);
  const mixed = await lview.map((x: unknown) => x, [1, Symbol('no'), 3]).get({ returnErrors: true });
  assert.equal([mixed[0], mixed[2]], [1, 3]);
  assert.is((mixed[1] as RemoteError).ename, 'NotSerializableError');
});

test('tiny tasks are pipelined, slow ones are not; every task runs once', async () => {
  const { lview, session } = scene(4);
  world.runs = 0;
  const counted = () => {
    runs++;
  };
  await lview.map(counted, range(2000));
  assert.is(world.runs, 2000);
  const deepest = () => Math.max(...[...session.engines.values()].map((engine) => engine.deepest));
  assert.ok(deepest() > 4, `${deepest()} in flight`);
  for (const engine of session.engines.values()) engine.deepest = 0;
  await lview.map(() => new Promise((resolve) => setTimeout(resolve, 10)), range(12));
  assert.is(deepest(), 1);
});

test('tiny tasks that got behind a long one finish elsewhere', async () => {
  const { lview } = scene(2);
  hold();
  const sometimes = async (x: number) => {
    if (x === 150) await gate;
    return x;
  };
  const ar = lview.map(sometimes, range(400), { ordered: false });
  const seen: number[] = [];
  for await (const x of ar) {
    seen.push(x);
    if (seen.length === 399) world.open();
  }
  assert.is(seen.at(-1), 150);
  assert.equal(await ar, range(400));
});

test('close: what is queued fails, nothing is left waiting', async () => {
  const { lview, balancer } = scene(1);
  hold();
  const running = lview.apply(held);
  const queued = lview.with({ timeout: 60_000 }).map(where, range(3));
  await new Promise(setImmediate);
  balancer.close('the client was closed');
  await rejects(() => queued.get(), CompositeError, /client was closed/);
  world.open();
  await running;
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
