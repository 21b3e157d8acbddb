// Functions as swc, Babel and esbuild wrote them (test/fixtures/compiled): they run, or the error says what the build did.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { babelHelper } from '../../../../../engines/user-code/compilers/babel.ts';
import { helpersIn } from '../../../../../engines/user-code/compilers/helpers.ts';
import { Evaluator } from '../../../../../engines/user-code/evaluate.ts';
import { UserNamespace } from '../../../../../engines/user-code/namespace.ts';
import { startRequire } from '../../../../../engines/user-code/start-folder.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('compiled functions');
const namespace = new UserNamespace(() => 'engine 3');
Object.assign(globalThis, { require: startRequire });
namespace.markBaseline();
const evaluator = new Evaluator(namespace, () => 'engine 3');

interface Compiled {
  /** The compiler, its target, and where helpers come from. */
  readonly by: string;
  readonly what: string;
  readonly source: string;
  readonly value?: unknown;
  /** It needs variables of its module, or minified names. */
  readonly lost?: true;
}

const FILE = fileURLToPath(new URL('../../../../../../test/fixtures/compiled/functions.json', import.meta.url));
const ALL = JSON.parse(readFileSync(FILE, 'utf8')) as readonly Compiled[];

type Fn = (x: number) => unknown;
const made = (source: string) => evaluator.fn(source) as Fn;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

async function failure(fn: Fn): Promise<string> {
  try {
    await fn(5);
  } catch (error) {
    return evaluator.errors.wireError(error, { fn }).message;
  }
  return 'it did not fail';
}

for (const { by, what, source, value, lost } of ALL) {
  test(`${by}: ${what}`, async () => {
    const fn = made(source);
    if (lost) assert.match(await failure(fn), /your build lowered (and renamed )?this function/);
    else assert.equal(plain(await fn(5)), value, source);
  });
}

test('the corpus has each compiler, and helpers that are inlined, required and imported', () => {
  for (const compiler of ['swc', 'babel', 'esbuild']) assert.ok(ALL.some(({ by }) => by.startsWith(compiler)));
  for (const way of ['inline', 'cjs', 'esm', 'minified']) assert.ok(ALL.some(({ by }) => by.endsWith(way)));
  assert.ok(ALL.length > 250);
});

const load = () => Promise.resolve();
const namesIn = (source: string) => [...helpersIn(source, load).keys()];

test('a name of the user that a helper has too stays the user’s', async () => {
  for (const source of [
    '() => _get(1)',
    '() => _defaults.a',
    '(x) => _set(x, 1)',
    '() => _update()',
    '() => _throw(1)',
  ])
    assert.equal(namesIn(source), [], source);
  namespace.set('_async_to_generator', 5);
  assert.equal(namesIn('() => _async_to_generator(function* () {})'), []);
  namespace.delete('_async_to_generator');
  assert.equal(namesIn('() => _async_to_generator(function* () {})'), ['_async_to_generator']);
});

test('helpers are found where they are spread, numbered, and read from their module', () => {
  assert.equal(namesIn('(a) => [..._to_consumable_array(a), ...__spreadArray([], a)]'), [
    '_to_consumable_array',
    '__spreadArray',
  ]);
  assert.equal(namesIn('() => (0, _asyncToGenerator2.default)(f)'), ['_asyncToGenerator2']);
  assert.equal(namesIn('() => _object_spread._({}, a)'), ['_object_spread']);
  assert.equal(namesIn('() => babelHelpers.defineProperty({}, "a", 1)'), ['babelHelpers']);
  assert.equal(namesIn('() => a._define_property(1) + "_define_property(" + _nosuch_helper(2)'), []);
});

test('decorators of the older versions of Babel find their helper by the arguments', () => {
  const decorate = babelHelper('_applyDecs') as (...args: unknown[]) => {
    readonly e: unknown[];
    readonly c: unknown[];
  };
  const kinds: string[] = [];
  const seen = (_: unknown, { kind }: { readonly kind: string }) => void kinds.push(kind);
  class A {
    m(): number {
      return 1;
    }
  }
  decorate(A, [], [[seen, 2, 'm']]); // 2023-11
  decorate(A, [[seen, 2, 'm']], []); // 2023-05
  assert.equal(kinds, ['method', 'method']);
});

test('private fields of Babel, in the order of arguments of its two versions', () => {
  const get = babelHelper('_classPrivateFieldGet') as (a: object, b: object) => unknown;
  const self = {};
  assert.is(get(new WeakMap([[self, 5]]), self), 5);
  assert.is(get(self, new WeakMap([[self, { writable: true, value: 6 }]])), 6);
});

test.run();
