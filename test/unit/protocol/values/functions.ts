// Functions, methods, accessors and classes as source and back.
import * as assert from 'uvu/assert';
import { NotSerializableError } from '../../../../src/errors.ts';
import { type AnyFunction, functionSource, reviveLocal } from '../../../../src/protocol/values/functions.ts';
import { fromModule } from '../../../../src/protocol/values/module-function.ts';
import { Ref, ref } from '../../../../src/protocol/values/ref.ts';
import { ModuleFunction } from '../../../../src/util/module-function.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('functions');

type Any = (...args: unknown[]) => unknown;
const key = 'computed';
class Holder {
  #secret = 1;
  static twice(x: number): number {
    return x * 2;
  }
  plain(x: number): number {
    return x + 1;
  }
  get size(): number {
    return 11;
  }
  readsPrivate(): number {
    return this.#secret;
  }
}
const object = {
  method(x: number) {
    return x + 1;
  },
  async later(x: number) {
    return x + 2;
  },
  *counting(n: number) {
    for (let i = 0; i < n; i++) yield i;
  },
  async *slowly(n: number) {
    yield n;
  },
  [`${key}]('`](x: number) {
    return x + 3;
  },
  [Symbol.iterator]() {
    return 'iterator';
  },
  'quoted (name)'(x: number) {
    return x + 4;
  },
  42(x: number) {
    return x + 5;
  },
  get() {
    return 'get';
  },
  async() {
    return 'async';
  },
  if() {
    return 'if';
  },
  get size() {
    return 12;
  },
  viaSuper() {
    return super.toString.name;
  },
};

const accessor = (of: object, name: string) => Object.getOwnPropertyDescriptor(of, name)?.get as AnyFunction;
const spread = async (it: AsyncIterable<unknown>) => {
  for await (const item of it) return item;
};

const CASES: [string, AnyFunction, (f: Any) => unknown, unknown][] = [
  ['arrow', (x: number) => x * 2, (f) => f(4), 8],
  ['arrow that returns an object', () => ({ a: 1 }), (f) => (f() as { a: number }).a, 1],
  ['arrow with defaults and rest', (a = 1, ...b: number[]) => a + b.length, (f) => f(undefined, 1, 2), 3],
  ['async arrow', async (x: number) => x, (f) => f(5), 5],
  [
    'anonymous function',
    (() =>
      function (this: unknown, x: number) {
        return this === undefined ? x : x + 1;
      })(),
    (f) => f.call(1, 5),
    6,
  ],
  [
    'recursive function',
    function fact(n: number): number {
      return n < 2 ? 1 : n * fact(n - 1);
    },
    (f) => f(5),
    120,
  ],
  [
    'generator',
    function* () {
      yield 3;
    },
    (f) => [...(f() as Iterable<number>)][0],
    3,
  ],
  [
    'async generator',
    async function* () {
      yield 4;
    },
    (f) => spread(f() as AsyncIterable<number>),
    4,
  ],
  ['method', object.method, (f) => f(1), 2],
  ['async method', object.later, (f) => f(1), 3],
  ['generator method', object.counting, (f) => [...(f(3) as Iterable<number>)].length, 3],
  ['async generator method', object.slowly, (f) => spread(f(9) as AsyncIterable<number>), 9],
  ['computed name with brackets and quotes', object[`${key}]('`] as AnyFunction, (f) => f(1), 4],
  ['symbol name', object[Symbol.iterator], (f) => f(), 'iterator'],
  ['quoted name', object['quoted (name)'], (f) => f(1), 5],
  ['number as name', object[42], (f) => f(1), 6],
  ['method called get', object.get, (f) => f(), 'get'],
  ['method called async', object.async, (f) => f(), 'async'],
  ['method called if', object.if, (f) => f(), 'if'],
  ['method with super', object.viaSuper, (f) => f(), 'toString'],
  ['getter', accessor(object, 'size'), (f) => f(), 12],
  ['getter of a class', accessor(Holder.prototype, 'size'), (f) => f(), 11],
  ['method of a class', Holder.prototype.plain, (f) => f(1), 2],
  ['static method', Holder.twice, (f) => f(4), 8],
  ['class', Holder, (f) => Reflect.construct(f, []).readsPrivate(), 1],
  [
    'derived class',
    class extends Map {
      own() {
        return 7;
      }
    },
    (f) => Reflect.construct(f, []).own(),
    7,
  ],
];

for (const [name, fn, use, expected] of CASES) {
  test(`source evaluates to the function: ${name}`, async () => {
    const source = functionSource(fn);
    assert.equal(await use(reviveLocal(source) as Any), expected);
    // Once more, as from an engine that sends it on.
    assert.equal(await use(reviveLocal(functionSource(reviveLocal(source) as AnyFunction)) as Any), expected);
  });
}

test('a method keeps its name; its own name is no binding inside', () => {
  assert.is((reviveLocal(functionSource(object.method)) as Any).name, 'method');
});

for (const fn of [Math.max, Array.prototype.map, (() => 1).bind(null), Promise]) {
  test(`refused: ${fn.name}, native code`, () => {
    throws(() => functionSource(fn), NotSerializableError, /source is native code .*wrap it in an arrow function/);
  });
}

test('refused: a method that reads a private field', () => {
  throws(() => functionSource(Holder.prototype.readsPrivate), NotSerializableError, /does not parse outside/);
});

test('refused: a function that reads import.meta', () => {
  throws(() => functionSource(() => import.meta.url), NotSerializableError, /import\.meta exists only in its module/);
});

test('refused: source over 4 MiB', () => {
  const huge = new Function(`return '${'x'.repeat(4 * 1024 * 1024)}'`) as AnyFunction;
  throws(() => functionSource(huge), NotSerializableError, /over 4 MiB/);
});

test('one source is revived once, with the __name of bundlers in scope', () => {
  const source = '() => { const f = __name(() => 5, "f"); return f(); }';
  assert.is((reviveLocal(source) as Any)(), 5);
  assert.is(reviveLocal(source), reviveLocal(source));
});

test('a comment at the end does no harm; what does not parse is a SyntaxError', () => {
  assert.is((reviveLocal('() => 1 // one') as Any)(), 1);
  throws(() => reviveLocal('() => {'), SyntaxError);
});

test('ref wants an expression', () => {
  assert.is(ref('a[0]').expression, 'a[0]');
  assert.ok(ref('a') instanceof Ref);
  for (const bad of ['', '  ', 5, undefined, null, {}]) throws(() => ref(bad as string), TypeError, /ref wants/);
});

test('fromModule passes as a function, and says where it runs when called here', () => {
  const fn = fromModule<(x: number) => number>(new URL('file:///a/steps.js'), 'blur');
  assert.type(fn, 'function');
  assert.ok(fn instanceof ModuleFunction);
  assert.equal([fn.url, fn.name], ['file:///a/steps.js', 'blur']);
  throws(() => fn(1), TypeError, /runs on engines/);
  assert.is(fromModule('/a/b c.js').url, 'file:///a/b%20c.js');
  assert.equal([fromModule('lodash').url, fromModule('lodash').name], ['lodash', 'default']);
  throws(() => fromModule('./a.js'), TypeError, /new URL\('.\/a.js', import.meta.url\)/);
  throws(() => fromModule(5 as never), TypeError);
});

test.run();
