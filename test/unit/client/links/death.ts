// How far the tasks of a dead engine had come, and what their errors say.
import * as assert from 'uvu/assert';
import { deathError, progressOf, stoppedError } from '../../../../src/client/links/death.ts';
import { TaskInterrupted, TaskTimeout } from '../../../../src/errors.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('links/death');
const info = { engineId: 2, engineUuid: 'u', method: 'apply' };
const death = { id: 2, reason: 'was killed by SIGKILL' };

test('the last start ran, earlier ones had ended, later ones had not started', () => {
  const fate = { started: ['other:1', 'c:1', 'c:2'] };
  assert.equal(progressOf(['c:1', 'c:2', 'c:3', 'c:4'], fate), ['ended', 'running', 'unstarted', 'unstarted']);
});

test('another client’s task ran: ours had not started, or had ended', () => {
  assert.equal(progressOf(['c:2', 'c:3'], { started: ['c:1', 'other:9'] }), ['unstarted', 'unstarted']);
  assert.equal(progressOf(['c:1', 'c:2'], { started: ['c:1', 'other:9'] }), ['ended', 'unstarted']);
});

test('a start that is no longer in the record is known by those after it', () => {
  assert.equal(progressOf(['c:1', 'c:2', 'c:3'], { started: ['c:2', 'o:1'] }), ['ended', 'ended', 'unstarted']);
});

test('an idle engine, and one without a record', () => {
  assert.equal(progressOf(['c:5'], { started: [] }), ['unstarted']);
  assert.equal(progressOf(['c:5', 'c:6'], undefined), ['unknown', 'unknown']);
});

test('the errors are true', () => {
  const text = (progress: Parameters<typeof deathError>[1]) => deathError('c:1', progress, death).evalue;
  assert.is(text('running'), "Engine 2 died while running task 'c:1' (was killed by SIGKILL)");
  assert.is(text('unstarted'), "Engine 2 died before this task started: 'c:1' (was killed by SIGKILL)");
  assert.is(text('ended'), "Engine 2 died before the result of task 'c:1' had left it (was killed by SIGKILL)");
  assert.is(text('unknown'), "Engine 2 died before task 'c:1' ended (was killed by SIGKILL)");
});

test('a task that took its engine along keeps its class', () => {
  const bereft = { id: 'c:1', info, runTimeout: 50 };
  const late = stoppedError(bereft, { started: ['c:1'], stopped: 'timeout' }, 'was replaced; its namespace is empty');
  assert.instance(late, TaskTimeout);
  assert.match(late.evalue, /ran longer than 50 ms and was ended; engine 2 was replaced; its namespace is empty$/);
  const ended = stoppedError(bereft, { started: ['c:1'], stopped: 'interrupt' }, 'could not be replaced: no memory');
  assert.instance(ended, TaskInterrupted);
  assert.match(ended.evalue, /was interrupted; engine 2 could not be replaced: no memory$/);
});

test.run();
