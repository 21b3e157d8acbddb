// The user's names: what is theirs, dotted names, and that values are freed once nobody holds them.
import * as assert from 'uvu/assert';
import { UserNamespace } from '../../../../engines/user-code/namespace.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('namespace');
const released: unknown[] = [];
const globals = globalThis as unknown as Record<string, unknown>;
Object.defineProperty(globalThis, 'ours', { value: 'ours', writable: true, configurable: true });
Object.defineProperty(globalThis, 'lazy', { get: () => 'lazy', configurable: true });
const namespace = new UserNamespace(() => 'engine 1', { released: (value) => released.push(value) });
namespace.markBaseline();

const disposable = () => {
  const made = { freed: 0, free: () => made.freed++ };
  return made;
};

test('names are global variables; only those set since the start are the user’s', () => {
  namespace.set('a', 1);
  globals['b'] = 2;
  assert.equal(namespace.names(), ['a', 'b']);
  assert.is(namespace.get('b'), 2);
  namespace.clear();
  assert.equal(namespace.names(), []);
  assert.not.ok('a' in globalThis);
});

test('dotted names are read and set; missing parents become objects', () => {
  namespace.set('o.p.q', 1);
  namespace.set('o.r', 2);
  assert.equal(namespace.get('o'), { p: { q: 1 }, r: 2 });
  assert.ok(namespace.delete('o.p.q'));
  assert.not.ok(namespace.has('o.p.q'));
  namespace.set('n', 5);
  throws(() => namespace.set('n.x', 1), TypeError, /cannot set n\.x on engine 1: n is number/);
  throws(() => namespace.get('o.none.x'), ReferenceError, /o\.none is not defined on engine 1/);
});

for (const bad of ['', 'a b', '1a', '__proto__', 'a.__proto__.b', 'a..b', '../x', 'x'.repeat(200), 'globalThis']) {
  test(`refuses the name ${JSON.stringify(bad.slice(0, 20))}`, () => {
    throws(() => namespace.set(bad, 1), TypeError, /is not a name that engine 1 can set/);
  });
}

test('values are freed on overwrite, delete and clear', () => {
  const values = [disposable(), disposable(), disposable()];
  namespace.set('d', values[0]);
  namespace.set('d', values[0]);
  assert.is(values[0]!.freed, 0, 'set again to the same value');
  namespace.set('d', values[1]);
  namespace.delete('d');
  namespace.set('e.f', values[2]);
  namespace.delete('e.f');
  assert.equal(
    values.map((v) => v.freed),
    [1, 1, 1],
  );
  assert.ok(values.every((v) => released.includes(v)));
});

test('a value that another name holds stays', () => {
  const shared = disposable();
  namespace.set('s1', shared);
  namespace.set('s2', shared);
  namespace.delete('s1');
  assert.is(shared.freed, 0);
  namespace.clear();
  assert.is(shared.freed, 1);
});

test('a value that fails to free does not stop the others', () => {
  const good = disposable();
  namespace.set('bad', {
    free: () => {
      throw new Error('gone');
    },
  });
  namespace.set('good', good);
  namespace.clear();
  assert.is(good.freed, 1);
});

test('names of the engine may be shadowed and come back', () => {
  namespace.set('ours', 1);
  namespace.set('lazy', 2);
  assert.equal([globals['ours'], globals['lazy']], [1, 2]);
  assert.equal(namespace.names().sort(), ['lazy', 'ours']);
  namespace.clear();
  assert.equal([globals['ours'], globals['lazy']], ['ours', 'lazy']);
});

test('names of built-ins that the engine needs are shadows: the built-ins stay', () => {
  namespace.set('Map', 5);
  namespace.set('Math.answer', 42);
  assert.is(namespace.get('Map'), 5);
  assert.type(globals['Map'], 'function');
  assert.ok(namespace.names().includes('Map'));
  assert.ok(namespace.values().includes(5));
  const held = disposable();
  namespace.set('Set', held);
  namespace.clear();
  assert.is(held.freed, 1);
  assert.is(namespace.get('Map'), globals['Map']);
  assert.is(Reflect.get(Math, 'answer'), 42);
  Reflect.deleteProperty(Math, 'answer');
});

test('built-ins that a task removes or replaces come back, and what cannot be removed does not stop clear', () => {
  Reflect.deleteProperty(globalThis, 'fetch');
  globals['performance'] = 5;
  globals['crypto'] = 6;
  Object.defineProperty(globalThis, 'constant', { value: 7 });
  namespace.set('other', 1);
  namespace.clear();
  assert.equal(
    ['fetch', 'performance', 'crypto', 'other'].map((name) => typeof globals[name]),
    ['function', 'object', 'object', 'undefined'],
  );
  for (const name of ['Map', 'Promise', 'globalThis']) {
    assert.not.ok(Reflect.set(globalThis, name, 5), name);
    assert.not.ok(Reflect.deleteProperty(globalThis, name), name);
  }
});

test('sizes count what has bytes', () => {
  namespace.set('t', new Float32Array(4));
  namespace.set('u', 'text');
  assert.equal(namespace.sizes(), { t: 16 });
  namespace.clear();
});

test.run();
