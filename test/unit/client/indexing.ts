// Unknown property names as indices, and everything else as on any object.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { Indexable } from '../../../src/client/indexing.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('client/indexing');

class Letters extends Indexable<string, string> {
  readonly #text: string;
  own = 'own';

  constructor(text: string) {
    super((key) => this.#letter(key));
    this.#text = text;
  }

  #letter(key: string): string {
    const found = this.#text.at(Number(key));
    if (found === undefined) throw new RangeError(`no letter ${key}`);
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

test('nothing shows how the index works', () => {
  assert.equal(Reflect.ownKeys(new Letters('abc')), ['own']);
  // Its prototype, and objects made from an instance, have no letters of their own.
  const all: object[] = [Letters.prototype, Object.create(new Letters('abc'))];
  for (const object of all) assert.is(Reflect.get(object, '0'), undefined);
});

test.run();
