// Values through the codec: what survives, what travels without a copy, what is refused and where, and hostile bytes.
import { deepStrictEqual } from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { parse } from 'node:querystring';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { NotSerializableError, ProtocolError } from '../../../src/errors.ts';
import { type Body, decodeBody, encodeBody, encodeCall, type Revivers } from '../../../src/protocol/codec.ts';
import { bodyOf, encodeMessage } from '../../../src/protocol/header-codec.ts';
import { reviveLocal } from '../../../src/protocol/values/functions.ts';
import { fromModule } from '../../../src/protocol/values/module-function.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { DTYPES } from '../../../src/tensor/dtype.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { ModuleFunction } from '../../../src/util/module-function.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('codec');

const revivers: Revivers = {
  fn: reviveLocal,
  ref: (expression) => ({ expression }),
  module: (url, name) => ({ url, name }),
};
const roundTrip = (value: unknown, use = revivers): unknown => decodeBody(encodeBody(value), use);

/** A body as a peer has it: other memory, nothing shared with the sender. */
const received = (body: Body): Uint8Array[] => body.map((part) => new Uint8Array(part));

function sparse(): unknown[] {
  const items: unknown[] = [];
  items[4_000_000_000] = 'far';
  return items;
}

const SAME: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-0': -0,
  'nested -0': [-0, { x: -0 }],
  true: true,
  bigint: -(2n ** 100n),
  text: 'häßlich \u{1F600} \0',
  'lone surrogate': '\uD800',
  date: new Date(1e12),
  regexp: /a+(b)/giu,
  map: new Map<unknown, unknown>([
    [1, undefined],
    ['1', new Map([[{ k: 1 }, Number.NaN]])],
  ]),
  set: new Set([1, '1', -1n, undefined]),
  holes: Object.assign(new Array(5), { 0: 1, 2: 3, 3: undefined }),
  sparse: sparse(),
  'array with fields': Object.assign([1, 2], { extra: 'x' }),
  'empty names': { '': 1, ' ': 2 },
  '__proto__ key': JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}'),
  'boxed number': Object(5),
};

for (const [name, value] of Object.entries(SAME)) {
  test(`round trip: ${name}`, () => deepStrictEqual(roundTrip(value), value));
  // A function beside it takes the other way through the encoder: containers are copied.
  test(`round trip beside a function: ${name}`, () => {
    const { it, fn } = roundTrip({ it: value, fn: () => 7 }) as { it: unknown; fn: () => number };
    deepStrictEqual(it, value);
    assert.is(fn(), 7);
  });
}

const ARRAYS: ArrayBufferView[] = [
  Int8Array.of(-1, 2),
  Uint8Array.of(255),
  Uint8ClampedArray.of(1, 2, 3),
  Int16Array.of(-300),
  Uint16Array.of(65535),
  Int32Array.of(-(2 ** 31)),
  Uint32Array.of(2 ** 32 - 1),
  Float32Array.of(0.5, Number.NaN, -0),
  Float64Array.of(Math.PI, Number.NEGATIVE_INFINITY),
  BigInt64Array.of(-(2n ** 63n)),
  BigUint64Array.of(2n ** 64n - 1n),
];

for (const small of ARRAYS) {
  const Type = small.constructor as new (n: number) => ArrayBufferView;
  for (const value of [small, new Type(0), new Type(5000)]) {
    test(`round trip: ${Type.name} of ${value.byteLength} bytes, alone and nested`, () => {
      deepStrictEqual(decodeBody(received(encodeBody(value)), revivers), value);
      const nested = new Map([['a', [{ value }]]]);
      deepStrictEqual(decodeBody(received(encodeBody(nested)), revivers), nested);
    });
  }
}

test('Buffer, DataView and ArrayBuffer arrive as themselves', () => {
  const bytes = Buffer.alloc(3000, 7);
  deepStrictEqual(roundTrip(bytes), Buffer.alloc(3000, 7));
  deepStrictEqual(roundTrip(Buffer.from('abc')), Buffer.from('abc'));
  assert.is((roundTrip({ b: [bytes.subarray(0, 3)] }) as { b: Buffer[] }).b[0]?.toString('hex'), '070707');
  const view = roundTrip(new DataView(new ArrayBuffer(2000), 8, 16)) as DataView;
  assert.ok(view instanceof DataView);
  assert.is(view.byteLength, 16);
  for (const n of [0, 10, 5000]) deepStrictEqual(roundTrip({ b: new ArrayBuffer(n) }), { b: new ArrayBuffer(n) });
});

test('a 64 MiB array crosses without a copy, on both sides', () => {
  const data = new Float32Array(16 * 1024 * 1024);
  data[5] = 1.5;
  const body = encodeBody({ deep: [{ data }] });
  assert.is(body.length, 2);
  assert.is(body[1]?.buffer, data.buffer, 'the part is a window on the array');
  const back = decodeBody(body, revivers) as { deep: [{ data: Float32Array }] };
  assert.is(back.deep[0].data.buffer, data.buffer, 'the result is a window on the part');
  assert.is(back.deep[0].data[5], 1.5);
});

test('a window sends its own bytes only', () => {
  const big = new Float64Array(100_000).map((_, i) => i);
  const body = encodeBody(big.subarray(1000, 2000));
  assert.is(body[1]?.byteLength, 8000);
  assert.is((decodeBody(received(body), revivers) as Float64Array)[0], 1000);
});

test('a part at an odd address is copied, and right', () => {
  const body = encodeBody(new Float64Array(500).fill(2.5));
  const shifted = new Uint8Array(4001);
  shifted.set(body[1] as Uint8Array, 1);
  deepStrictEqual(decodeBody([body[0] as Uint8Array, shifted.subarray(1)], revivers), new Float64Array(500).fill(2.5));
});

test('one array that is referred to twice stays one, and is sent once', () => {
  const shared = new Float64Array(1000);
  const body = encodeBody({ a: shared, b: [shared], f: () => 0 });
  assert.is(body.length, 2);
  const back = decodeBody(body, revivers) as { a: unknown; b: unknown[] };
  assert.is(back.a, back.b[0]);
});

for (const dtype of DTYPES) {
  test(`a ${dtype} tensor stays a tensor, at any depth`, () => {
    for (const shape of [[], [0], [3, 0], [2, 3], [40, 50]]) {
      const tensor = new Tensor(dtype, shape);
      tensor.data.fill(1);
      for (const value of [tensor, [tensor], new Map([['t', new Set([tensor])]])]) {
        deepStrictEqual(decodeBody(received(encodeBody(value)), revivers), value);
      }
    }
  });
}

test('rows of a tensor travel as a window', () => {
  const rows = new Tensor('float64', [1000, 10]).rows(100, 200);
  const body = encodeBody(rows);
  assert.is(body[1]?.byteLength, 8000);
  assert.is(body[1]?.buffer, rows.data.buffer);
});

test('a tf.Tensor becomes a Tensor', async () => {
  const tf = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  const back = roundTrip({ t: tf.tensor([1, 2, 3, 4], [2, 2], 'int32') }) as { t: Tensor };
  assert.ok(back.t.equals(new Tensor('int32', [2, 2], Int32Array.of(1, 2, 3, 4))));
  throws(() => encodeBody([tf.tensor(['a'])]), NotSerializableError, /^\[0\]: a tf.Tensor .*string/);
});

test('functions and classes travel as source, wherever they stand', () => {
  class Point {
    x = 3;
    norm(): number {
      return this.x * 2;
    }
  }
  const twice = (x: number) => x * 2;
  const value = { f: twice, list: [twice], map: new Map([['g', async () => 5]]), set: new Set([Point]) };
  const back = roundTrip(value) as typeof value;
  assert.is(back.f(21), 42);
  assert.is(back.list[0], back.f, 'one function stays one');
  assert.is(new ([...back.set][0] as typeof Point)().norm(), 6);
});

class Point {
  x = 1;
  get y(): number {
    return 2;
  }
}
class Names extends Map {}
class Vector extends Float32Array {}
const own = { Map: class {} };

// [what, the value, its class as the message has it]
const INSTANCES: [string, unknown, string][] = [
  ['a class', new Point(), 'Point'],
  ['a derived class', new (class Place extends Point {})(), 'Place'],
  ['a class without a name', new (class {})(), 'an anonymous class'],
  ['a function that makes objects', Reflect.construct(function Old() {}, []), 'Old'],
  ['a Map of one’s own', new Names().set(1, 2), 'Names'],
  ['a Set of one’s own', new (class Bag extends Set {})(), 'Bag'],
  ['an Array of one’s own', new (class Stack extends Array<number> {})(), 'Stack'],
  ['a Date of one’s own', new (class Day extends Date {})(), 'Day'],
  ['a class that is called Map', new own.Map(), 'Map'],
  ['a Blob', new Blob(['a']), 'Blob'],
  ['a Headers', new Headers(), 'Headers'],
  ['a Request', new Request('http://localhost'), 'Request'],
  ['a Response', new Response('x'), 'Response'],
  ['a FormData', new FormData(), 'FormData'],
  ['an AbortSignal', new AbortController().signal, 'AbortSignal'],
  ['a stream', new ReadableStream(), 'ReadableStream'],
  ['a TextEncoder', new TextEncoder(), 'TextEncoder'],
  ['a formatter', new Intl.NumberFormat('en'), 'NumberFormat'],
  ['a WeakRef', new WeakRef({}), 'WeakRef'],
];

for (const [what, value, type] of INSTANCES) {
  test(`refused by path and class: ${what}`, () => {
    const reason = `an instance of ${type} cannot travel: send plain data`;
    throws(
      () => encodeBody({ args: [{ model: value }] }),
      NotSerializableError,
      new RegExp(`^args\\[0\\]\\.model: ${reason}`),
    );
    throws(
      () => encodeBody([new Map([['k', value]]), () => 1]),
      NotSerializableError,
      new RegExp(`^\\[0\\]\\.get\\("k"\\): ${reason}`),
    );
    throws(() => encodeBody(value), NotSerializableError, new RegExp(`^the value: ${reason}`));
  });
}

test('refused: an array of a class of one’s own', () => {
  throws(() => encodeBody({ v: [new Vector(3)] }), NotSerializableError, /^v\[0\]: a Vector cannot travel/);
});

test('plain objects of any origin arrive with their fields', () => {
  deepStrictEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
  deepStrictEqual(roundTrip(runInNewContext('({ a: [1, new Map([[1, new Date(5)]]), /x/] })')), {
    a: [1, new Map([[1, new Date(5)]]), /x/],
  });
  deepStrictEqual(roundTrip(runInNewContext('new Float32Array(2)')), new Float32Array(2));
  deepStrictEqual(roundTrip(/(?<y>a)/.exec('a')?.groups), { y: 'a' });
  deepStrictEqual(roundTrip(parse('a=1')), { a: '1' });
});

test('URL and URLSearchParams arrive as themselves, also as keys and twice', () => {
  const url = new URL('https://a.b/c?d=e#f');
  const query = new URLSearchParams('a=1&a=2&b=%20');
  deepStrictEqual(roundTrip(url), url);
  const back = roundTrip({ m: new Map([[url, [query]]]), again: url, fn: () => 1 }) as {
    m: Map<URL, unknown[]>;
    again: URL;
  };
  const [key, [value]] = [...back.m][0] as [URL, [URLSearchParams]];
  assert.is(key, back.again);
  assert.is(key.searchParams.get('d'), 'e');
  assert.equal(value.getAll('a'), ['1', '2']);
});

test('push is refused by the name', () => {
  const args = { names: ['a', 'g'], values: [1, (function* () {})()] };
  throws(() => encodeCall('push', args), NotSerializableError, /^g: a Generator cannot travel/);
  throws(
    () => encodeCall('push', { names: ['m'], values: [{ p: new Point() }] }),
    NotSerializableError,
    /^m\.p: an instance of Point/,
  );
});

test('references reach the revivers from any depth', () => {
  const steps = fromModule(new URL('file:///steps.js'), 'blur');
  const value = { a: ref('g[1]'), m: new Map<unknown, unknown>([[ref('k'), [new Set([steps])]]]) };
  deepStrictEqual(roundTrip(value), {
    a: { expression: 'g[1]' },
    m: new Map<unknown, unknown>([
      [{ expression: 'k' }, [new Set([{ url: 'file:///steps.js', name: 'blur' } as unknown as ModuleFunction])]],
    ]),
  });
});

test('a reference may become any value, undefined too, in place', () => {
  const names: Record<string, unknown> = { n: 5, u: undefined, s: 'text', big: 9n };
  const use = { ...revivers, ref: (expression: string) => names[expression] };
  deepStrictEqual(roundTrip(ref('n'), use), 5);
  const value = [ref('n'), { u: ref('u') }, new Map([[ref('s'), ref('n')]]), new Set([ref('big')])];
  deepStrictEqual(roundTrip(value, use), [5, { u: undefined }, new Map([['text', 5]]), new Set([9n])]);
});

test('what a reference became is left as it is', () => {
  const resident = { untouched: Object.freeze([1]) };
  const use = { ...revivers, ref: (expression: string) => (expression === 'r' ? resident : 1) };
  const [first, second] = roundTrip([ref('r'), ref('one')], use) as unknown[];
  assert.is(first, resident);
  assert.is(second, 1);
});

test('what a reviver throws comes out as it is', () => {
  const failing = new ReferenceError('nope is not defined');
  const use = {
    ...revivers,
    ref: () => {
      throw failing;
    },
  };
  assert.is(
    throws(() => roundTrip({ a: [ref('nope')] }, use), ReferenceError),
    failing,
  );
});

test('cycles stay cycles, with functions, errors, maps and sets in them', () => {
  const node: Record<string, unknown> = { f: () => 1 };
  node['self'] = node;
  node['map'] = new Map([['node', node]]);
  node['set'] = new Set([node]);
  node['error'] = Object.assign(new Error('in a cycle'), { node });
  const back = roundTrip(node) as typeof node;
  assert.is(back['self'], back);
  assert.is((back['map'] as Map<string, unknown>).get('node'), back);
  assert.ok((back['set'] as Set<unknown>).has(back));
  assert.is((back['error'] as { node: unknown }).node, back);
});

test('errors keep class, name, message, stack, cause and fields', () => {
  const cause = Object.assign(new RangeError('inner'), { code: 'E_IN', data: new Float64Array(300) });
  const error = Object.assign(new TypeError('outer', { cause }), { cb: () => 4 });
  const back = roundTrip({ error }) as { error: typeof error & { cause: typeof cause } };
  assert.ok(back.error instanceof TypeError);
  assert.is(back.error.stack, error.stack);
  assert.is(back.error.cb(), 4);
  assert.ok(back.error.cause instanceof RangeError);
  deepStrictEqual(back.error.cause, cause);
  assert.equal(Object.keys(back.error), ['cb'], 'message and stack are not enumerable');
});

test('an error of an own class keeps its name; an AggregateError its errors', () => {
  const back = roundTrip(new ProtocolError('odd')) as ProtocolError;
  assert.equal([back.name, back.message, back.code], ['ProtocolError', 'odd', 'DV_PROTOCOL']);
  const many = roundTrip(new AggregateError([new EvalError('a'), 5], 'many')) as AggregateError;
  assert.ok(many instanceof AggregateError);
  assert.ok(many.errors[0] instanceof EvalError);
  assert.is(many.errors[1], 5);
});

const REFUSED: [string, unknown, RegExp][] = [
  ['a native function', { args: [{ cb: Math.max }] }, /^args\[0\]\.cb: max cannot travel: .*native code.*arrow/],
  ['a bound function', [function f() {}.bind(null)], /^\[0\]: bound f cannot travel/],
  ['a symbol', Symbol('s'), /^the value: Symbol\(s\) could not be cloned/],
  ['a proxy', { state: new Proxy({ a: 1 }, {}) }, /^state: a proxy cannot travel: send a copy of what is behind it$/],
  ['a proxy of a list', [new Proxy([1], {})], /^\[0\]: a proxy cannot travel/],
  ['a symbol in a Map', { m: new Map([['k', { s: Symbol('s') }]]) }, /^m\.get\("k"\)\.s: /],
  ['a key of a Map', new Map([[Symbol('s'), 1]]), /^keys\(\)\[0\]: /],
  ['an item of a Set', { set: new Set([1, Symbol('s')]) }, /^set\.values\(\)\[1\]: /],
  ['a WeakMap', { 'odd key': new WeakMap() }, /^\["odd key"\]: .*WeakMap/],
  ['a promise', { a: [1, Promise.resolve()] }, /^a\[1\]: a promise cannot travel: await it first/],
  ['a socket', { s: new Socket() }, /^s: an event emitter \(Socket\) cannot travel/],
  ['an event emitter', new EventEmitter(), /event emitter/],
  ['a field of an error', Object.assign(new Error('e'), { s: Symbol('s') }), /^s: Symbol/],
  ['a generator', { g: (function* () {})() }, /^g: .*Generator/],
  ['shared memory', { s: new SharedArrayBuffer(8) }, /^s: .*SharedArrayBuffer/],
  ['a cycle around it', cyclic(), /^(self\.)?bad: Symbol/],
  ['Math', { m: Math }, /^m: the built-in Math cannot travel: engines have their own, ref\('Math'\) names it/],
  ['JSON', [1, JSON], /^\[1\]: the built-in JSON cannot travel/],
  ['Reflect', Reflect, /^the value: the built-in Reflect cannot travel/],
  ['Atomics in a Map', new Map([['a', Atomics]]), /^get\("a"\): the built-in Atomics cannot travel/],
  ['Intl', { intl: [Intl] }, /^intl\[0\]: the built-in Intl cannot travel/],
];

function cyclic(): unknown {
  const value: Record<string, unknown> = { f: () => 1 };
  value['self'] = value;
  value['bad'] = Symbol('s');
  return value;
}

for (const [name, value, message] of REFUSED) {
  test(`refused by path: ${name}`, () => {
    const error = throws(() => encodeBody(value), NotSerializableError, message);
    assert.is(error.cause, undefined, 'a cause that says the same is printed twice');
  });
}

test('an invalid date stays one', () => {
  assert.ok(Number.isNaN((roundTrip(new Date(Number.NaN)) as Date).getTime()));
});

test('a getter that throws is named', () => {
  const value = {
    a: {
      get b(): never {
        throw new Error('boom');
      },
    },
  };
  throws(() => encodeBody(value), NotSerializableError, /^a\.b: boom/);
});

test('deep nesting: 1000 levels travel, 200 000 are a clear error', () => {
  const nested = (levels: number, core: unknown): unknown => {
    let value = core;
    for (let i = 0; i < levels; i++) value = [value];
    return value;
  };
  for (const core of [1, () => 1]) {
    assert.ok(roundTrip(nested(990, core)));
    throws(() => encodeBody(nested(200_000, core)), NotSerializableError, /nested deeper than 1000 levels/);
  }
});

test('no body is undefined; a body stands after the header', () => {
  assert.is(decodeBody([], revivers), undefined);
  const parts = encodeMessage({ type: 'mail', from: 1, tag: 't' }, encodeBody([1, new Float64Array(1000)]));
  assert.is(parts.length, 3);
  deepStrictEqual(decodeBody(bodyOf(parts), revivers), [1, new Float64Array(1000)]);
});

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  // Dates stand in the table: Node 20 calls two invalid ones unequal.
  withDate: false,
  withMap: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withNullPrototype: false,
});

test('property: what fast-check can think of comes back deep-equal', () => {
  fc.assert(
    fc.property(anything, fc.boolean(), (value, copied) => {
      const sent = copied ? [value, () => 1] : [value];
      deepStrictEqual((roundTrip(sent) as unknown[])[0], value);
    }),
    { numRuns: 300 },
  );
});

/** ProtocolError, or some value: anything else is a defect. */
function survives(parts: Body): void {
  const quiet: Revivers = { fn: (s) => s, ref: (s) => s, module: (u) => u };
  try {
    decodeBody(parts, quiet);
  } catch (error) {
    assert.instance(error, ProtocolError);
  }
}

test('property: garbage is a ProtocolError or a value, never a crash', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 3 }), (parts) =>
      survives(parts),
    ),
    { numRuns: 500 },
  );
});

test('property: mutated bodies are a ProtocolError or a value, never a crash', () => {
  const sample = encodeBody({
    t: new Tensor('float32', [20, 30]),
    list: [new Float64Array(4), new BigInt64Array(200), new ArrayBuffer(2000), new DataView(new ArrayBuffer(2))],
    e: Object.assign(new TypeError('x', { cause: [1] }), { code: 5 }),
    f: () => 1,
    r: ref('a'),
    m: new Map([[1, new Set(['x'])]]),
  });
  const blob = sample[0] as Uint8Array;
  const edits = fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(edits, fc.nat(blob.length), fc.nat(3), (changes, cut, dropped) => {
      const bytes = new Uint8Array(blob);
      for (const [at, byte] of changes) bytes[at] = byte;
      survives([bytes, ...sample.slice(1)]);
      survives([bytes.subarray(0, cut), ...sample.slice(1 + dropped)]);
    }),
    { numRuns: 1500 },
  );
});

test('buffers and shapes that do not fit are refused', () => {
  const [blob, data] = encodeBody(new Tensor('float64', [20, 10])) as [Uint8Array, Uint8Array];
  throws(() => decodeBody([blob], revivers), ProtocolError, /buffer 1 of 0/);
  throws(() => decodeBody([blob, data.subarray(0, 1599)], revivers), ProtocolError, /1599 bytes .* float64/);
  throws(() => decodeBody([blob, data.subarray(0, 800)], revivers), ProtocolError, /shape \[20,10\] with 100 items/);
  throws(() => decodeBody([new Uint8Array(0)], revivers), ProtocolError);
});

test.run();
