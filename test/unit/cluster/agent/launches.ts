// Starts that go on, given up in parts: only one that nobody wants any more is aborted, and all are waited for.
import * as assert from 'uvu/assert';
import { Launches } from '../../../../src/cluster/agent/launches.ts';
import { deferred } from '../../../../src/util/deferred.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('launches');

/** A start of the engines 1 and 2 that goes on until it is told to end. */
function begin(signal?: AbortSignal) {
  const launches = new Launches();
  const end = deferred<string>();
  let given: AbortSignal | undefined;
  const start = launches.run([1, 2], signal, (its) => {
    given = its;
    return end.promise;
  });
  return { launches, start, end, isAborted: () => given?.aborted };
}

test('engines that are given up one by one: the last one aborts the start, and its end is waited for', async () => {
  const { launches, start, end, isAborted } = begin();
  await launches.giveUp([3]);
  await launches.giveUp([1]);
  assert.is(isAborted(), false);
  let isOver = false;
  const over = launches.giveUp([2]).then(() => {
    isOver = true;
  });
  assert.is(isAborted(), true);
  await Promise.resolve();
  assert.is(isOver, false);
  end.resolve('accepted');
  await over;
  assert.is(await start, 'accepted');
  assert.is(await launches.settled(undefined), false);
});

test('all are given up, also by the signal of the caller; one that fails is over, too', async () => {
  const abort = new AbortController();
  const one = begin(abort.signal);
  abort.abort();
  assert.is(one.isAborted(), true);
  const failed = one.start.catch(String);
  const settled = one.launches.settled([2]);
  one.end.reject(new Error('no room'));
  assert.is(await settled, true);
  assert.match(await failed, /no room/);
  const other = begin();
  const over = other.launches.giveUp(undefined);
  assert.is(other.isAborted(), true);
  other.end.resolve('late');
  await over;
});

test.run();
