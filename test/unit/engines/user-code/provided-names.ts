// Names of a notebook that functions find on an engine: behind globalThis, per client.
import * as assert from 'uvu/assert';
import { Evaluator } from '../../../../engines/user-code/evaluate.ts';
import { UserNamespace } from '../../../../engines/user-code/namespace.ts';
import { ProvidedNames } from '../../../../engines/user-code/provided-names.ts';
import { encodeBody, type Revivers } from '../../../../src/protocol/codec.ts';
import type { TravellingName, TravellingValue } from '../../../../src/protocol/travelling-names.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('provided-names');
const namespace = new UserNamespace(() => 'engine 0');
namespace.markBaseline();
const evaluator = new Evaluator(namespace, () => 'engine 0');
await evaluator.load();
const revivers: Revivers = {
  fn: (source) => evaluator.fn(source),
  ref: () => undefined,
  module: () => undefined,
};
/** The client of a task `a:1` is `a`. */
const clientOf = (task: string) => task.split(':')[0] as string;
const parts = { namespace, evaluator, revivers, clientOf };
let names = new ProvidedNames(parts);
let tasks = 0;

const begin = (client: string) => names.enter(`${client}:${tasks++}`);
const valued = (name: string, value: unknown): TravellingName =>
  named(name, { kind: 'value', body: encodeBody(value) });
const named = (name: string, value: TravellingValue): TravellingName => ({ name, version: String(tasks++), value });
/** Gives what a function of a task finds. */
const found = (code: string): unknown => (evaluator.fn(`() => (${code})`) as () => unknown)();

/** A test with names and a namespace of its own. */
function check(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    names = new ProvidedNames(parts);
    try {
      await body();
    } finally {
      for (const client of ['a', 'b']) names.forget(client);
      namespace.clear();
    }
  });
}

check('a client finds its own values, and no other client does', async () => {
  begin('a');
  await names.set([valued('k', 3), valued('words', ['x', 'y'])]);
  assert.equal(found('[k, words]'), [3, ['x', 'y']]);
  begin('b');
  assert.is(found('typeof k'), 'undefined');
  await names.set([valued('k', 4)]);
  assert.is(found('k'), 4);
  begin('a');
  assert.is(found('k'), 3);
});

check('the values are no variables of the engine: clear and the namespace leave them alone', async () => {
  begin('a');
  await names.set([valued('k', 3)]);
  assert.not.ok(namespace.has('k'));
  namespace.clear();
  assert.is(found('k'), 3);
});

check('a variable of the engine wins', async () => {
  namespace.set('k', 'pushed');
  begin('a');
  await names.set([valued('k', 3)]);
  assert.is(found('k'), 'pushed');
  namespace.delete('k');
  assert.is(found('k'), 3);
});

check('a value that comes again is the new one; functions see each other', async () => {
  begin('a');
  await names.set([valued('k', 3), valued('helper', (x: number) => x + Number(Reflect.get(globalThis, 'k')))]);
  assert.is(found('helper(1)'), 4);
  await names.set([valued('k', 5)]);
  assert.is(found('helper(1)'), 6);
});

check('a built-in is hidden while tasks of the client run, and comes back', async () => {
  begin('a');
  await names.set([valued('structuredClone', 'mine')]);
  assert.is(found('structuredClone'), 'mine');
  begin('b');
  assert.is(found('typeof structuredClone'), 'function');
  begin('a');
  assert.is(found('structuredClone'), 'mine');
  names.forget('a');
  assert.is(found('typeof structuredClone'), 'function');
});

check('clear brings a built-in back; the next task hides it again', async () => {
  begin('a');
  await names.set([valued('structuredClone', 'mine')]);
  namespace.clear();
  begin('b');
  assert.is(found('typeof structuredClone'), 'function');
  begin('a');
  assert.is(found('structuredClone'), 'mine');
});

check('a module by its import, whole or one export; one that cannot be loaded throws where it is used', async () => {
  const from = (specifier: string, exported: string | null): TravellingValue => ({
    kind: 'import',
    specifier,
    exported,
  });
  begin('a');
  await names.set([
    named('path', from('node:path', null)),
    named('cut', from('node:path', 'sep')),
    named('absent', from('node:no-such-module', null)),
  ]);
  assert.equal(found('[path.basename("a/b"), cut]'), ['b', '/']);
  assert.throws(() => found('absent'), /no-such-module/);
  assert.is(found('cut'), '/');
});

check('a missing name is not found, and the reason is told to its client alone', async () => {
  begin('a');
  await names.set([valued('k', 3)]);
  await names.set([named('k', { kind: 'missing', reason: 'k is a socket' })]);
  assert.is(found('typeof k'), 'undefined');
  assert.is(names.reasonOf('k'), 'k is a socket');
  begin('b');
  assert.is(names.reasonOf('k'), undefined);
  begin('a');
  await names.set([valued('k', 4)]);
  assert.is(names.reasonOf('k'), undefined);
});

check('the oldest of many clients is forgotten', async () => {
  for (let i = 0; i < 65; i++) {
    begin(`c${i}`);
    await names.set([valued('k', i)]);
  }
  begin('c0');
  assert.is(found('typeof k'), 'undefined');
  begin('c64');
  assert.is(found('k'), 64);
  names.forget('c64');
  assert.is(found('typeof k'), 'undefined');
});

test.run();
