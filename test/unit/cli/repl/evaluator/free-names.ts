import * as assert from 'uvu/assert';
import { freeNames } from '../../../../../src/cli/repl/evaluator/free-names.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/evaluator/free-names');
const of = (text: string) => [...freeNames(text)].sort();

for (const [what, text, names] of [
  [
    'parameters and locals are bound',
    '((x, ...rest) => { const y = x + k; let z; var v; return [y, z, v, rest] })',
    ['k'],
  ],
  ['patterns, default values', '(({ a, b: [c] = d }, e = f) => a + c + e)', ['d', 'f']],
  ['properties are no names', '(() => o.p.q + { k: 1, m, [n]: 2 }.k)', ['m', 'n', 'o']],
  [
    'var and functions are bound in the whole function',
    '(function () { if (a) { var b = 1; function c() {} } return [b, c] })',
    ['a'],
  ],
  ['let is bound in its block alone', '(() => { { let a; a } return a })', ['a']],
  [
    'heads of loops',
    '(() => { for (const i of xs) i; for (let j = 0; j < n; j++) j; for (const k in o) k; return i })',
    ['i', 'n', 'o', 'xs'],
  ],
  ['a function knows its own name and arguments', '(function fac(n) { return arguments.length + fac(n - 1) })', []],
  [
    'classes: parents, fields, computed keys, static blocks',
    '(class A extends B { x = k; static y = A.z; [m]() { super.m(); } static { s } })',
    ['B', 'k', 'm', 's'],
  ],
  ['catch', '(() => { try { f() } catch (error) { return error } })', ['f']],
  ['an assignment alone reads nothing; others do', '(() => { a = 1; b += 1; c++; [d] = [1] })', ['b', 'c', 'd']],
  ['labels', '(() => { outer: for (;;) break outer; })', []],
  ['methods as they travel', '(({ async *"f"(x) { yield* g(x) } })["f"])', ['g']],
  [
    'a program: its own names are bound',
    'const a = b; import { c } from "m"; function f() { return a + c + d } class K {} f(new K())',
    ['b', 'd'],
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
  ['templates, optional calls, new', '(() => `${a}${b?.(c)}${new D()}`)', ['D', 'a', 'b', 'c']],
  ['await at the top level', 'await f(x)', ['f', 'x']],
  ['text that does not parse', '(() => ', []],
] as const) {
  test(what, () => assert.equal(of(text), names));
}

test.run();
