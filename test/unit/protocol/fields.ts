// Readers of untrusted JSON: what they accept, what they infer, and the paths in their errors.
import { deepStrictEqual } from 'node:assert/strict';
import { expectTypeOf } from 'expect-type';
import * as assert from 'uvu/assert';
import { ProtocolError } from '../../../src/errors.ts';
import {
  anyOf,
  flag,
  type Infer,
  list,
  name,
  nothing,
  num,
  object,
  oneOf,
  optional,
  orNull,
  positive,
  type Reader,
  record,
  text,
  union,
  whole,
} from '../../../src/protocol/fields.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('fields');

test('a name has at most 256 characters', () => {
  assert.is(name('x'.repeat(256), 'id'), 'x'.repeat(256));
  throws(() => name('x'.repeat(257), 'id'), ProtocolError, /id has 257 characters, over 256/);
  throws(() => name(5, 'id'), ProtocolError, /id must be text/);
});

const box = object({ name: text, size: optional(whole), owner: orNull(text), tags: list(text) });

test('the type of an object is inferred from its readers', () => {
  type Box = {
    readonly name: string;
    readonly size?: number | undefined;
    readonly owner: string | null;
    readonly tags: readonly string[];
  };
  expectTypeOf<Infer<typeof box>>().toEqualTypeOf<Box>();
  const verb = union('do', { stop: {}, add: { n: whole } });
  expectTypeOf<Infer<typeof verb>>().toEqualTypeOf<
    { readonly do: 'stop' } | { readonly do: 'add'; readonly n: number }
  >();
  const word = oneOf('a', 'b');
  expectTypeOf(word).toEqualTypeOf<Reader<'a' | 'b'>>();
});

test('an object is copied field by field; a missing optional field stays missing', () => {
  deepStrictEqual(box({ name: 'a', owner: null, tags: [], more: 1 }, 'box'), { name: 'a', owner: null, tags: [] });
  deepStrictEqual(box({ name: 'a', size: 0, owner: 'b', tags: ['c'] }, 'box'), {
    name: 'a',
    size: 0,
    owner: 'b',
    tags: ['c'],
  });
});

const BAD: [name: string, read: Reader<unknown>, value: unknown, message: RegExp][] = [
  ['text', text, 1, /^at must be text, not number$/],
  ['num', num, Number.NaN, /^at must be a number, not number$/],
  ['whole', whole, -1, /^at must be a whole number ≥ 0, not number$/],
  ['whole: too large to be exact', whole, 2 ** 53, /^at must be a whole number ≥ 0/],
  ['positive', positive, 0, /^at must be a whole number ≥ 1, not number$/],
  ['flag', flag, null, /^at must be true or false, not null$/],
  ['nothing', nothing, 0, /^at must be absent, not number$/],
  ['oneOf', oneOf('a', 'b'), 'c', /^at must be one of a,b, not c$/],
  ['orNull', orNull(text), undefined, /^at must be text, not undefined$/],
  ['list', list(text), {}, /^at must be a list, not object$/],
  ['an item', list(text), ['a', 1], /^at\[1\] must be text, not number$/],
  ['a value of a record', record(num), { a: 'x' }, /^at\.a must be a number, not string$/],
  ['an object', box, [], /^at must be an object, not a list$/],
  ['null for an optional field', box, { name: 'a', size: null, owner: null, tags: [] }, /^at\.size must be a whole/],
  ['an inherited field', box, Object.create({ name: 'a', owner: null, tags: [] }), /^at\.name must be text, not undef/],
  ['a kind', union('do', { stop: {} }), { do: 'constructor' }, /^at\.do is unknown: "constructor"$/],
  ['no kind', union('do', { stop: {} }), {}, /^at\.do is unknown: undefined$/],
];

for (const [name, read, value, message] of BAD) {
  test(`refused: ${name}`, () => {
    throws(() => read(value, 'at'), ProtocolError, message);
  });
}

test('paths are those of the place that is read, whatever was read before', () => {
  const bad = { name: 1, owner: null, tags: [] };
  for (const where of ['a', 'b', 'a'])
    throws(() => box(bad, where), ProtocolError, new RegExp(`^${where}\\.name must`));
  const boxes = list(box);
  throws(() => boxes([{ ...bad, name: 'x' }, bad], 'all'), ProtocolError, /^all\[1\]\.name must be text/);
});

test('anyOf reads the kinds of all its unions', () => {
  const both = anyOf('do', union('do', { stop: {} }), union('do', { add: { n: whole } }));
  deepStrictEqual(both({ do: 'stop', n: 1 }, 'at'), { do: 'stop' });
  deepStrictEqual(both({ do: 'add', n: 1 }, 'at'), { do: 'add', n: 1 });
  assert.equal([...both.kinds.keys()], ['stop', 'add']);
});

test.run();
