// The scheduler's core, driven without a network and without a clock.
import * as assert from 'uvu/assert';
import { DurationEstimate } from '../../../../src/client/load-balanced/duration-estimate.ts';
import type { Schedulable, SchedulingPolicy } from '../../../../src/client/load-balanced/schedulable.ts';
import { Scheduler } from '../../../../src/client/load-balanced/scheduler.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/load-balanced/scheduler');

interface Item extends Schedulable {
  readonly name: string;
  readonly ms: number | undefined;
}

const POLICY: SchedulingPolicy = { priority: 0, retries: 0, targets: undefined, hwm: 1, idleOnly: false };
const item = (name: string, policy: Partial<SchedulingPolicy> = {}, ms?: number): Item => ({
  name,
  ms,
  policy: { ...POLICY, ...policy },
  state: 'waiting',
  turn: 0,
  failures: 0,
  excluded: undefined,
  pinned: undefined,
  runsOn: undefined,
  cost: 0,
  steals: 0,
});

function scheduler(engines = 2): Scheduler<Item> {
  const core = new Scheduler<Item>((task) => task.ms);
  for (let id = 0; id < engines; id++) core.engineUp(id, `u${id}`);
  return core;
}

const add = (core: Scheduler<Item>, ...items: Item[]) => {
  for (const one of items) core.add(one);
};
const sent = (core: Scheduler<Item>) => core.dispatches().map(({ task, engine }) => `${task.name}${engine.id}`);
const names = (n: number) => Array.from({ length: n }, (_, i) => String.fromCharCode(97 + i));

test('the least loaded engine, among equals the least recently used', () => {
  const core = scheduler(3);
  const [a, b, c, d, e] = names(5).map((name) => item(name, { hwm: 2 }, 1)) as [Item, Item, Item, Item, Item];
  add(core, a, b, c, d);
  assert.equal(sent(core), ['a0', 'b1', 'c2', 'd0']);
  core.ended(b, 'final');
  core.ended(c, 'final');
  core.ended(d, 'final');
  add(core, e);
  assert.equal(sent(core), ['e1'], 'engine 1 was used longest ago among the idle ones');
});

test('idle engines are visited in a fixed cycle', () => {
  const core = scheduler(4);
  const visits: string[] = [];
  for (let i = 0; i < 8; i++) {
    const one = item('t');
    add(core, one);
    visits.push(...sent(core));
    core.ended(one, 'final');
  }
  assert.equal(visits, ['t0', 't1', 't2', 't3', 't0', 't1', 't2', 't3']);
});

test('hwm bounds what is in flight; 0 does not', () => {
  const core = scheduler(2);
  add(core, ...names(6).map((name) => item(name, { hwm: 2 })));
  assert.is(sent(core).length, 4);
  const free = scheduler(2);
  add(free, ...names(100).map((name) => item(name, { hwm: 0 })));
  assert.is(sent(free).length, 100);
});

test('auto: nothing waits behind work of unknown or long duration, tiny work is pipelined', () => {
  const auto = { hwm: 'auto' } as const;
  const unknown = scheduler(2);
  add(unknown, ...names(6).map((name) => item(name, auto)));
  assert.is(sent(unknown).length, 2, 'unknown: one per engine');
  const long = scheduler(2);
  add(long, ...names(6).map((name) => item(name, auto, 50)));
  assert.is(sent(long).length, 2, 'long: one per engine');
  const tiny = scheduler(2);
  add(tiny, ...Array.from({ length: 200 }, () => item('t', auto, 0)));
  const inFlight = sent(tiny).length;
  assert.ok(inFlight > 8 && inFlight < 200, `${inFlight} in flight`);
  const timed = scheduler(2);
  add(timed, ...names(6).map((name) => item(name, { ...auto, idleOnly: true }, 0)));
  assert.is(sent(timed).length, 2, 'a queue timeout must see the whole wait');
});

test('backlog: tasks that wait and tasks on engines, those of unknown length apart', () => {
  const core = scheduler(2);
  add(core, ...names(6).map((name) => item(name, {}, 50)), ...names(3).map((name) => item(name, { priority: 1 })));
  assert.equal(core.backlog, { tasks: 9, unknown: 3, ms: 300 });
  sent(core);
  assert.equal(core.backlog, { tasks: 9, unknown: 3, ms: 300 });
});

test('an engine that will end soon: it gets nothing more, gives back what waits there, and may stay after all', () => {
  const core = scheduler(2);
  add(core, ...names(6).map((name) => item(name, { hwm: 3 })));
  assert.is(sent(core).length, 6);
  const [one] = core.engines;
  core.engineDraining(one?.uuid as string);
  const behind = core.stealable();
  assert.equal(
    behind.map(({ runsOn }) => runsOn?.id),
    [0, 0],
  );
  for (const task of behind) core.ended(task, 'stolen');
  assert.equal(sent(core), []);
  core.engineStays(one?.uuid as string);
  assert.is(sent(core).length, 2);
});

test('higher priorities go first, equal ones in order', () => {
  const core = scheduler(1);
  add(core, item('a'), item('b', { priority: 5 }), item('c', { priority: -1 }), item('d', { priority: 5 }));
  const order: string[] = [];
  for (let next = core.dispatches(); next.length > 0; next = core.dispatches()) {
    order.push(...next.map(({ task }) => task.name));
    for (const { task } of next) core.ended(task, 'final');
  }
  assert.is(order.join(''), 'bdac');
});

test('a task bound to a busy engine does not hold up the others', () => {
  const core = scheduler(2);
  const only0 = { targets: new Set([0]) };
  add(core, item('a', only0), item('b', only0), item('c'));
  assert.equal(sent(core), ['a0', 'c1']);
});

test('a failed task goes to another engine, never to the same, as often as retries say', () => {
  const core = scheduler(3);
  const one = item('t', { retries: 1 });
  add(core, one);
  assert.equal(sent(core), ['t0']);
  assert.is(core.ended(one, 'failed'), true);
  assert.equal(sent(core), ['t1']);
  assert.is(core.ended(one, 'failed'), false, 'one retry');
  assert.is(one.state, 'ended');
});

test('unmet predicates move a task on without counting, until no engine is left', () => {
  const core = scheduler(2);
  const one = item('t');
  add(core, one);
  sent(core);
  assert.is(core.ended(one, 'unmet'), true);
  assert.equal(sent(core), ['t1']);
  assert.is(core.ended(one, 'unmet'), true);
  assert.equal(sent(core), []);
  assert.equal(
    core.unplaceable().map(([task, why]) => [task.name, why]),
    [['t', 'all-excluded']],
  );
  core.engineUp(7, 'u7');
  assert.equal(core.unplaceable(), []);
  assert.equal(sent(core), ['t7'], 'an engine that joins is used at once');
});

test('unplaceable: no engine among the targets, or the one to follow is gone', () => {
  const core = scheduler(2);
  const follower = item('f');
  follower.pinned = new Set(['u1']);
  add(core, item('a', { targets: new Set([1]) }), follower);
  core.engineDown('u1');
  assert.equal(
    core.unplaceable().map(([task, why]) => [task.name, why]),
    [
      ['a', 'no-engines'],
      ['f', 'gone'],
    ],
  );
});

test('a replaced engine with the same id is another engine', () => {
  const core = scheduler(1);
  const one = item('t', { retries: 1 });
  add(core, one);
  sent(core);
  core.engineDown('u0');
  assert.is(core.ended(one, 'failed'), true);
  core.engineUp(0, 'u0-again');
  assert.equal(sent(core), ['t0']);
});

test('withdrawn tasks are passed over; sent ones cannot be withdrawn', () => {
  const core = scheduler(1);
  const [a, b, c] = names(3).map((name) => item(name)) as [Item, Item, Item];
  add(core, a, b, c);
  assert.equal(sent(core), ['a0']);
  assert.is(core.withdraw(b), true);
  assert.is(core.withdraw(b), false);
  assert.is(core.withdraw(a), false);
  core.ended(a, 'final');
  assert.equal(sent(core), ['c0']);
});

test('each of many tasks is sent exactly once, whatever the order of the ends', () => {
  const core = scheduler(5);
  const all = Array.from({ length: 3000 }, (_, i) =>
    item(String(i), {
      hwm: i % 3,
      priority: i % 2,
      retries: i % 4,
      targets: i % 7 === 0 ? new Set([i % 5]) : undefined,
    }),
  );
  const tried = new Map(all.map((one) => [one, [] as string[]]));
  add(core, ...all);
  let random = 42;
  const next = (n: number) => {
    random = (random * 1103515245 + 12345) % 2 ** 31;
    return random % n;
  };
  const flying: Item[] = [];
  for (;;) {
    for (const { task, engine } of core.dispatches()) {
      tried.get(task)?.push(engine.uuid);
      flying.push(task);
    }
    const task = flying.splice(next(flying.length || 1), 1)[0];
    if (task === undefined) break;
    core.ended(task, next(3) === 0 ? 'failed' : 'final');
  }
  for (const [one, used] of tried) {
    assert.ok(used.length >= 1 && used.length <= one.policy.retries + 1, `${one.name} ran ${used.length} times`);
    assert.is(new Set(used).size, used.length, `${one.name} ran twice on an engine`);
  }
  const left = core.unplaceable().map(([task]) => task);
  assert.ok(
    left.every((task) => task.policy.targets !== undefined),
    'only bound tasks can run out of engines',
  );
  assert.is(all.filter((one) => one.state === 'ended').length + left.length, 3000);
});

test('tasks behind a long one are taken back, and go first elsewhere; nothing more is put there', () => {
  const core = scheduler(2);
  const tiny = { hwm: 'auto' } as const;
  const all = names(6).map((name) => item(name, tiny, 0));
  const [a, b] = all as [Item, Item];
  add(core, ...all);
  assert.equal(sent(core), ['a0', 'b1', 'c0', 'd1', 'e0', 'f1']);
  assert.ok(core.pipelining);
  assert.equal(core.stealable(), [], 'the first look only remembers');
  for (const done of all.filter(({ runsOn }) => runsOn?.id === 1)) core.ended(done, 'final');
  const stuck = core.stealable();
  assert.is(stuck.map(({ name }) => name).join(''), 'ce');
  for (const task of stuck) core.ended(task, 'stolen');
  add(core, item('g', tiny, 0));
  assert.equal(sent(core), ['c1', 'e1', 'g1'], 'first in turn, and not behind the long one');
  core.ended(a, 'final');
  assert.is(b.state, 'ended');
  add(core, item('h', tiny, 0));
  assert.equal(sent(core), ['h0']);
});

test('nothing is taken back where no other engine could have it, or where the caller asked for a number', () => {
  for (const policy of [{ hwm: 'auto', targets: new Set([0]) }, { hwm: 3 }] as const) {
    const core = scheduler(2);
    add(core, ...names(6).map((name) => item(name, policy, 0)));
    sent(core);
    core.stealable();
    assert.equal(core.stealable(), []);
  }
});

test('a duration estimate rises at once and falls slowly', () => {
  const duration = new DurationEstimate();
  for (let i = 0; i < 3; i++) {
    assert.is(duration.ms, undefined, 'a few runs say little');
    duration.learn(1);
  }
  duration.learn(1000);
  assert.is(duration.ms, 1000);
  duration.learn(0);
  assert.is(duration.ms, 900);
  for (let i = 0; i < 100; i++) duration.learn(0);
  assert.ok((duration.ms as number) < 1);
});

test.run();
