// The policy decides whether an engine that died is restarted; its clock is the test's own.
import * as assert from 'uvu/assert';
import { RestartPolicy } from '../../../../src/cluster/launchers/restart-policy.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('restart policy');

test('each restart in a row waits twice as long; then the engine is given up', () => {
  const policy = new RestartPolicy({ times: 3 });
  assert.equal(
    [0, 1, 2, 3].map((time) => policy.died(0, time)),
    [{ wait: 100 }, { wait: 200 }, { wait: 400 }, { deaths: 4 }],
  );
  assert.is(policy.givenUp(4), 'died 4 times within 60 s and is not restarted again');
});

test('deaths long ago do not count, nor do those of other engines', () => {
  const policy = new RestartPolicy({ times: 1, within: 1000, delay: 7 });
  assert.equal(policy.died(0, 0), { wait: 7 });
  assert.equal(policy.died(1, 1), { wait: 7 });
  assert.equal(policy.died(0, 1000), { wait: 7 });
  assert.equal(policy.died(0, 1999), { deaths: 2 });
});

test('no wait is longer than 10 s; without restarts the first death is the last', () => {
  const policy = new RestartPolicy({ times: 50, delay: 3000 });
  assert.equal([...Array(4)].map(() => policy.died(0, 0)).at(-1), { wait: 10_000 });
  const none = new RestartPolicy({ times: 0 });
  assert.equal(none.died(0, 0), { deaths: 1 });
  assert.match(none.givenUp(1), /^died once within/);
});

test('after a restart by hand the count begins anew, and so it does after the limit', () => {
  const policy = new RestartPolicy({ times: 1 });
  policy.died(0, 0);
  policy.forget(0);
  assert.equal(
    [policy.died(0, 1), policy.died(0, 2), policy.died(0, 3)],
    [{ wait: 100 }, { deaths: 2 }, { wait: 100 }],
  );
});

test.run();
