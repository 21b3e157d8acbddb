// Copies of users' values that are sure to travel, within a number of bytes.
import { EventEmitter } from 'node:events';
import { deserialize, serialize } from 'node:v8';
import * as assert from 'uvu/assert';
import { boundedCopy } from '../../../../src/protocol/values/bounded-copy.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('bounded copy');
const copy = (value: unknown, bytes = 65_536) =>
  boundedCopy(value, { bytes, stackOf: (error) => error.stack ?? '' }) as never as Record<string, unknown>;

test('data stays as it is', () => {
  const value = {
    a: [1, -0, Number.NaN, null, undefined, 'x', 5n, true],
    m: new Map([[{ k: 1 }, new Set([2])]]),
    d: new Date(5),
    r: /x/g,
    u8: new Uint8Array([1, 2]),
    nothing: Object.assign(Object.create(null), { z: 1 }),
  };
  const back = copy(value);
  assert.equal(back['a'], value.a);
  assert.equal([...(back['m'] as Map<unknown, unknown>)], [[{ k: 1 }, new Set([2])]]);
  assert.equal([back['d'], back['r'], back['u8']], [value.d, value.r, value.u8]);
  assert.equal(back['nothing'], { z: 1 });
});

test('cycles and identity stay', () => {
  const node: Record<string, unknown> = { list: [] };
  node['self'] = node;
  (node['list'] as unknown[]).push(node);
  const back = copy(node);
  assert.is(back['self'], back);
  assert.is((back['list'] as unknown[])[0], back);
});

test('a text describes what cannot be cloned', () => {
  const hostile = Object.defineProperty({ good: 1 }, 'bad', {
    enumerable: true,
    get: () => {
      throw new Error('no');
    },
  });
  const back = copy({
    f: function named() {},
    s: Symbol('s'),
    p: Promise.resolve(1),
    w: new WeakMap(),
    e: new EventEmitter(),
    proxy: new Proxy({}, {}),
    url: new URL('http://a.b/c'),
    hostile,
  });
  assert.equal([back['f'], back['s'], back['w']], ['[Function: named]', 'Symbol(s)', 'WeakMap { <items unknown> }']);
  assert.equal([back['p'], back['proxy'], back['url']], ['Promise { 1 }', '[Proxy]', 'http://a.b/c']);
  assert.match(String(back['e']), /^EventEmitter/);
  assert.equal(back['hostile'], { good: 1, bad: '[cannot be read: [Error: no]]' });
  assert.not.throws(() => serialize(back));
});

test('an instance keeps its fields; one without fields gives the values of its getters', () => {
  class Point {
    x = 1;
    get y() {
      return 2;
    }
  }
  assert.equal(copy(new Point()), { x: 1 });
  const response = copy(new Response('text', { status: 404 }));
  assert.equal([response['status'], response['ok']], [404, false]);
});

for (const [name, value] of [
  ['a text', 'x'.repeat(5e7)],
  ['an array', new Float64Array(1e6)],
  ['a list', new Array(1e6).fill('xyz')],
  ['a list of lists', Array.from({ length: 1000 }, () => new Array(1000).fill(1))],
  ['a map', new Map(Array.from({ length: 1e5 }, (_, i) => [i, 'x']))],
  ['a set', new Set(Array.from({ length: 1e5 }, (_, i) => i))],
  ['many fields', Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`field${i}`, i]))],
  ['a long name', { ['n'.repeat(1e6)]: 1 }],
  ['a huge integer', 2n ** 1_000_000n],
  ['deep nesting', Array.from({ length: 1e4 }).reduce((inner) => ({ inner }), {})],
  ['an error', new Error('m'.repeat(5e6))],
] as [string, unknown][]) {
  test(`${name} of any size is cut to the limit`, () => {
    assert.ok(serialize(copy({ value })).byteLength < 2 * 65_536);
  });
}

test('a large field does not cost its neighbours', () => {
  const back = copy({ first: 'x'.repeat(1e6), status: 404, last: 'y'.repeat(100) });
  assert.equal([back['status'], back['last']], [404, 'y'.repeat(100)]);
  assert.match(String(back['first']), /^x{10000,}… \(\d+ characters are missing\)$/);
});

test('errors keep class, name, message and fields', () => {
  class ValidationError extends TypeError {
    issues = ['a'];
  }
  const back = copy({ error: new ValidationError('bad') })['error'] as ValidationError;
  assert.instance(back, TypeError);
  assert.equal([back.name, back.message, back.issues], ['ValidationError', 'bad', ['a']]);
  assert.instance(deserialize(serialize(back)), Error);
});

test.run();
