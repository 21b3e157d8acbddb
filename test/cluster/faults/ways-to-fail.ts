// Ways to fail inside a task, by every verb: each ends within its limit with its reason, and the engine answers on.
import * as assert from 'uvu/assert';
import type { AsyncResult } from '../../../src/client/results/async-result.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('ways to fail');
let rig: Rig;
test.before(async () => {
  rig = await startRig(1);
});
test.after(() => rig.stop());

const LIMIT = 15_000;
const NEVER = 'new Promise(() => {})';
const never = (what: string) => `() => { ${what}; return ${NEVER} }`;
const refused = /cannot travel|could not be cloned|cannot be cloned/;

/** [what, source of a function, the reason in the message] */
const WAYS: [string, string, RegExp][] = [
  // Thrown at once.
  ['an Error', "() => { throw new Error('plain reason') }", /plain reason/],
  ['a class of one’s own', "() => { class Odd extends RangeError {} throw new Odd('odd reason') }", /odd reason/],
  ['a string', "() => { throw 'text reason' }", /text reason/],
  ['zero', '() => { throw 0 }', /0/],
  ['null', '() => { throw null }', /null/],
  ['undefined', '() => { throw undefined }', /undefined/],
  ['a bigint', '() => { throw 12345678901234567890n }', /12345678901234567890/],
  ['a symbol', "() => { throw Symbol('mark') }", /mark|cannot be read/],
  ['a function', '() => { throw () => 5 }', /=>|function/i],
  ['an object', "() => { throw { name: 'Odd', message: 'object reason' } }", /object reason/],
  ['an object without a message', '() => { throw { status: 404 } }', /404|object/],
  ['a frozen error', "() => { throw Object.freeze(new Error('frozen reason')) }", /frozen reason/],
  ['an AggregateError', "() => { throw new AggregateError([new Error('one')], 'many reasons') }", /many reasons/],
  ['a DOMException', "() => { throw new DOMException('dom reason', 'AbortError') }", /dom reason/],
  ['an assertion', "() => require('node:assert').equal(1, 2, 'assertion reason')", /assertion reason/],
  ['an error with a code', "() => require('node:fs').readFileSync('/no/such/file')", /ENOENT/],
  ['a free name', '() => nowhereDefined', /nowhereDefined is not defined/],
  ['a property of null', '() => null.field', /field/],
  ['a call of no function', '() => (5)()', /not a function/],
  ['a const assigned', '() => { const c = 1; c = 2 }', /constant/],
  ['a JSON error', "() => JSON.parse('{')", /JSON/],
  ['a syntax error at run time', "() => eval('(')", /Unexpected|Invalid/],
  ['a stack overflow', '() => { const f = () => f() + 1; return f() }', /call stack/],
  ['an array too long', '() => new Array(-1)', /Invalid array length/],
  ['an allocation too large', '() => new Float64Array(2 ** 40)', /length|allocation/],
  ['a string too long', "() => 'x'.repeat(2 ** 30)", /string length|Invalid/],
  ['a module that is not there', "() => require('no-such-module-x')", /no-such-module-x/],
  // Hostile and huge.
  ['a huge message', "() => { throw new Error('start' + 'x'.repeat(5e6)) }", /start/],
  ['a huge string', "() => { throw 'start' + 'x'.repeat(1e7) }", /start/],
  ['a huge name', "() => { throw Object.assign(new Error('named'), { name: 'N'.repeat(5e6) }) }", /named/],
  [
    'a huge field',
    "() => { throw Object.assign(new Error('fields'), { data: 'x'.repeat(5e6), list: Array(1e5).fill(1) }) }",
    /fields/,
  ],
  [
    'a long chain of causes',
    "() => { let e = new Error('deep'); for (let i = 0; i < 1000; i++) e = new Error('up' + i, { cause: e }); throw e }",
    /up999/,
  ],
  ['a cycle of causes', "() => { const e = new Error('cyclic'); e.cause = e; throw e }", /cyclic/],
  [
    'a message that throws',
    "() => { throw Object.defineProperty(new Error(), 'message', { get() { throw new Error('inner') } }) }",
    /./,
  ],
  [
    'a stack that throws',
    "() => { throw Object.defineProperty(new Error('stackless'), 'stack', { get() { throw new Error('inner') } }) }",
    /./,
  ],
  [
    'a name that throws',
    "() => { throw Object.defineProperty(new Error('nameless'), 'name', { get() { throw new Error('inner') } }) }",
    /./,
  ],
  [
    'a field that throws',
    "() => { throw Object.defineProperty(new Error('hostile field'), 'data', { enumerable: true, get() { throw new Error('inner') } }) }",
    /hostile field/,
  ],
  ['a toString that throws', "() => { throw { toString() { throw new Error('inner') } } }", /./],
  ['a message that is an object', '() => { throw Object.assign(new Error(), { message: { a: 1 } }) }', /./],
  [
    'a proxy that throws',
    '() => { throw new Proxy({}, { get() { throw 1 }, has() { throw 1 }, getPrototypeOf() { throw 1 } }) }',
    /./,
  ],
  // Values that cannot be the result.
  ['a symbol as result', "() => ({ s: Symbol('s') })", refused],
  ['an instance as result', '() => new (class Model {})()', /an instance of Model cannot travel/],
  ['a native function as result', '() => ({ f: Math.max })', refused],
  ['a bound function as result', '() => [(() => 1).bind(null)]', refused],
  ['a promise inside the result', '() => [Promise.resolve(1)]', refused],
  ['a WeakMap as result', '() => new WeakMap()', refused],
  ['a generator as result', '() => (function* () {})()', refused],
  ['a socket as result', "() => new (require('node:net').Socket)()", refused],
  ['a getter of the result that throws', "() => ({ get a() { throw new Error('getter reason') } })", /getter reason/],
  ['a result nested too deeply', '() => { let x = 1; for (let i = 0; i < 1e5; i++) x = [x]; return x }', /nested/],
  [
    'a proxy as result',
    "() => new Proxy({}, { ownKeys() { throw new Error('proxy reason') } })",
    /proxy reason|could not be cloned|cannot travel/,
  ],
  // Later.
  ['a rejection', "() => Promise.reject(new Error('rejected reason'))", /rejected reason/],
  ['a rejection with a string', "() => Promise.reject('rejected text')", /rejected text/],
  ['a rejection with nothing', '() => Promise.reject()', /undefined/],
  ['a throw after an await', "async () => { await null; throw new Error('awaited reason') }", /awaited reason/],
  [
    'a throw after a timer',
    "async () => { await new Promise((go) => setTimeout(go, 5)); throw new Error('timer reason') }",
    /timer reason/,
  ],
  ['all of Promise.any', "() => Promise.any([Promise.reject(new Error('a'))])", /All promises were rejected/],
  ['a thenable that throws', "() => ({ then() { throw new Error('then reason') } })", /then reason/],
  ['a thenable that rejects', "() => ({ then(_, no) { no(new Error('no reason')) } })", /no reason/],
  ['a then that cannot be read', "() => ({ get then() { throw new Error('then getter') } })", /then getter/],
  [
    'an asynchronous iterator',
    "async () => { for await (const x of (async function* () { yield 1; throw new Error('iterated') })()); }",
    /iterated/,
  ],
  ['an import that is not there', "async () => import('no-such-module-y')", /no-such-module-y/],
  ['an import of nothing', "async () => import('')", /./],
  [
    'a signal that aborts',
    "async () => { const c = new AbortController(); c.abort(new Error('abort reason')); c.signal.throwIfAborted() }",
    /abort reason/,
  ],
  // In callbacks, while the task waits.
  ['a throw in a timer', never("setTimeout(() => { throw new Error('in a timer') }, 5)"), /in a timer/],
  ['a throw in an immediate', never("setImmediate(() => { throw new Error('in an immediate') })"), /in an immediate/],
  ['a throw in a tick', never("process.nextTick(() => { throw new Error('in a tick') })"), /in a tick/],
  ['a throw in a microtask', never("queueMicrotask(() => { throw new Error('in a microtask') })"), /in a microtask/],
  ['a string thrown in a timer', never("setTimeout(() => { throw 'timer text' }, 5)"), /timer text/],
  ['a bug in a timer', never('setTimeout(() => undefinedThere.x, 5)'), /undefinedThere is not defined/],
  ['a throw in a callback of fs', never("require('node:fs').stat('/', () => { throw new Error('in fs') })"), /in fs/],
  [
    'a throw in a listener',
    never(
      "setTimeout(() => new (require('node:events'))().once('x', () => { throw new Error('in a listener') }).emit('x'), 5)",
    ),
    /in a listener/,
  ],
  [
    'an error event that nobody handles',
    never("setTimeout(() => new (require('node:events'))().emit('error', new Error('event reason')), 5)"),
    /event reason/,
  ],
  ['an error of a stream', never("require('node:fs').createReadStream('/no/such/stream')"), /no\/such\/stream/],
  ['an error of a socket', never("require('node:net').connect('/no/such/socket')"), /no\/such\/socket/],
  ['an error of a process', never("require('node:child_process').spawn('/no/such/program')"), /no\/such\/program/],
  [
    'an error of a worker',
    never("new (require('node:worker_threads').Worker)(\"throw new Error('in a worker')\", { eval: true })"),
    /in a worker/,
  ],
  ['a rejection that nobody handles', never("Promise.reject(new Error('left behind'))"), /left behind/],
  ['a forgotten await', never("(async () => { await null; throw new Error('forgotten') })()"), /forgotten/],
  ['a huge error in a timer', never("setTimeout(() => { throw new Error('big' + 'x'.repeat(5e6)) }, 5)"), /big/],
  [
    'a read of stdin',
    `() => new Promise((go) => require('node:readline').createInterface({ input: process.stdin }).question('?', go))`,
    /no standard input/,
  ],
];

/** The verbs, each with a function given as source text. */
const VERBS: Record<string, (source: string) => AsyncResult<unknown, unknown>> = {
  apply: (source) => rig.e0.apply(made(source)),
  map: (source) => rig.v.map(made(source), [1, 2]),
  execute: (source) => rig.e0.execute(`await (${source})()`),
  'load-balanced apply': (source) => rig.rc.loadBalanced().apply(made(source)),
  'load-balanced map': (source) => rig.rc.loadBalanced().map(made(source), [1, 2]),
};

function made(source: string): () => unknown {
  return new Function(`return (${source}\n)`)() as () => unknown;
}

async function failure(result: AsyncResult<unknown, unknown>): Promise<Error> {
  try {
    await result.get({ timeout: LIMIT });
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

for (const [what, source, reason] of WAYS) {
  test(`fails and answers on: ${what}`, async () => {
    for (const [verb, call] of Object.entries(VERBS)) {
      // A function as the value of execute is shown as text.
      if (verb === 'execute' && what.includes('result')) continue;
      const error = await failure(call(source));
      assert.is.not(error.name, 'TimeoutError', `${verb}: ${error.message}`);
      assert.is.not(error.name, 'EngineError', `${verb}: ${error.message}`);
      assert.match(error.message.slice(0, 100_000), reason, verb);
      const next = await rig.e0.apply(() => 6 * 7).get({ timeout: LIMIT });
      assert.is(next, 42, `after ${verb}`);
    }
  });
}

test('a limit ends what never ends', async () => {
  const limited = rig.e0.with({ runTimeout: 300 });
  for (const run of [
    () => {
      for (;;);
    },
    () => new Promise(() => {}),
    async () => {
      await null;
      await new Promise(() => {});
    },
  ]) {
    const error = await failure(limited.apply(run));
    assert.match(error.message, /ran longer than 300 ms/);
    assert.is(await rig.e0.apply(() => 42), 42);
  }
});

test.run();
