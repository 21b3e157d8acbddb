// The history of the REPL: kept between sessions, private, bounded, never an error.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { History, historyPath } from '../../../../src/cli/repl/history.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('cli/repl/history');
const dir = temporaryFolder('dvhistory-');
test.after(() => rmSync(dir, { recursive: true }));

test('lines come back, the newest first, in a private file', () => {
  const path = join(dir, 'new', 'history');
  const first = new History(path);
  assert.equal(first.load(), []);
  for (const line of ['a', '  ', 'b']) first.add(line);
  assert.equal(new History(path).load(), ['b', 'a']);
  assert.is(statSync(path).mode & 0o777, 0o600);
});

test('a long file is cut to its end', () => {
  const path = join(dir, 'long');
  writeFileSync(path, Array.from({ length: 3000 }, (_, i) => `${i}\n`).join(''));
  const lines = new History(path).load();
  assert.equal([lines.length, lines[0], lines.at(-1)], [1000, '2999', '2000']);
  assert.is(readFileSync(path, 'utf8').split('\n').length, 1001);
});

test('no path, or one that cannot be written: nothing is kept, nothing is thrown', () => {
  for (const path of ['', join(dir, 'long', 'below-a-file')]) {
    const history = new History(path);
    history.add('a');
    assert.equal(history.load(), []);
  }
});

test('where it lies', () => {
  assert.is(historyPath({ DIRECTVIEW_REPL_HISTORY: '/x' }), '/x');
  assert.is(historyPath({ DIRECTVIEW_REPL_HISTORY: '' }), '');
  assert.is(historyPath({ XDG_STATE_HOME: '/s' }), '/s/directview/repl_history');
});

test.run();
