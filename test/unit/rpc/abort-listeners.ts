// One listener of a signal, however many calls share it.
import { getEventListeners } from 'node:events';
import * as assert from 'uvu/assert';
import { onAbort } from '../../../src/rpc/abort-listeners.ts';
import { within } from '../../../src/rpc/waiting.ts';
import { suite } from '../../support/suite.ts';

const test = suite('rpc/abort-listeners');
const countOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test('many share one, all are called once, and none stays', () => {
  const { signal, abort } = controller();
  const called: number[] = [];
  for (let i = 0; i < 100; i++) onAbort(signal, () => called.push(i));
  assert.is(countOf(signal), 1);
  abort();
  assert.equal([called.length, new Set(called).size, countOf(signal)], [100, 100, 0]);
});

test('those that left are not called; the last one takes the listener away; a later one brings it back', () => {
  const { signal, abort } = controller();
  const called: string[] = [];
  const off = ['a', 'b', 'c'].map((name) => onAbort(signal, () => called.push(name)));
  off[1]?.();
  off[1]?.();
  assert.is(countOf(signal), 1);
  off[0]?.();
  off[2]?.();
  assert.is(countOf(signal), 0);
  onAbort(signal, () => called.push('d'));
  abort();
  assert.equal(called, ['d']);
});

test('a listener may leave, or take another away, while it is called', () => {
  const { signal, abort } = controller();
  const called: string[] = [];
  const first = onAbort(signal, () => {
    called.push('first');
    first();
    second();
  });
  const second = onAbort(signal, () => called.push('second'));
  abort();
  assert.equal([called, countOf(signal)], [['first'], 0]);
});

test('a hundred waits on one signal: one listener, and none when they have ended', async () => {
  const { signal, abort } = controller();
  const never = new Promise<void>(() => {});
  const waits = Array.from({ length: 100 }, (_, i) => within(i % 2 ? never : Promise.resolve(), { signal }, 'a test'));
  assert.is(countOf(signal), 1);
  abort();
  const ends = await Promise.allSettled(waits);
  assert.is(ends.filter(({ status }) => status === 'rejected').length, 100);
  assert.is(countOf(signal), 0);
});

function controller(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const it = new AbortController();
  return { signal: it.signal, abort: () => it.abort() };
}

test.run();
