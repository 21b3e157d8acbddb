// Errors of real engines as people print them: the line that failed, the line of the call, and all that was thrown.
import { execFile } from 'node:child_process';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { CompositeError, RemoteError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('engines/errors');
const HERE = /called from\n {4}at .*test\/cluster\/engines\/errors\./;
const OURS = /dist\/src|dist\/engines|src\/client|engines\/(queue|verbs|user-code)\/\w+\.(ts|js):|node:/;
let rig: Rig;

test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

test('a single error has the line that failed and the line of the call, and no frame of ours', async () => {
  const error = await rejects(
    () => rig.e0.apply(() => (undefined as unknown as { name: { first: string } }).name.first).get(),
    RemoteError,
  );
  for (const text of [inspect(error), String(error.stack)]) {
    assert.match(
      text,
      /^RemoteError: \[0:apply\] TypeError: .*\n {4}> 1 \| .*name\.first.*\n +\| +\^\n {4}at <engine 0>:1:/,
    );
    assert.match(text, HERE);
    assert.not.match(text, OURS);
  }
});

test('the line is that of the script that failed, not of the one that called it', async () => {
  await rig.e0.execute('globalThis.step = (x) => x.first.second');
  const error = await rejects(() => rig.e0.execute('1;\nstep({})').get(), RemoteError);
  assert.match(error.traceback, '> 1 | globalThis.step = (x) => x.first.second\n');
});

test('code shows its own line, also for a syntax error', async () => {
  const error = await rejects(() => rig.e0.execute('const a = 1;\nlet b = a + nope;').get(), RemoteError);
  assert.match(error.traceback, '    > 2 | let b = a + nope;\n        |             ^\n');
  const syntax = await rejects(() => rig.e0.execute('1;\nlet b = (;').get(), RemoteError);
  assert.match(syntax.traceback, '    > 2 | let b = (;');
  assert.not.match(inspect(syntax), /acorn/);
});

test('engines that agree are printed once', async () => {
  const error = await rejects(() => rig.v.apply(() => JSON.parse('{')).get(), CompositeError);
  const text = inspect(error);
  assert.match(text, /\nengines 0, 1: SyntaxError: .*\n {4}> 1 \| /);
  assert.match(text, HERE);
  assert.not.match(text, OURS);
  assert.ok(text.split('\n').length < 12, text);
});

test('a closure in a map gets the remedies, with its items, once per engine', async () => {
  const captured = 3;
  const error = await rejects(() => rig.v.map((x: number) => x + captured, [1, 2, 3, 4]).get(), CompositeError);
  const [head, first, second, ...more] = error.message.split('\n');
  assert.is(head, 'one or more exceptions raised in: map');
  assert.match(
    String(first),
    /^\[0:map\]ReferenceError: captured is not defined on engine 0: .*fromModule.* \(items 0, 1\)$/,
  );
  assert.match(String(second), /^\[1:map\]ReferenceError: .* \(items 2, 3\)$/);
  assert.equal(more, []);
  assert.not.match(inspect(error), OURS);
});

const odd = (x: number) => {
  if (x % 2 === 1) throw new RangeError('odd');
  return x;
};

test('items that fail are numbered in the whole map: direct, load-balanced, streams', async () => {
  const input = [0, 2, 4, 1, 6, 3];
  const lview = rig.rc.loadBalanced();
  for (const result of [rig.v.map(odd, input), lview.map(odd, input), lview.map(odd, input, { chunkSize: 4 })]) {
    const error = await rejects(() => result.get(), CompositeError);
    assert.equal(
      error.errors.map(({ item }) => item),
      [3, 5],
    );
    const again = await rejects(() => result.get(), CompositeError);
    assert.is(again.errors[0], error.errors[0], 'the same error each time');
    const mixed = await result.get({ returnErrors: true });
    assert.is((mixed[3] as unknown as RemoteError).item, 3);
    assert.match((mixed[3] as unknown as RemoteError).stack ?? '', HERE);
  }
  const items = [];
  for await (const item of lview.imap(odd, input, { chunkSize: 4, returnErrors: true })) items.push(item);
  assert.equal(
    items.flatMap((item) => (item instanceof RemoteError ? [item.item] : [])),
    [3, 5],
  );
});

test('a function gets nothing of the engine as its `this`', async () => {
  const seen = await rig.v.map(
    function (this: unknown) {
      return this === undefined || this === globalThis;
    },
    [1, 2],
  );
  assert.equal(seen, [true, true]);
});

test('all that was thrown arrives', async () => {
  const thrown = async (run: () => unknown) =>
    (await rejects(() => rig.e0.apply(run).get(), RemoteError)).cause as never;
  assert.equal(await thrown(() => Promise.reject({ status: 404, reason: 'missing' })), {
    status: 404,
    reason: 'missing',
  });
  for (const code of ['null', '0', "''", 'undefined']) {
    const error = await rejects(() => rig.e0.execute(`throw ${code}`).get(), RemoteError);
    assert.is(inspect(error.cause), code);
    assert.is(error.message, `[0:execute] Error: thrown: ${code}`);
  }
  const many: AggregateError = await thrown(() => Promise.any([Promise.reject(new TypeError('a')), Promise.reject(5)]));
  assert.is(many.errors[0].message, 'a');
  assert.is(many.errors[1], 5);
  assert.not.match(String(many.errors[0].stack), OURS);
  const zod: Error & { issues: unknown } = await thrown(() => {
    class ValidationError extends Error {
      issues = [{ path: ['a'] }];
    }
    throw new ValidationError('v');
  });
  assert.equal([zod.name, zod.issues], ['ValidationError', [{ path: ['a'] }]]);
});

test('an uncaught error prints what consoles print, and no internals', async () => {
  const index = new URL('../../../src/index.js', import.meta.url).href;
  const script = `
    import { Client } from ${JSON.stringify(index)};
    const rc = await Client.connect(${JSON.stringify(rig.cluster.file)});
    process.on('exit', () => {});
    async function main() {
      await rc[':'].apply(() => { throw new TypeError('no luck'); });
    }
    await main();`;
  const text = await new Promise<string>((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], (_, __, stderr) => resolve(stderr));
  });
  assert.match(text, /engines 0, 1: TypeError: no luck\n {4}> 1 \| .*\n.*\n {4}at <engine>:1:/);
  assert.match(text, /called from\n {4}at main /);
  assert.not.match(text, /dist\/(src|engines)/);
  assert.ok(text.split('\n').length < 25, text);
});

test('of very many calls at once each error still says where it was made, or near', async () => {
  const fail = () => {
    throw new Error('one of many');
  };
  const all = Array.from({ length: 200 }, () => rig.e0.apply(fail));
  for (const result of all) {
    const error = await rejects(() => result.get(), RemoteError);
    assert.match(String(error.stack), /called (from|near)\n {4}at .*test\/cluster\/engines\/errors\./);
  }
});

test('a wait that is over too early says whose it was', async () => {
  const slow = rig.e0.apply(() => new Promise((resolve) => setTimeout(resolve, 300)));
  const error = await slow.get({ timeout: 1 }).then(
    () => undefined,
    (e: Error) => e,
  );
  assert.match(String(error?.stack), HERE);
  await slow;
});

test.run();
