// The evaluator of the REPL in this process: values, declarations, await, errors, interrupts.
import * as assert from 'uvu/assert';
import { LocalEvaluator, withoutOwnFrames } from '../../../../../src/cli/repl/evaluator/local-evaluator.ts';
import { rejects } from '../../../../support/assert.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/evaluator/local-evaluator');
const evaluator = new LocalEvaluator({ given: 7 });
const value = async (code: string) => (await evaluator.run(code)).value;

test('values, names that were given, _ for the last value', async () => {
  assert.is(await value('given * 6'), 42);
  assert.is(await value('_ + 1'), 43);
  await value('const nothing = 1');
  assert.is(await value('_'), 43);
});

test('declarations, functions, classes and imports persist', async () => {
  await value('const a1 = 1; let { b1 } = { b1: 2 }; function f1() { return a1 + b1 }\nclass C1 {}');
  await value("import { join as j1 } from 'node:path'; import * as os1 from 'node:os'");
  assert.equal(await value("[f1(), typeof C1, j1('a', 'b'), typeof os1.cpus]"), [3, 'function', 'a/b', 'function']);
  await rejects(() => value("import { nix } from 'node:path'"), SyntaxError, /no export 'nix'/);
});

test('await at the top level, also in declarations; values that are thenables stay what they are', async () => {
  await value('const w1 = await new Promise((go) => setTimeout(go, 5, 9))');
  assert.is(await value('w1'), 9);
  const { value: thenable } = await evaluator.run('({ then() {} })');
  assert.type((thenable as { then: unknown }).then, 'function');
  assert.instance((await evaluator.run('new Promise(() => {})')).value, Promise);
});

test('braces around properties are an object, around statements a block', async () => {
  assert.equal(await value('{ a: 1, b: 2 }'), { a: 1, b: 2 });
  assert.equal(await value('{}'), {});
  assert.is(await value('{ const q = 1; globalThis.block1 = q }\nblock1'), 1);
});

test('names that only read become variables', async () => {
  await value('const crypto = 5');
  assert.is(await value('crypto'), 5);
});

test("Node's modules and require are there", async () => {
  assert.is(await value("path.basename('/a/b') + require('node:os').EOL"), 'b\n');
});

test('a syntax error shows the line and the place', async () => {
  const error = await value('1\n  f(]').catch((reason: unknown) => reason);
  assert.instance(error, SyntaxError);
  assert.is((error as Error).stack, 'SyntaxError: Unexpected token\n      f(]\n        ^');
});

test('an interrupt ends awaits of the code, also in loops that catch or await in every turn', async () => {
  for (const code of [
    'for (;;) await new Promise((go) => setTimeout(go, 1))',
    'for (;;) { const x = await new Promise((go) => setTimeout(go, 1, 5)); ticks1 = x }',
    'for await (const x of (async function* () { for (;;) yield await new Promise((go) => setTimeout(go, 1)) })()) x',
    'try { await new Promise(() => {}) } catch { await new Promise(() => {}) }',
    'await Promise.all([new Promise(() => {})])',
  ]) {
    delete (globalThis as { ticks1?: number }).ticks1;
    const running = evaluator.run(`globalThis.ticks1 = 0; ${code}`);
    const ended = rejects(() => running, Error, /interrupted by `SIGINT`/);
    while (!('ticks1' in globalThis)) await new Promise((go) => setImmediate(go));
    assert.is(evaluator.interrupt(), true, code);
    await ended;
  }
  assert.is(evaluator.interrupt(), false);
  await value('stopped1 = 0; for (;;) { await null; if (++stopped1 === 3) break }');
  assert.is(await value('stopped1'), 3);
});

test('for await: values, promises of a list, a break that is waited for, errors', async () => {
  await value('seen2 = []; for await (const x of [1, Promise.resolve(2), 3]) seen2.push(x)');
  assert.equal(await value('seen2'), [1, 2, 3]);
  await value(
    'left2 = 0; async function* gen2() { try { yield 1; yield 2 } finally { await null; left2++ } }\n' +
      'for await (const x of gen2()) break; leftAfter2 = left2',
  );
  assert.is(await value('leftAfter2'), 1);
  await rejects(
    () => value('for await (const x of (async function* () { throw new TypeError("it") })()) x'),
    TypeError,
    /it/,
  );
  assert.equal(
    await value('[await 1, await { then(go) { go(2) } }, (await new Promise((go) => go({ a: 3 }))).a]'),
    [1, 2, 3],
  );
});

test('a stack ends before the frames of the evaluator', async () => {
  const error = await value('function deep1() { null.x }\ndeep1()').catch((reason: unknown) => reason);
  const lines = withoutOwnFrames(error as Error).stack?.split('\n') ?? [];
  assert.match(lines[1] as string, /deep1 \(REPL\d+:1:\d+\)/);
  assert.is(lines.length, 3, lines.join('\n'));
});

test('interrupt ends a wait, and nothing when nothing runs', async () => {
  assert.is(evaluator.interrupt(), false);
  const waiting = value('await new Promise(() => {})');
  assert.is(evaluator.interrupt(), true);
  await rejects(() => waiting, Error, /interrupted by `SIGINT`/);
  assert.is(await value('1'), 1);
});

test('the blocking part runs inside of the function that was given', async () => {
  const steps: string[] = [];
  Object.assign(globalThis, { steps });
  const around = <T>(run: () => T): T => {
    steps.push('before');
    const result = run();
    steps.push('after');
    return result;
  };
  await evaluator.run("steps.push('in'); await 1; steps.push('later')", around);
  assert.equal(steps, ['before', 'in', 'after', 'later']);
});

test('_ that the user sets stays', async () => {
  await value('_ = 5');
  await value('6');
  assert.is(await value('_'), 5);
});

test.run();
