// LoadBalancedView over engines in this process: retries, timeouts, dependencies, predicates, deaths, joins.
import * as assert from 'uvu/assert';
import type { Metadata } from '../../../../src/client/links/task.ts';
import { Dependency } from '../../../../src/client/load-balanced/dependency.ts';
import {
  CompositeError,
  EngineError,
  ImpossibleDependency,
  InvalidDependency,
  NoEnginesRegistered,
  RemoteError,
  TaskTimeout,
} from '../../../../src/errors.ts';
import { range } from '../../../../src/tensor/convert.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { enginesOf, fail, held, hold, scene, where, world } from '../../../support/balanced-scene.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/load-balanced/scheduling');

declare const gate: Promise<void>;
declare let runs: number;

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
  while ((session.engines.get(0)?.ran.length ?? 0) < 3) await turn();
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

test.run();
