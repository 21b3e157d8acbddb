// Errors of user code as engines report them: the user's frames, the line that failed, a remedy for missing names.
import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import * as assert from 'uvu/assert';
import { excerptOf, SourceTexts } from '../../../../../engines/user-code/errors/source-texts.ts';
import { UserErrors } from '../../../../../engines/user-code/errors/user-errors.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('user errors');
const sources = new SourceTexts();
const errors = new UserErrors(sources, () => 'engine 2');

/** Compiles as an evaluator does; the function of the source. */
function compiled(source: string): (...args: unknown[]) => unknown {
  const before = '(function () { return (';
  const text = `${before}${source}\n)})`;
  sources.remember(text, before.length);
  return new Script(text, { filename: '<engine 2>', columnOffset: -before.length }).runInThisContext()();
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

test('a thrown proxy whose every trap throws is an error like others', () => {
  const trap = () => {
    throw new Error('trap');
  };
  for (const target of [{}, new SyntaxError('x'), () => 1]) {
    for (const name of ['getPrototypeOf', 'get', 'has', 'ownKeys', 'getOwnPropertyDescriptor']) {
      const { message } = errors.wireError(new Proxy(target, { [name]: trap }), {});
      assert.ok(message.length > 0, name);
    }
  }
});

test('a traceback shows the line that failed, with a caret, between message and frames', () => {
  const fn = compiled('() => {\n  const row = undefined;\n  return row.name;\n}');
  const { stack } = errors.wireError(thrownBy(fn), { fn });
  assert.is(
    stack.split('\n').slice(0, 4).join('\n'),
    "TypeError: Cannot read properties of undefined (reading 'name')\n    > 3 | return row.name;\n        |            ^\n    at <engine 2>:3:14",
  );
});

test('a stack that the user has looked at shows the line of his function', () => {
  const fn = compiled('() => { const seen = null; return seen.looked; }');
  const error = thrownBy(fn) as Error;
  assert.ok(error.stack);
  assert.match(errors.wireError(error, { fn }).stack, 'seen.looked; }\n');
});

test('a stack of which nobody knows the script shows no line', () => {
  const error = Object.assign(new Error('m'), { stack: 'Error: m\n    at <engine 2>:1:2' });
  assert.is(errors.wireError(error, {}).stack, error.stack);
});

test('code shows the line that the user wrote, not the one that ran', () => {
  const texts = new SourceTexts();
  texts.remember('(() => {;(a = 1);\n;(b = a + nope);\n})', 8);
  const at = { file: '<engine 2>', line: 2, column: 11 };
  assert.is(
    texts.excerpt(at, { code: 'const a = 1;\nlet b = a + nope;' }),
    '    > 2 | let b = a + nope;\n        |             ^',
  );
  assert.match(String(texts.excerpt(at, { code: 'other()\ncode()' })), ';(b = a + nope);\n');
});

test('a text is found by its hash, also where others have such a line', () => {
  const texts = new SourceTexts();
  for (const text of ['(x) => x.a.b', '(x) => x.c.d']) texts.remember(text, 0);
  const hash = createHash('sha256').update('(x) => x.a.b').digest('hex');
  const at = { file: '<engine 2>', line: 1, column: 12 };
  assert.match(String(texts.excerpt({ ...at, hash })), 'x.a.b');
  assert.is(texts.excerpt(at), undefined);
  assert.is(texts.excerpt({ ...at, hash: 'another' }), undefined);
});

test('a syntax error shows its line', () => {
  const error = new SyntaxError('Unexpected token (<engine 2>:2:5)');
  error.stack = `SyntaxError: ${error.message}`;
  const { stack } = errors.wireError(error, { code: 'a;\nb ++ c' });
  assert.is(stack, `SyntaxError: ${error.message}\n    > 2 | b ++ c\n        |     ^`);
});

test('a free name of a function gets the remedies, in message and stack', () => {
  const fn = compiled('(x) => x + missing_name');
  const wire = errors.wireError(thrownBy(fn), { fn });
  assert.match(wire.message, /^missing_name is not defined on engine 2: functions travel .* fromModule/);
  assert.ok(wire.stack.startsWith(`ReferenceError: ${wire.message}\n    > 1 | `));
});

test('causes show their lines too', () => {
  const fn = compiled("() => { try { null.x; } catch (cause) { throw new Error('outer', { cause }); } }");
  const { stack, cause } = errors.wireError(thrownBy(fn), { fn });
  assert.match(stack, /^Error: outer\n {4}> 1 \| /);
  assert.match(String(cause?.stack), /^TypeError: .*\n {4}> 1 \| /);
});

test('a message that looks like frames stays above the line', () => {
  const fn = compiled("() => { throw new Error('first\\n    at second'); }");
  const { stack } = errors.wireError(thrownBy(fn), { fn });
  assert.match(stack, /^Error: first\n {4}at second\n {4}> 1 \| /);
});

test('a long line is cut around the place', () => {
  const line = `${'a'.repeat(500)}HERE${'b'.repeat(500)}`;
  const [text = '', caret = ''] = excerptOf(line, 7, 501).split('\n');
  assert.ok(text.length < 140);
  assert.is(text[caret.indexOf('^')], 'H');
  assert.is(excerptOf('\t\tx', 1, 3), '    > 1 | x\n        | ^');
});

test('source texts are remembered within a bound', () => {
  const few = new SourceTexts();
  const text = (i: number) => `(${i}, ${' '.repeat(2 ** 20)}x)`;
  for (let i = 0; i < 8; i++) few.remember(text(i), 0);
  assert.is(few.excerpt({ file: '<engine 2>', line: 1, column: 2, hash: 'another' }), undefined);
  assert.match(String(few.excerpt({ file: '<engine 2>', line: 1, column: 2, isOnly: true }, { fn: '(7, ' })), '(7,');
  assert.is(few.excerpt({ file: '<engine 2>', line: 1, column: 2, isOnly: true }, { fn: '(0, ' }), undefined);
});

// [source of a function that runs strict, does it assign the free name]
const USES: [string, boolean][] = [
  ['() => { data = 5 }', true],
  ['() => { const f = () => { data = 5 }; f() }', true],
  ['() => {\n  [1].forEach((x) => {\n    data   =   x;\n  });\n}', true],
  ['() => { let a; [a, data] = [1, 2] }', true],
  ['() => { let a; ({ a, data } = {}) }', true],
  ['() => { ({ x: data = 3 } = {}) }', true],
  ['() => { for (data of [1]); }', true],
  ['() => { for (data in { a: 1 }); }', true],
  ['() => { [...data] = [1] }', true],
  ['() => { new (class { constructor() { data = 1 } })() }', true],
  ['() => { data = data + 1 }', false],
  ['() => { data += 1 }', false],
  ['() => { data++ }', false],
  ['() => { data.x = 5 }', false],
  ['() => { const y = data }', false],
  ['() => { let b; b = data; data = 1 }', false],
  ['() => { [data[0]] = [1] }', false],
  ['() => data == 5', false],
];
for (const [source, assigns] of USES) {
  test(`${JSON.stringify(source)} ${assigns ? 'assigns' : 'reads'} the missing name`, () => {
    const fn = compiled(source.replace('=> {', "=> { 'use strict';"));
    const { message } = errors.wireError(thrownBy(fn), { fn });
    assert.match(message, /^data is not defined on engine 2: functions /);
    assert.is(message.includes('globalThis.data = …'), assigns, message);
  });
}

test('the remedy of an assignment is that of the code in the stack, not of the function that called it', () => {
  const inner = compiled("() => {\n  'use strict';\n\n\n\n\n\n\n  other = 1;\n}");
  const fn = compiled('(inner) => { inner(); return other }');
  const { message } = errors.wireError(
    thrownBy(() => fn(inner)),
    { fn },
  );
  assert.match(message, /globalThis\.other = …/);
});

test.run();
