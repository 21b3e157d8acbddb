// Functions of common builds find the helpers of their compiler: tsc's with the compiler itself, esbuild's by its output.

import ts from 'typescript';
import * as assert from 'uvu/assert';
import { helpersIn } from '../../../../../engines/user-code/compilers/helpers.ts';
import { Evaluator } from '../../../../../engines/user-code/evaluate.ts';
import { UserNamespace } from '../../../../../engines/user-code/namespace.ts';
import { startRequire } from '../../../../../engines/user-code/start-folder.ts';
import { functionSource } from '../../../../../src/protocol/values/functions.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('compiler helpers');
const namespace = new UserNamespace(() => 'engine 3');
Object.assign(globalThis, { require: startRequire });
namespace.markBaseline();
const evaluator = new Evaluator(namespace, () => 'engine 3');
const call = (source: string, ...args: unknown[]) => (evaluator.fn(source) as (...args: unknown[]) => unknown)(...args);

/** [what, source of a function in TypeScript, its value] */
const PROGRAMS: [string, string, unknown][] = [
  ['async function', 'async (x: number) => (await Promise.resolve(x)) + 1', 6],
  ['dynamic import', "async (x: number) => (await import('node:path')).join('a', String(x))", 'a/5'],
  ['default of a dynamic import', "async () => (await import('node:path')).default.sep", '/'],
  ['spread', '(x: number) => ({ ...{ a: 1 }, x, y: [...[1], x] })', { a: 1, x: 5, y: [1, 5] }],
  ['rest', '(x: number) => { const { a, ...rest } = { a: 1, b: 2, x }; return rest }', { b: 2, x: 5 }],
  [
    'private field',
    'async (x: number) => { class A { #x = 1; get() { return this.#x++ + this.#x + x } } return new A().get() }',
    8,
  ],
  [
    'private method',
    'async (x: number) => { class A { #m() { return x } static has(o: object) { return #m in o } get() { return this.#m() } } return [new A().get(), A.has(new A())] }',
    [5, true],
  ],
  ['class field', '(x: number) => { class A { y = x; static z = 2 } return new A().y + A.z }', 7],
  ['generator', '(x: number) => { function* g() { yield x; yield* [1] } return [...g()] }', [5, 1]],
  [
    'for await',
    'async (x: number) => { let s = 0; for await (const y of [x, Promise.resolve(1)]) s += y; return s }',
    6,
  ],
  [
    'async generator',
    'async (x: number) => { async function* g() { yield x; yield* h() } async function* h() { yield 1; return 2 } const all = []; for await (const y of g()) all.push(y); return all }',
    [5, 1],
  ],
  [
    'using',
    "(x: number) => { const log: string[] = []; { using a = { [Symbol.dispose]() { log.push('end') } }; log.push('x' + x) } return log }",
    ['x5', 'end'],
  ],
  [
    'derived class',
    '(x: number) => { class A { m() { return x } } class B extends A { m() { return super.m() + 1 } } return new B().m() }',
    6,
  ],
  ['tagged template', '(x: number) => ((s: TemplateStringsArray) => s.raw[0] + x)`a\\n`', 'a\\n5'],
  ['optional chaining', '(x: number) => ({ x } as { x?: number })?.x ?? 1', 5],
  [
    'decorators',
    '(x: number) => { const log: string[] = []; const d: any = (_: unknown, c: any) => { log.push(c.kind); return c.kind === "field" ? (v: number) => v + 1 : undefined }; @d class A { @d y = x; @d m() { return this.y } } return [new A().m(), log] }',
    [6, ['method', 'field', 'class']],
  ],
];

const { ES5, ES2015, ES2017, ES2022 } = ts.ScriptTarget;
for (const target of [ES5, ES2015, ES2017, ES2022]) {
  for (const module of [ts.ModuleKind.CommonJS, ts.ModuleKind.ESNext]) {
    for (const importHelpers of [false, true]) {
      for (const [what, program, value] of PROGRAMS) {
        // At ES5 it is a variable of the module.
        if (target === ES5 && what === 'tagged template') continue;
        const options = { target, module, importHelpers, downlevelIteration: true, esModuleInterop: true };
        test(`tsc ${ts.ScriptTarget[target]} ${ts.ModuleKind[module]} ${importHelpers ? 'tslib' : 'inline'}: ${what}`, async () => {
          const { outputText } = ts.transpileModule(`export {}; const f = ${program};`, { compilerOptions: options });
          // The helpers stand above the function in its module: its own text does not have them.
          const body = outputText.replace(/^(import|export) .*$/gm, '');
          const fn = new Function('require', 'exports', `${body}\nreturn f;`)(startRequire, {}) as () => unknown;
          const source = functionSource(fn);
          assert.equal(await call(source, 5), value, source);
        });
      }
    }
  }
}

/** [what, source as esbuild and tsx print it, value] */
const ESBUILD: [string, string, unknown][] = [
  ['__name', '(x) => { const f = /* @__PURE__ */ __name(() => x, "f"); return f() }', 5],
  ['__async', '(x) => __async(null, null, function* () { return (yield Promise.resolve(x)) + 1; })', 6],
  [
    '__async catches',
    '() => __async(null, null, function* () { try { yield Promise.reject(new Error("no")) } catch (e) { return e.message } })',
    'no',
  ],
  ['__spreadProps', '(x) => __spreadProps(__spreadValues({ a: 1 }, { b: x }), { c: 3 })', { a: 1, b: 5, c: 3 }],
  ['__objRest', '(x) => { var _a = { a: 1, b: x }, { a } = _a, rest = __objRest(_a, ["a"]); return rest }', { b: 5 }],
  ['__publicField', '(x) => { class A { constructor() { __publicField(this, "y", x) } } return new A().y }', 5],
  [
    'private fields',
    '(x) => { var _x, _A_instances, m_fn; class A { constructor() { __privateAdd(this, _A_instances); __privateAdd(this, _x, 1); __privateSet(this, _x, __privateGet(this, _x) + x) } get() { __privateWrapper(this, _x)._++; return __privateMethod(this, _A_instances, m_fn).call(this) } } _x = new WeakMap(); _A_instances = new WeakSet(); m_fn = function() { return __privateGet(this, _x) }; return new A().get() }',
    7,
  ],
  [
    '__forAwait',
    '() => __async(null, null, function* () { let s = 0; try { for (var iter = __forAwait([1, Promise.resolve(2)]), more, temp, error; more = !(temp = yield iter.next()).done; more = false) { const y = temp.value; s += y } } catch (temp2) { error = [temp2] } finally { try { more && (temp = iter.return) && (yield temp.call(iter)) } finally { if (error) throw error[0] } } return s })',
    3,
  ],
  [
    '__asyncGenerator',
    '() => { function h() { return __asyncGenerator(this, null, function* () { yield 1; return 2 }) } function g() { return __asyncGenerator(this, null, function* () { const r = yield* __yieldStar(h()); yield r + (yield new __await(Promise.resolve(3))) }) } return (async () => { const all = []; for await (const y of g()) all.push(y); return all })() }',
    [1, 5],
  ],
  [
    '__using',
    '(x) => { const log = []; var _stack = []; try { const a = __using(_stack, { [Symbol.dispose]() { log.push("end") } }); log.push(x) } catch (_) { var _error = _, _hasError = true } finally { __callDispose(_stack, _error, _hasError) } return log }',
    [5, 'end'],
  ],
  [
    '__using, await',
    'async (x) => { const log = []; var _stack = []; try { const a = __using(_stack, { async [Symbol.asyncDispose]() { log.push("end") } }, true); throw new Error("body") } catch (_) { var _error = _, _hasError = true } finally { try { var _promise = __callDispose(_stack, _error, _hasError); _promise && await _promise } catch (e) { log.push(e.message) } } return log }',
    ['end', 'body'],
  ],
  ['__pow', '(x) => __pow(x, 2)', 25],
  ['__template', '() => { var _a; return ((s) => s.raw[0])(_a || (_a = __template(["x\\n"], ["x\\\\n"]))) }', 'x\\n'],
  [
    '__toESM',
    '() => Promise.resolve().then(() => __toESM(require("node:path"))).then((m) => m.default.sep + m.join("a", "b"))',
    '/a/b',
  ],
  ['vitest', '() => __vite_ssr_dynamic_import__("node:path").then((m) => m.sep)', '/'],
];

for (const [what, source, value] of ESBUILD) {
  test(`esbuild: ${what}`, async () => assert.equal(await call(source, 5), value));
}

test('only names that are mentioned and known are in scope', () => {
  const load = () => Promise.resolve();
  assert.equal([...helpersIn('() => __name(x) + __nope + a.__read + "__values"', load).keys()], ['__name']);
  assert.equal(helpersIn('() => 1', load).size, 0);
});

test.run();
