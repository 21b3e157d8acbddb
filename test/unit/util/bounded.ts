import * as assert from 'uvu/assert';
import { BoundedMap, BoundedSet } from '../../../src/util/bounded.ts';
import { suite } from '../../support/suite.ts';

const test = suite('util/bounded');

test('the oldest entries go', () => {
  const map = new BoundedMap<string, number>(2);
  assert.is(map.set('a', 1), 1);
  map.set('b', 2);
  map.set('c', 3);
  assert.equal([...map.keys()], ['b', 'c']);
  assert.is(map.get('a'), undefined);
  assert.is(map.has('a'), false);
  assert.is(map.get('c'), 3);
  assert.is(map.size, 2);
});

test('setting a key again keeps its age; deleting it first makes it the newest', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 10);
  map.set('c', 3);
  assert.equal([...map.keys()], ['b', 'c']);
  assert.ok(map.delete('b'));
  assert.is(map.delete('b'), false);
  map.set('b', 4);
  map.set('d', 5);
  assert.equal([...map.keys()], ['b', 'd']);
});

test('an undefined value is an entry like any other', () => {
  const map = new BoundedMap<string, undefined>(1);
  map.set('a', undefined);
  assert.ok(map.has('a'));
  map.set('b', undefined);
  assert.is(map.has('a'), false);
});

test('a set: the oldest values go', () => {
  const values = new BoundedSet<number>(2);
  for (const value of [1, 2, 1, 3]) values.add(value);
  assert.equal(
    [1, 2, 3].map((value) => values.has(value)),
    [false, true, true],
  );
  assert.ok(values.delete(2));
  assert.is(values.size, 1);
});

// The one iterator must survive rehashes of the table, entries deleted ahead of it, and a table that ran empty.
test('always the oldest, in ten thousand random steps', () => {
  const values = new BoundedSet<number>(50);
  let model: number[] = [];
  let seed = 1;
  const random = (n: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % n;
  };
  for (let step = 0; step < 10_000; step++) {
    if (step % 1000 === 999) for (const value of model) values.delete(value);
    if (step % 1000 === 999) model = [];
    const value = random(200);
    if (random(4) === 0) {
      assert.is(values.delete(value), model.includes(value));
      model = model.filter((v) => v !== value);
    } else {
      values.add(value);
      if (!model.includes(value)) model.push(value);
      if (model.length > 50) model.shift();
    }
    assert.is(values.size, model.length);
    assert.ok(model.every((v) => values.has(v)));
  }
});

test('a limit below 1 is refused', () => {
  for (const limit of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => new BoundedMap(limit), /at least 1/);
    assert.throws(() => new BoundedSet(limit), /at least 1/);
  }
});

test.run();
