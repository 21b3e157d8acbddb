import * as assert from 'uvu/assert';
import { deferred } from '../../../src/util/deferred.ts';
import { suite } from '../../support/suite.ts';

const test = suite('util/deferred');

test('resolves from outside, once', async () => {
  const { promise, resolve, reject } = deferred<number>();
  resolve(1);
  resolve(2);
  reject(new Error('too late'));
  assert.is(await promise, 1);
});

test('rejects from outside', async () => {
  const { promise, reject } = deferred();
  reject(new Error('no'));
  const error = await promise.catch((e: unknown) => e);
  assert.is((error as Error).message, 'no');
});

test('follows a promise', async () => {
  const first = deferred<string>();
  const second = deferred<string>();
  second.resolve(first.promise);
  first.resolve('from the first');
  assert.is(await second.promise, 'from the first');
});

test.run();
