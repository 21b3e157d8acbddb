// Columns that line up. Pure.
import * as assert from 'uvu/assert';
import { table } from '../../../src/cli/table.ts';
import { suite } from '../../support/suite.ts';

const test = suite('table');

test('numbers stand to the right, text to the left, no blanks at line ends', () => {
  const text = table(
    ['id', 'kind', 'rss'],
    [
      [0, 'webgpu', 1234],
      [10, 'cpu', 5],
    ],
  );
  assert.is(text, 'id  kind     rss\n 0  webgpu  1234\n10  cpu        5\n');
});

test('a dash stands for a number that is not known', () => {
  assert.is(table(['queue'], [['-'], [3]]), 'queue\n    -\n    3\n');
});

test('one text among numbers makes a text column', () => {
  assert.is(table(['rss'], [['no answer'], [3]]), 'rss\nno answer\n3\n');
});

test('a head alone', () => {
  assert.is(table(['a', 'bb'], []), 'a  bb\n');
});

test.run();
