import * as assert from 'uvu/assert';
import { RateLimitedLog } from '../../../../src/util/diagnostics/rate-limited-log.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('util/rate-limited-log');

test('so many lines a second; the next one tells of the rest', () => {
  let time = 5;
  const lines: string[] = [];
  const log = new RateLimitedLog((line) => lines.push(line), { linesPerSecond: 2, maxChars: 6, now: () => time });
  for (let i = 0; i < 5; i++) log.write(`line ${i}`);
  assert.equal(lines, ['line 0', 'line 1']);
  time += 1000;
  log.write('later, cut');
  log.write('last');
  assert.equal(lines.slice(2), ['later, (and 3 more lines)', 'last']);
});

test('one line a second unless told otherwise, the first at once', () => {
  let time = 5;
  const lines: string[] = [];
  const log = new RateLimitedLog((line) => lines.push(line), { now: () => time });
  log.write('a');
  time += 1000;
  log.write('b');
  log.write('c');
  assert.equal(lines, ['a', 'b']);
});

test.run();
