// Code as a REPL takes it, expressions, functions: in this process's globalThis.
import * as assert from 'uvu/assert';
import { Evaluator } from '../../../../engines/user-code/evaluate.ts';
import { UserNamespace } from '../../../../engines/user-code/namespace.ts';
import { enter, Interrupted } from '../../../../engines/user-code/trampoline.ts';
import { userFrames } from '../../../../engines/user-code/user-frames.ts';
import { functionSource } from '../../../../src/protocol/values/functions.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('evaluate');
const namespace = new UserNamespace(() => 'engine 2');
namespace.markBaseline();
const evaluator = new Evaluator(namespace, () => 'engine 2');
await evaluator.load();

// [code, value, names with their values afterwards]
const TABLE: [string, unknown, Record<string, unknown>?][] = [
  ['1 + 1', 2],
  ['a = 5', undefined, { a: 5 }],
  ['const b = 6; b', 6, { b: 6 }],
  ['const b = 7', undefined, { b: 7 }],
  ['let x1', undefined, { x1: undefined }],
  ['var v1 = 1, v2 = v1 + 1\nv2', 2, { v1: 1, v2: 2 }],
  ['var v1', undefined, { v1: 1 }],
  [
    'const { p, q: [r = 3, ...s], ...t } = { p: 1, q: [undefined, 2], u: 4 }',
    undefined,
    { p: 1, r: 3, s: [2], t: { u: 4 } },
  ],
  ['function f1() { return g1() } function g1() { return 9 }\nf1()', 9],
  ['f1()', 9],
  ['class K1 { m() { return K1.name } }\nnew K1().m()', 'K1'],
  ['new K1().m()', 'K1'],
  ['const w = await Promise.resolve(4)\nw * 2', 8, { w: 4 }],
  ['for (const i of [1, 2]) { var inner = i }', undefined, { inner: 2 }],
  ['for (var i = 0, n = 3; i < n; i++);', undefined, { i: 3, n: 3 }],
  ['for (var k of [1, 2]);', undefined, { k: 2 }],
  ['let total = 0\nfor await (const y of [1, Promise.resolve(2)]) total += y\ntotal', 3, { total: 3 }],
  ['if (true) { let hidden = 1 }\ntypeof hidden', 'undefined'],
  ["import { sep as cut } from 'node:path'\nimport * as os from 'node:os'\n[cut, typeof os.cpus]", ['/', 'function']],
  ["import posix from 'node:path'\nposix.sep", '/'],
  ["'use strict'\nconst strict = 1\nstrict", 1, { strict: 1 }],
  ['({ a: 1 })', { a: 1 }],
  ['5 // a comment', 5],
  ['(async () => { await 1; return 2 })()', 2],
  ['const K2 = class extends (await Promise.resolve(Array)) { x = async () => await 1 }\nnew K2().length', 0],
  ['class K3 { static { var inBlock = 1 } }\ntypeof inBlock', 'undefined'],
  ['#!/usr/bin/env node\n7', 7],
  ['', undefined],
  ['x = 1; // last\n', undefined, { x: 1 }],
];

for (const [code, value, names] of TABLE) {
  test(`runs ${JSON.stringify(code)}`, async () => {
    assert.equal(await evaluator.run(code), value);
    for (const [name, held] of Object.entries(names ?? {})) assert.equal(namespace.get(name), held);
  });
}

test('code without await runs synchronously', () => assert.is(evaluator.run('40 + 2'), 42));

test('a name of Node or of the engine may be declared anew', () => {
  evaluator.run('const navigator = 3; let structuredClone = 4; class fetch {}');
  assert.equal(evaluator.run('[navigator, structuredClone, fetch.name]'), [3, 4, 'fetch']);
  namespace.clear();
  assert.type(globalThis.structuredClone, 'function');
});

test('syntax errors name the engine and the place', () => {
  throws(() => evaluator.run('1 +\n  ) 2'), SyntaxError, /<engine 2>:2:3/);
  throws(() => evaluator.run('export const z = 1'), SyntaxError, /export has no meaning/);
  throws(() => evaluator.fn('(x => '), SyntaxError, /<engine 2>/);
});

test('stacks show the engine, the line and the column of the code', () => {
  const error = throws(() => evaluator.run("const fine = 1\n  throw new Error('here')"), Error);
  assert.match(error.stack ?? '', /<engine 2>:2:9/);
  const after = throws(() => evaluator.run("const\n  {\n  p9 } = { p9: 1 }\nthrow new Error('below')"), Error);
  assert.match(after.stack ?? '', /<engine 2>:4:7/);
  const first = throws(() => evaluator.run("throw new Error('one')"), Error);
  assert.match(first.stack ?? '', /<engine 2>:1:7/);
});

test('expressions: names, dotted names, anything else', () => {
  namespace.set('o', { p: [1, 2] });
  assert.equal(evaluator.expression('o.p'), [1, 2]);
  assert.is(evaluator.expression('o.p[1] + 1'), 3);
  assert.is(evaluator.expression('this === globalThis'), true);
  throws(() => evaluator.expression('o.nope'), ReferenceError, /o\.nope is not defined on engine 2/);
  throws(() => evaluator.expression('nope'), ReferenceError, /nope is not defined on engine 2/);
});

test('functions of every form come alive once, in this globalThis', () => {
  const object = {
    method(x: number) {
      return x + 1;
    },
    async later(x: number) {
      return x;
    },
  };
  assert.is((evaluator.fn(functionSource(object.method)) as (x: number) => number)(1), 2);
  assert.ok((evaluator.fn(functionSource(object.later)) as (x: number) => unknown)(1) instanceof Promise);
  const source = '() => [] instanceof Array && pushed';
  namespace.set('pushed', 8);
  assert.is((evaluator.fn(source) as () => unknown)(), 8);
  assert.is(evaluator.fn(source), evaluator.fn(source));
  assert.is((evaluator.fn('() => __name(() => 3, "inner")()') as () => unknown)(), 3);
  const Made = evaluator.fn('class Made { get x() { return 1 } }') as new () => { x: number };
  assert.is(new Made().x, 1);
});

// [code that gives a built-in's name a value, expression, value]
const SHADOWS: [string, string, unknown][] = [
  ['class Math { static x = 1 }', 'Math.x', 1],
  ['let Map = 5', 'Map + 1', 6],
  ['const { Set, Array: [Array] } = { Set: 2, Array: [3] }', 'Set + Array', 5],
  ['var Promise = 7', 'Promise', 7],
  ['function JSON() { return 8 }', 'JSON()', 8],
  ['Symbol = "AAPL"', 'Symbol.toLowerCase()', 'aapl'],
  ['globalThis.Number = 9', 'Number', 9],
  ['for (Error of [1, 2]);', 'Error', 2],
  ['({ a: String } = { a: 3 })', 'String', 3],
  ['RegExp = 1; RegExp++; RegExp += 2', 'RegExp', 4],
  ['Map = Map.name', 'Map', 'Map'],
  ['process = 5; Buffer = 6', 'process + Buffer', 11],
];

for (const [code, text, value] of SHADOWS) {
  test(`a built-in's name is the user's: ${code}`, async () => {
    const before = new Map([['a', JSON.stringify([1])]]);
    await evaluator.run(code);
    assert.equal(evaluator.expression(text), value);
    assert.equal(await evaluator.run(text), value);
    assert.equal((evaluator.fn(`() => { return ${text} }`) as () => unknown)(), value);
    assert.equal([...before], [['a', '[1]']]);
    namespace.clear();
    assert.equal(evaluator.expression('new Map([[JSON.parse("1"), Math.max(2, Number(3))]]).get(1)'), 3);
    assert.equal(
      (evaluator.fn('() => Symbol.iterator === [].values && 1 || Promise.resolve') as () => unknown)(),
      Promise.resolve,
    );
  });
}

test('a function that assigns a built-in sets the user’s value; what mentions it later sees it', () => {
  (evaluator.fn('() => { Map = 5 }') as () => void)();
  assert.is(evaluator.expression('Map'), 5);
  assert.is((evaluator.fn('() => { Map ??= 1; return Map }') as () => unknown)(), 5);
  assert.equal(namespace.names().includes('Map'), true);
  namespace.delete('Map');
  assert.is(evaluator.expression('new Map().size'), 0);
  throws(() => (evaluator.fn('() => { globalThis.Map = 5 }') as () => void)(), TypeError, /read only/);
});

for (const name of ['undefined', 'NaN', 'Infinity', 'globalThis', '__proto__']) {
  test(`no value for ${name}`, () => {
    throws(
      () => evaluator.run(`class ${name} {}`),
      TypeError,
      new RegExp(`${name} is not a name that engine 2 can set`),
    );
  });
}

test('a function is strict, unless it comes from sloppy code or is no strict code', () => {
  const call = (source: string) => (evaluator.fn(source) as () => unknown)();
  class Counter {
    n = 1;
    run(): number {
      return this.n;
    }
  }
  throws(() => call(functionSource(new Counter().run)), TypeError, /undefined \(reading 'n'\)/);
  throws(() => call('() => this.n'), TypeError, /undefined/);
  throws(() => call('() => { totl = 0 }'), ReferenceError, /totl is not defined/);
  throws(() => call('() => { Object.freeze([1])[0] = 2 }'), TypeError, /read only/);
  const sloppy = new Function('return function () { return this === globalThis }')() as () => unknown;
  assert.is(call(functionSource(sloppy)), true);
  const strict = new Function("'use strict'; return function () { return this === undefined }")() as () => unknown;
  assert.is(call(functionSource(strict)), true);
  assert.is(call('() => { with ({ a: 7 }) return a }'), 7);
  assert.is(call('() => 010'), 8);
});

test('a reference to a method keeps its object', () => {
  evaluator.run('m = { n: 5, step() { return this.n }, deep: { n: 6, list: [{ n: 7, step() { return this.n } }] } }');
  evaluator.run('class Adder { static k = 1; #x = 3; add = function (y) { return this.#x + y } } adder = new Adder()');
  const call = (text: string, ...args: unknown[]) =>
    (evaluator.reference(text) as (...a: unknown[]) => unknown)(...args);
  assert.is(call('m.step'), 5);
  assert.is(call('m["step"]'), 5);
  assert.is(call(' m . step '), 5);
  assert.is(call('m.deep.list[0].step'), 7);
  assert.is(call("m['deep'].list[m.n - 5].step"), 7);
  assert.is(call('adder.add', 4), 7);
  assert.is(call('"abc".toUpperCase'), 'ABC');
  assert.is(evaluator.reference('m.step'), evaluator.reference('m.step'), 'one function');
  const Box = evaluator.reference('({ Box: class Box { static k = 2 } }).Box') as new () => object;
  assert.is(new Box().constructor, Box);
  evaluator.run('lib = { Box: class Box { static k = 2 } }');
  const Held = evaluator.reference('lib.Box') as { new (): object; k: number };
  assert.is(Held.k, 2);
  assert.ok(new Held() instanceof Held);
  assert.is(evaluator.reference('m.n'), 5);
  throws(() => evaluator.reference('m.none.step'), ReferenceError);
});

test('import resolves from the folder of the start; stacks do not show it', async () => {
  const start = process.cwd();
  process.chdir('/');
  try {
    assert.type(((await evaluator.run("await import('uvu')")) as { suite: unknown }).suite, 'function');
    await evaluator.run("import { suite as imported } from 'uvu'");
    const again = evaluator.fn("async () => (await import('uvu')).suite") as () => Promise<unknown>;
    assert.is(await again(), namespace.get('imported'));
  } finally {
    process.chdir(start);
  }
  const failing = evaluator.fn("() => { throw new Error('no import here') }") as () => void;
  assert.match(userFrames(throws(failing, Error).stack ?? ''), /at <engine 2>:1:\d+/);
});

test('the trampoline gives values and errors through and can be entered again inside', () => {
  assert.is(
    enter(() => enter(() => 1) + 1),
    2,
  );
  throws(
    () =>
      enter(() => {
        throw new RangeError('mine');
      }),
    RangeError,
    /mine/,
  );
});

test('SIGINT ends what runs behind the trampoline', async () => {
  const { Worker } = await import('node:worker_threads');
  const signal = "setTimeout(() => process.kill(process.pid, 'SIGINT'), 100)";
  const worker = new Worker(signal, { eval: true });
  throws(
    () =>
      enter(() => {
        for (;;) {}
      }),
    Interrupted,
  );
  await worker.terminate();
  assert.is(
    enter(() => 5),
    5,
  );
});

test.run();
