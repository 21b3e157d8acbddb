// The evaluator's globals, and which of them the functions of calls use.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { findCorners } from '../../../../../kernels/index.ts';
import { LocalEvaluator } from '../../../../../src/cli/repl/evaluator/local-evaluator.ts';
import { NotebookNames } from '../../../../../src/cli/repl/evaluator/notebook-names.ts';
import { NotSerializableError } from '../../../../../src/errors.ts';
import { decodeBody } from '../../../../../src/protocol/codec.ts';
import type { TravellingName } from '../../../../../src/protocol/travelling-names.ts';
import { throws } from '../../../../support/assert.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/evaluator/notebook-names');
const evaluator = new LocalEvaluator({ given: 7 });
const names = new NotebookNames(evaluator);
const REVIVERS = { fn: (source: string) => source, ref: (name: string) => name } as never;
const evaluate = async (code: string) => (await evaluator.run(code)).value;

/** The names that a call of the code's function takes along. */
async function found(code: string): Promise<readonly TravellingName[]> {
  return names.find({ fn: await evaluate(code), args: [] }) ?? [];
}
const namesOf = (list: readonly TravellingName[]) => list.map(({ name }) => name);

test('values, and what functions use that are used, those first', async () => {
  await evaluate('nn1 = 3; nn2 = (x) => x + nn1; nn3 = { deep: [nn2] }');
  assert.equal(namesOf(await found('(x) => nn3.deep[0](x)')), ['nn1', 'nn3']);
  assert.equal(await found('(nn1) => nn1'), []);
  assert.equal(await found('() => Math.max(1, console.length)'), []);
  assert.equal(
    names.find({ names: ['f'], values: [findCorners] }),
    undefined,
    'functions of this package are on engines',
  );
});

test('functions that call each other; classes after their parents', async () => {
  await evaluate(
    'function even1(n) { return n === 0 || odd1(n - 1) } function odd1(n) { return n > 0 && even1(n - 1) }',
  );
  assert.equal(namesOf(await found('(n) => even1(n)')).sort(), ['even1', 'odd1']);
  await evaluate('class Base1 {} class Derived1 extends Base1 {}');
  assert.equal(namesOf(await found('() => new Derived1()')), ['Base1', 'Derived1']);
});

test('a version changes with the value, also inside, and only then', async () => {
  await evaluate('list1 = [1]');
  const version = async () => (await found('() => list1'))[0]?.version;
  const before = await version();
  assert.is(await version(), before);
  await evaluate('list1.push(2)');
  assert.is.not(await version(), before);
  await evaluate('list1 = [1]');
  assert.is(await version(), before);
});

test('a parent that has changed is a change of the class', async () => {
  await evaluate('class P2 {} class D2 extends P2 {}');
  const version = async () => (await found('() => D2')).at(-1)?.version;
  const before = await version();
  await evaluate('class P2 { m() {} }');
  assert.is.not(await version(), before);
});

test('imports and modules of Node travel as imports', async () => {
  await evaluate(
    "import { join as j9 } from 'node:path'; import * as os9 from 'node:os'; const fs9 = require('node:fs')",
  );
  const values = (await found('() => [j9, os9, fs9, path]')).map(({ value }) => value);
  assert.equal(values, [
    { kind: 'import', specifier: 'node:path', exported: 'join' },
    { kind: 'import', specifier: 'node:os', exported: null },
    { kind: 'import', specifier: 'node:fs', exported: 'default' },
    { kind: 'import', specifier: 'node:path', exported: 'default' },
  ]);
  await evaluate('j9 = (a) => a');
  assert.is((await found('() => j9'))[0]?.value.kind, 'value', 'it is no import any more');
});

test('what cannot travel says why', async () => {
  await evaluate("const sock9 = new (require('node:net').Socket)()");
  assert.match(JSON.stringify(await found('() => sock9')), /event emitter \(Socket\) cannot travel/);
  assert.match(JSON.stringify(await found('() => given')), /'given' means something of this process/);
});

test('a local variable with the name of a global is refused, and one without is left alone', async () => {
  await evaluate(
    'const outer9 = 100; const maker9 = (outer9) => (x) => x + outer9; const same9 = (outer9) => () => outer9',
  );
  throws(
    () => names.find({ fn: evaluator.valueNow('maker9(3)'), args: [] }),
    NotSerializableError,
    /'outer9' is a local variable around it.*pass the value as an argument/,
  );
  assert.equal(namesOf(await found('maker9')), []);
  assert.equal(namesOf(await found('same9(100)')), ['outer9'], 'the same value is no danger');
  for (const value of ['NaN', '-0', '5n', 'undefined', 'null', '"x"', 'Symbol.for("s")', 'outer9']) {
    await evaluate(`globalThis.special9 = ${value}`);
    assert.equal(namesOf(await found('((special9) => () => special9)(special9)')), ['special9'], value);
  }
});

test('variables of blocks, loops and functions of a cell travel; those of a block win', async () => {
  const calls = async (code: string) => {
    await evaluate(`calls9 = []; ${code}`);
    const fns = evaluator.valueNow('calls9') as (() => unknown)[];
    return fns.map((fn) => names.find({ fn, args: [] }) ?? []);
  };
  const valuesOf = (list: readonly TravellingName[]) =>
    list.map(({ name, value }) => [name, value.kind === 'value' ? decodeBody(value.body, REVIVERS) : value.kind]);
  const i9s = (await calls('for (const i9 of [1, 2]) calls9.push(() => i9)')).map(valuesOf);
  assert.equal(i9s, [[['i9', 1]], [['i9', 2]]]);
  assert.equal((await calls('for (let i9 = 0; i9 < 2; i9++) calls9.push(() => i9)')).map(valuesOf), [
    [['i9', 0]],
    [['i9', 1]],
  ]);
  const [both] = await calls('{ const { a9, b: [b9 = 7] } = { a9: { x: 1 }, b: [] }; calls9.push(() => [a9, b9]) }');
  assert.equal(valuesOf(both!), [
    ['a9', { x: 1 }],
    ['b9', 7],
  ]);
  const [caught] = await calls('try { null.x } catch (error9) { calls9.push(() => error9.message) }');
  assert.equal(namesOf(caught!), ['error9']);
  const [local] = await calls('const run9 = (p9, ...rest9) => calls9.push((x) => x + p9 + rest9.length); run9(5, 6)');
  assert.equal(valuesOf(local!), [
    ['p9', 5],
    ['rest9', [6]],
  ]);
  const [helper] = await calls(
    'if (true) { const k9 = 3; const helper9 = (x) => x * k9; calls9.push((x) => helper9(x)) }',
  );
  assert.equal(namesOf(helper!), ['k9', 'helper9']);
  const [late] = await calls('await null; for await (const w9 of [8]) calls9.push(() => w9)');
  assert.equal(valuesOf(late!), [['w9', 8]]);
  await evaluate('global9 = 1');
  const [won] = await calls('for (const global9 of [2]) calls9.push(() => global9)');
  assert.equal(valuesOf(won!), [['global9', 2]], 'the loop wins over the global');
  assert.equal(valuesOf(await found('() => global9')), [['global9', 1]]);
  for (const special of ['NaN', '-0', '5n', 'undefined', 'null', '-Infinity']) {
    const [list] = await calls(`for (const s9 of [${special}]) calls9.push(() => s9)`);
    assert.ok(Object.is(valuesOf(list!)[0]?.[1], evaluator.valueNow(special)), special);
  }
});

test('top-level declarations of every form are names; two meanings in one call are refused', async () => {
  await evaluate('const { d9a, ...d9rest } = { d9a: 1, z: 2 }, [d9b, , d9c = 3] = [1, 2]; var d9v = 4; let d9u');
  assert.equal(namesOf(await found('() => [d9a, d9rest, d9b, d9c, d9v, d9u]')), [
    'd9a',
    'd9rest',
    'd9b',
    'd9c',
    'd9v',
    'd9u',
  ]);
  await evaluate('for (var loop9 = 0; loop9 < 3; loop9++); async function* gen9() {} const Named9 = class {}');
  assert.equal(namesOf(await found('() => [loop9, gen9, Named9]')), ['loop9', 'gen9', 'Named9']);
  await evaluate('two9 = []; for (const t9 of [1, 2]) two9.push(() => t9)');
  throws(
    () => names.find({ fn: evaluator.valueNow('two9[0]'), args: [evaluator.valueNow('two9[1]')] }),
    NotSerializableError,
    /functions of one call mean two values by 't9'/,
  );
});

test('functions of modules are left as they are: their own names do not travel', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'dvnames-'));
  writeFileSync(join(dir, 'lib.mjs'), 'const inner = 3; export const scaled = (x) => x * inner;');
  writeFileSync(join(dir, 'lib.cjs'), 'const inner = 3; exports.scaled = (x) => x * inner;');
  for (const file of ['lib.mjs', 'lib.cjs']) {
    const { scaled } = (await import(join(dir, file))) as { scaled: unknown };
    assert.is(names.find({ fn: scaled, args: [] }), undefined, file);
  }
  rmSync(dir, { recursive: true });
});

test('functions anywhere in the arguments, source text of px, parts for each engine', async () => {
  await evaluate('arg9 = 1; code9 = 2');
  const fn = evaluator.valueNow('() => arg9');
  for (const call of [{ fn: Math.max, args: [{ deep: [fn] }] }, { names: ['f'], values: [fn] }, [undefined, { fn }]]) {
    assert.equal(namesOf(names.find(call) ?? []), ['arg9']);
  }
  assert.equal(namesOf(names.find({ code: 'code9 + 1' }) ?? []), ['code9']);
  assert.equal(namesOf(names.find({ code: 'const n: number = code9 as number' }) ?? []), ['code9']);
  assert.is(names.find({ code: 'code9 = 3' }), undefined);
  assert.is(names.find({ code: 'no program (' }), undefined);
});

test('switched off, what engines have is taken back', async () => {
  await evaluate('off9 = 1; never9 = 2');
  const call = { fn: evaluator.valueNow('() => off9 + never9') };
  names.find({ fn: evaluator.valueNow('() => off9') });
  const hidden = names.hide(call) ?? [];
  assert.equal(namesOf(hidden), ['off9']);
  assert.match(JSON.stringify(hidden), '%pxconfig --names');
});

test('later changes of the bytes do not change what has been found', async () => {
  await evaluate('bytes9 = new Float64Array(1000)');
  const [{ value }] = (await found('() => bytes9')) as [TravellingName];
  const hex = () => (value.kind === 'value' ? Buffer.concat(value.body).toString('hex') : '');
  const before = hex();
  assert.ok(before.length > 16_000);
  await evaluate('bytes9.fill(7)');
  assert.is(hex(), before);
});

test.run();
