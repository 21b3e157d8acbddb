import * as assert from 'uvu/assert';
import { AdaptivePolicy, type AdaptOptions } from '../../../../src/cluster/launchers/adaptive-policy.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cluster/launchers/adaptive-policy');
const OPTIONS: AdaptOptions = { min: 1, max: 10, patience: 100, target: 1000 };

/** A policy and the engines that it has made: they come at once. */
function scene(options: Partial<AdaptOptions> = {}, engines = 1) {
  const policy = new AdaptivePolicy({ ...OPTIONS, ...options });
  const state = { engines };
  const look = (now: number, tasks: number, { unknown = tasks, ms = 0 } = {}) => {
    const to = policy.look({ now, backlog: { tasks, unknown, ms }, engines: state.engines });
    if (to !== undefined) state.engines = to;
    return to;
  };
  return { policy, state, look };
}

test('tasks of unknown length want an engine each, within the bounds', () => {
  const { policy } = scene({ min: 2 });
  const wanted = (tasks: number) => policy.wanted({ tasks, unknown: tasks, ms: 0 });
  assert.equal([0, 1, 2, 5, 10, 11, 1e6].map(wanted), [2, 2, 2, 5, 10, 10, 10]);
});

test('work of known length wants an engine per target, and never more than there are tasks', () => {
  const { policy } = scene();
  assert.is(policy.wanted({ tasks: 100, unknown: 0, ms: 2500 }), 3);
  assert.is(policy.wanted({ tasks: 100, unknown: 2, ms: 2500 }), 5);
  assert.is(policy.wanted({ tasks: 2, unknown: 0, ms: 60_000 }), 2);
  assert.is(policy.wanted({ tasks: 2000, unknown: 0, ms: 20 }), 1);
});

test('it grows at the second look in a row that wants more', () => {
  const { look } = scene();
  assert.equal(
    [look(0, 5), look(10, 0), look(20, 5), look(30, 7), look(40, 7)],
    [undefined, undefined, undefined, 7, undefined],
  );
});

test('engines that wait in a queue count: it does not ask for them again', () => {
  const { policy } = scene();
  const looks = (engines: number) =>
    [0, 1, 2, 3].map((now) => policy.look({ now, backlog: { tasks: 5, unknown: 5, ms: 0 }, engines }));
  assert.equal(looks(1), [undefined, 5, undefined, 5]);
  assert.equal(looks(5), [undefined, undefined, undefined, undefined]);
});

test('it shrinks when fewer were enough for long, to the most that were wanted meanwhile', () => {
  const { look } = scene({}, 8);
  assert.equal([look(0, 0), look(50, 3), look(99, 2), look(100, 0)], [undefined, undefined, undefined, 3]);
  assert.equal([look(110, 0), look(209, 0), look(210, 0)], [undefined, undefined, 1]);
});

test('work that comes meanwhile begins the patience anew', () => {
  const { look } = scene({}, 8);
  assert.equal(
    [look(0, 0), look(90, 8), look(100, 0), look(190, 0), look(200, 0)],
    [undefined, undefined, undefined, undefined, 1],
  );
});

test('beyond the bounds it acts at once', () => {
  assert.is(scene({ max: 4 }, 9).look(0, 100), 4);
  assert.is(scene({ min: 3 }, 1).look(0, 0), 3);
});

test('after failures it waits ever longer, and not after a success', () => {
  const { policy, look } = scene();
  look(0, 5);
  policy.failed(0);
  assert.equal([look(1, 5), look(4999, 5), look(5000, 5)], [undefined, undefined, 5]);
  const again = scene();
  again.policy.failed(0);
  again.policy.failed(0);
  assert.equal([again.look(9999, 5), again.look(10_000, 5), again.look(10_001, 5)], [undefined, undefined, 5]);
  for (let i = 0; i < 20; i++) again.policy.failed(0);
  assert.equal([again.look(299_999, 9), again.look(300_000, 9), again.look(300_001, 9)], [undefined, undefined, 9]);
  const third = scene();
  third.policy.failed(0);
  third.policy.succeeded();
  assert.equal([third.look(0, 5), third.look(1, 5)], [undefined, 5]);
});

test('work that comes and goes faster than the patience moves nothing', () => {
  const { look } = scene({}, 4);
  const moves = Array.from({ length: 100 }, (_, i) => look(i * 30, i % 3 === 0 ? 4 : 0));
  assert.equal(
    moves.filter((to) => to !== undefined),
    [],
  );
});

test.run();
