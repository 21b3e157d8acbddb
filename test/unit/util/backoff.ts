// Waits between tries: they double up to a limit, with jitter, and begin anew after a success.
import * as assert from 'uvu/assert';
import { Backoff } from '../../../src/util/backoff.ts';
import { suite } from '../../support/suite.ts';

const test = suite('backoff');

test('50 ms, doubled up to 2 s; a success begins anew', () => {
  const backoff = new Backoff({ random: () => 1 });
  assert.equal(
    Array.from({ length: 8 }, () => backoff.next()),
    [50, 100, 200, 400, 800, 1600, 2000, 2000],
  );
  backoff.reset();
  assert.is(backoff.next(), 50);
});

test('the jitter takes at most half of a wait', () => {
  const backoff = new Backoff({ first: 100, longest: 100, random: () => 0 });
  assert.is(backoff.next(), 50);
  const random = new Backoff();
  const waits = Array.from({ length: 100 }, () => random.next());
  assert.ok(waits.every((wait) => wait >= 25 && wait <= 2000));
  assert.ok(new Set(waits.slice(20)).size > 10);
});

test.run();
