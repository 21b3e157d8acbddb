// Functions and values of users, with real engines: imports after chdir, require, methods, built-ins, stdin.
import * as os from 'node:os';
import * as assert from 'uvu/assert';
import { ref } from '../../../src/protocol/values/ref.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('functions of users');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

test('imports and require resolve from where the engine started, whatever chdir did', async () => {
  const { v, e0 } = rig;
  await v.apply(() => process.chdir('/'));
  assert.equal(await v.apply(async () => typeof (await import('uvu')).suite), ['function', 'function']);
  await e0.execute("import { suite as mine } from 'uvu'");
  assert.is(await e0.pull('typeof mine'), 'function');
  await e0.importModule('uvu');
  assert.is(await e0.pull('typeof uvu.suite'), 'function');
  assert.is(await e0.apply(() => (require('node:path') as { sep: string }).sep), '/');
  await e0.execute("const { readFileSync } = require('fs')\ncommander = require('commander')");
  assert.is(await e0.pull('typeof readFileSync + typeof commander.Command'), 'functionfunction');
  await v.apply((folder: string) => process.chdir(folder), process.cwd());
});

test('built-in functions are called by name', async () => {
  const { v, e0, rc } = rig;
  assert.equal(await v.map(Math.sqrt, [1, 4, 9]), [1, 2, 3]);
  assert.equal(await v.map(Number, ['1', '2']), [1, 2]);
  assert.equal(await rc.loadBalanced().map(Math.sqrt, [4, 9]), [2, 3]);
  assert.is(await rc.loadBalanced().apply(JSON.stringify, { a: 1 }), '{"a":1}');
  assert.is(await e0.apply(process.cwd), process.cwd());
  assert.is(await e0.apply(os.hostname), os.hostname());
});

test('a reference to a method is called on its object', async () => {
  const { v, e0, rc } = rig;
  await v.execute('class Model { n = 2; step(x) { return this.n * x } }\nm = { inner: new Model() }');
  assert.equal(await v.apply<[number], number>(ref('m.inner.step'), 5), [10, 10]);
  assert.equal(await v.map(ref('m.inner.step'), [1, 2, 3]), [2, 4, 6]);
  assert.equal(await rc.loadBalanced().map(ref('m.inner.step'), [1, 2]), [2, 4]);
  assert.is(await e0.apply((f: (x: number) => number) => f(3), ref('m.inner.step') as never), 6);
});

test('Buffer, URL and URLSearchParams arrive as themselves, both ways', async () => {
  const { e0 } = rig;
  const echo = await e0.apply(
    (b: Buffer, u: URL, q: URLSearchParams) => [b.toString(), u.hostname, q.get('a'), Buffer.from('ho'), u, q] as const,
    Buffer.from('hi'),
    new URL('https://a.b/c'),
    new URLSearchParams('a=1'),
  );
  assert.equal(echo.slice(0, 3), ['hi', 'a.b', '1']);
  assert.equal([echo[3].toString(), echo[4].href, echo[5].get('a')], ['ho', 'https://a.b/c', '1']);
  const bytes = Buffer.alloc(5000, 3);
  await rig.v.scatter('bytes', bytes);
  const back = (await rig.v.gather('bytes')) as Buffer;
  assert.ok(Buffer.isBuffer(back) && back.equals(bytes));
});

test('instances of classes are refused by path, as arguments and as results', async () => {
  const { e0 } = rig;
  class Model {
    n = 1;
  }
  for (const send of [
    () => e0.apply((x: unknown) => x, { model: new Model() }),
    () => e0.push({ model: new Model() }),
    () => rig.rc.loadBalanced().apply((x: unknown) => x, [new Model()]),
  ]) {
    const error = await Promise.resolve()
      .then(send)
      .then(
        () => undefined,
        (thrown: Error) => thrown,
      );
    assert.match(error?.message ?? '', /(args\[0\]\.model|model|args\[0\]\[0\]): an instance of Model cannot travel/);
  }
  const made = () => {
    class Found {
      x = 1;
    }
    return { list: [new Found()] };
  };
  await rejects(() => e0.apply(made), Error, /list\[0\]: an instance of Found cannot travel/);
  await rejects(() => e0.apply(() => new Headers()), Error, /an instance of Headers cannot travel/);
});

const READERS: Record<string, () => unknown> = {
  'readline.question': async () => {
    const { createInterface } = await import('node:readline');
    const lines = createInterface({ input: process.stdin });
    return new Promise((resolve) => lines.question('name? ', resolve));
  },
  'readline/promises': async () => {
    const { createInterface } = await import('node:readline/promises');
    return createInterface({ input: process.stdin, output: process.stdout }).question('name? ');
  },
  'for await of lines': async () => {
    const { createInterface } = await import('node:readline');
    for await (const line of createInterface({ input: process.stdin })) return line;
    return 'none';
  },
  'for await of stdin': async () => {
    for await (const chunk of process.stdin) return String(chunk);
    return 'none';
  },
  'an event': () => new Promise((resolve) => process.stdin.on('data', resolve)),
};

for (const [what, read] of Object.entries(READERS)) {
  test(`a task that reads stdin fails at once: ${what}`, async () => {
    for (let round = 0; round < 2; round++) {
      await rejects(
        () => rig.e0.apply(read).get({ timeout: 10_000 }),
        Error,
        /a task on an engine has no standard input/,
      );
    }
    assert.is(await rig.e0.apply(() => [process.stdin.isTTY, 6 * 7].join()), 'false,42');
  });
}

test.run();
