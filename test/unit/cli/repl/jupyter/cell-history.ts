import * as assert from 'uvu/assert';
import { CellHistory } from '../../../../../src/cli/repl/jupyter/cell-history.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/jupyter/cell-history');
const history = new CellHistory();
history.add(1, 'a + 1')('2');
history.add(2, 'b');
history.add(3, 'a + 1');

const lines = (request: Record<string, unknown>) =>
  (history.answer(request)['history'] as unknown[][]).map(([, n]) => n);

test('the last ones, a range, and those that match', () => {
  assert.equal(lines({ hist_access_type: 'tail', n: 2 }), [2, 3]);
  assert.equal(lines({ hist_access_type: 'range', session: 1, start: 2, stop: 3 }), [2]);
  assert.equal(lines({ hist_access_type: 'range', session: 0, start: 2 }), [2, 3]);
  assert.equal(lines({ hist_access_type: 'range', session: 7, start: 0 }), []);
  assert.equal(lines({ hist_access_type: 'search', pattern: 'a*' }), [1, 3]);
  assert.equal(lines({ hist_access_type: 'search', pattern: 'a ? 1', unique: true }), [1]);
  assert.equal(lines({ hist_access_type: 'search', pattern: 'a.*' }), []);
});

test('with outputs', () => {
  assert.equal(history.answer({ hist_access_type: 'tail', n: 3, output: true })['history'], [
    [1, 1, ['a + 1', '2']],
    [1, 2, ['b', null]],
    [1, 3, ['a + 1', null]],
  ]);
});

test.run();
