import * as assert from 'uvu/assert';
import { timerMs } from '../../../src/rpc/timer-ms.ts';
import { suite } from '../../support/suite.ts';

const test = suite('timer-ms');

test('times that no timer of Node can wait become the longest one', () => {
  for (const ms of [2 ** 31, 2 ** 53, 1e300, Number.POSITIVE_INFINITY]) assert.is(timerMs(ms), 2 ** 31 - 1);
  for (const ms of [0, 1, 2 ** 31 - 1]) assert.is(timerMs(ms), ms);
});

test.run();
