import * as assert from 'uvu/assert';
import { isIndexKey, slice, targetsOf, targetText } from '../../../src/client/targets.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('client/targets');
const IDS = [0, 1, 2, 3];

const GOOD: [unknown, unknown][] = [
  [0, 0],
  ['0', 0],
  [-1, 3],
  ['-1', 3],
  [':', [0, 1, 2, 3]],
  ['::2', [0, 2]],
  ['1::2', [1, 3]],
  ['1::3', [1]],
  ['2:4', [2, 3]],
  [':-3', [0]],
  ['-1:', [3]],
  ['5:', []],
  ['::-1', [3, 2, 1, 0]],
  ['3:0:-1', [3, 2, 1]],
  [
    [2, 0],
    [2, 0],
  ],
  [
    [0, 0],
    [0, 0],
  ],
  [new Set([0, 2]), [0, 2]],
  ['0,2', [0, 2]],
  ['all', 'all'],
];

for (const [key, expected] of GOOD) {
  test(`${JSON.stringify(key)} gives ${JSON.stringify(expected)}`, () => assert.equal(targetsOf(key, IDS), expected));
}

for (const key of ['x', '1:x', '1.5', 1.5, null, undefined, {}, ['0'], [0.5], '']) {
  test(`${JSON.stringify(key)} is no key`, () =>
    throws(() => targetsOf(key, IDS), TypeError, /key by int\/slice\/iterable of ints only, not/));
}

for (const key of [99, -9, [0, 99]]) {
  test(`${JSON.stringify(key)} is no engine`, () =>
    throws(() => targetsOf(key, IDS), RangeError, /No such engine: (99|-9)/));
}

test('a slice step of 0 is refused', () => throws(() => slice(IDS, undefined, undefined, '0'), RangeError));

test('ids outlive dead neighbours: 3 is engine 3 also when 1 is gone', () => {
  assert.is(targetsOf(3, [0, 2, 3]), 3);
  throws(() => targetsOf(1, [0, 2, 3]), RangeError, /No such engine: 1/);
  assert.is(targetsOf(-1, [0, 2]), 2);
});

test('index keys are told from other property names', () => {
  for (const key of ['0', '-1', ':', '::2', '1:x'.slice(0, 2), '0,2']) assert.ok(isIndexKey(key), key);
  for (const key of ['x', 'then', '1.5', '']) assert.not(isIndexKey(key), key);
});

test('long target lists are cut to sixteen characters', () => {
  assert.is(targetText([0, 1, 2, 3]), '[0, 1, 2, 3]');
  assert.is(targetText([0, 1, 2, 3, 4, 5]), '[0, 1, 2, 3,...]');
  assert.is(targetText(0), '0');
  assert.is(targetText([]), '[]');
  assert.is(targetText('all'), 'all');
});

test.run();
