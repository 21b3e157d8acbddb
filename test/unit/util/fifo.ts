import * as assert from 'uvu/assert';
import { Fifo } from '../../../src/util/fifo.ts';
import { suite } from '../../support/suite.ts';

const test = suite('util/fifo');

test('first in, first out', () => {
  const queue = new Fifo<string>();
  assert.is(queue.shift(), undefined);
  queue.push('a');
  queue.push('b');
  assert.is(queue.first, 'a');
  assert.is(queue.last, 'b');
  assert.is(queue.shift(), 'a');
  assert.is(queue.length, 1);
  assert.is(queue.shift(), 'b');
  assert.is(queue.length, 0);
  assert.is(queue.first, undefined);
  assert.is(queue.last, undefined);
});

test('clear', () => {
  const queue = new Fifo<number>();
  for (let i = 0; i < 3; i++) queue.push(i);
  queue.shift();
  queue.clear();
  assert.is(queue.length, 0);
  queue.push(7);
  assert.is(queue.shift(), 7);
});

// The list is cut after 1024 holes.
test('in order over thousands, with some left behind', () => {
  const queue = new Fifo<number>();
  let next = 0;
  for (let i = 0; i < 5000; i++) {
    queue.push(i);
    queue.push(i + 0.5);
    assert.is(queue.shift(), next);
    next += 0.5;
  }
  assert.is(queue.length, 5000);
  assert.is(queue.first, next);
  assert.is(queue.last, 4999.5);
});

test.run();
