// How long polls of the GPU go on without a pause.
import * as assert from 'uvu/assert';
import { PollPacer } from '../../../../engines/contexts/webgpu/polling.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('polling');

/** The milliseconds into a wait at which polls, `every` ms, still go on at once. */
function fastUntil(pacer: PollPacer, every: number, from = 0): number {
  let at = from;
  while (pacer.isFast(at)) at += every;
  return at - from;
}

test('a wait for a software GPU is quick for 64 polls: it computes on the same cores', () => {
  assert.is(Math.round(fastUntil(new PollPacer({ isHardware: false }), 0.01) * 100), 64);
});

test('a wait for a card is quick for 5 ms, however many polls that are', () => {
  const until = fastUntil(new PollPacer({ isHardware: true }), 0.01);
  assert.ok(until >= 5 && until < 5.1, String(until));
  assert.is(fastUntil(new PollPacer({ isHardware: true }), 1), 64);
});

test('after a pause the next wait is quick again', () => {
  for (const isHardware of [true, false]) {
    const pacer = new PollPacer({ isHardware });
    const first = fastUntil(pacer, 0.02);
    assert.not.ok(pacer.isFast(first + 1));
    assert.ok(fastUntil(pacer, 0.02, first + 20) > 0.9 * first);
  }
});

test.run();
