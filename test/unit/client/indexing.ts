// Unknown property names that look like an index as indices, and everything else as on any object.
import { AssertionError, deepStrictEqual } from 'node:assert';
import { start } from 'node:repl';
import { PassThrough } from 'node:stream';
import { inspect, promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { Indexable } from '../../../src/client/indexing.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('client/indexing');

type Completed = [string[], string];
type NodeCompleter = (line: string, done: (error: Error | null, found?: Completed) => void) => void;

class Letters extends Indexable<string, string> {
  readonly #text: string;
  own = 'own';

  constructor(text: string) {
    super((key) => this.#letter(key));
    this.#text = text;
  }

  #letter(key: string): string {
    const found = this.#text.at(Number(key));
    if (found === undefined || Number.isNaN(Number(key))) throw new RangeError(`no letter ${key}`);
    return found;
  }

  get length(): number {
    return this.#text.length;
  }
}

test('integers and slices are indices; fields and methods come first', () => {
  const abc = new Letters('abc');
  assert.is(abc[0], 'a');
  assert.is(abc[-1], 'c');
  assert.is(abc.own, 'own');
  assert.is(abc.length, 3);
  throws(() => abc[7], RangeError, /no letter 7/);
  assert.ok(0 in abc && '::2' in abc && !('other' in abc));
});

test('what the language and tools ask for is absent, not an index', async () => {
  const abc = new Letters('abc');
  assert.is(await abc, abc);
  assert.is(JSON.stringify(abc), '{"own":"own"}');
  assert.match(inspect(abc), 'own');
  assert.is(String(abc), '[object Object]');
  assert.is(abc.constructor, Letters);
});

const PROBED = [
  '$$typeof',
  'href',
  'foo',
  'asymmetricMatch',
  '@@__IMMUTABLE_ITERABLE__@@',
  'waitForEng',
  '',
  '-',
  'NaN',
];

for (const key of PROBED) {
  test(`'${key}' is no index: undefined`, () => {
    const abc = new Letters('abc');
    assert.is(Reflect.get(abc, key), undefined);
    assert.is(key in abc, false);
  });
}

class Keys extends Indexable<string, string> {
  constructor() {
    super((key) => `at ${key}`);
  }
}

for (const key of ['7', '-9', '+7', '1.5', '7x', '0:x', ':x', '0,x', '8,9', 'all']) {
  test(`'${key}' looks like an index: it is asked for`, () => assert.is(Reflect.get(new Keys(), key), `at ${key}`));
}

test('a method that is not there says so', () => {
  const abc = new Letters('abc') as Letters & { lenght(): number; maybe?(): number };
  throws(() => abc.lenght(), TypeError, /abc\.lenght is not a function/);
  assert.is(abc.maybe?.(), undefined);
});

test('deepStrictEqual tells instances from other values', () => {
  const abc = new Letters('abc');
  throws(() => deepStrictEqual({ a: abc }, { a: 1 }), AssertionError, /strictly deep-equal/);
  throws(() => deepStrictEqual({ a: abc }, { a: {} }), AssertionError, /strictly deep-equal/);
  deepStrictEqual({ a: abc }, { a: abc });
});

test('a REPL completes names and survives those that are not there', async () => {
  const repl = start({ input: new PassThrough(), output: new PassThrough(), terminal: false });
  repl.context['abc'] = new Letters('abc');
  const complete = promisify(repl.completer as NodeCompleter);
  try {
    assert.equal(await complete('abc.ow'), [['abc.own'], 'abc.ow']);
    assert.equal(await complete('abc.waitForEng'), [[], 'abc.waitForEng']);
    assert.equal(await complete('abc.waitForEng.len'), [[], 'abc.waitForEng.len']);
  } finally {
    repl.close();
  }
});

test('nothing shows how the index works', () => {
  assert.equal(Reflect.ownKeys(new Letters('abc')), ['own']);
  // Its prototype, and objects made from an instance, have no letters of their own.
  const all: object[] = [Letters.prototype, Object.create(new Letters('abc'))];
  for (const object of all) assert.is(Reflect.get(object, '0'), undefined);
});

test.run();
