// TypeScript that is typed in becomes JavaScript: by Node's own means, by the compiler, or not at all, which is said.
import * as nodeModule from 'node:module';
import ts from 'typescript';
import * as assert from 'uvu/assert';
import { isIncomplete } from '../../../../src/cli/repl/evaluator/incomplete.ts';
import { topLevelSource } from '../../../../src/util/user-modules/top-level.ts';
import {
  compilerStripper,
  javaScriptOf,
  nodeStripper,
  type TypeStripper,
} from '../../../../src/util/user-modules/typed-source.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('util/user-modules/typed-source');
type Strip = Parameters<typeof nodeStripper>[0];
const strip = (nodeModule as { stripTypeScriptTypes?: Strip }).stripTypeScriptTypes;
const compiler = compilerStripper(ts);
const strippers: [string, TypeStripper][] = [['the compiler', compiler]];
if (strip === undefined) test.skip("Node's own", `Node ${process.versions.node} has none`);
else strippers.push(["Node's own", nodeStripper(strip, () => compiler)]);

const TYPED: readonly string[] = [
  'const x: number = 3',
  'let a: string | undefined, b: Map<string, number[]>',
  'interface A { a: number }',
  'type A = { a: 1 } & B',
  'function f<T extends object>(this: Date, x: T, y?: number): x is T { return true }',
  'const g = async <T,>(x: T): Promise<T> => x',
  "await view.pull<number>('a')",
  "new Map<string, Array<number>>([['a', [1]]])",
  'x as unknown as number',
  'const o = { a: 1 } satisfies Record<string, number>',
  'value!.field',
  "import type { Client } from 'directview'; import { join, type ParsedPath } from 'node:path'",
  'abstract class A<T> { private readonly x: T; declare y: number; abstract f(): void }',
  'enum Color { red, green }',
  'class P { constructor(private x: number) {} }',
  'namespace N { export const one = 1 }',
  'for (const x of xs as number[]) { console.log(x) }',
];

for (const [name, stripper] of strippers) {
  test(`${name}: TypeScript becomes JavaScript`, () => {
    for (const code of TYPED) topLevelSource(javaScriptOf(code, () => stripper));
  });

  test(`${name}: JavaScript stays as it is, to the letter`, () => {
    const plain = [
      'const x = 3',
      'a < b',
      'f(a < b, c)',
      '{ a: 1 }',
      'x ? y : z',
      'label: for (;;) break label',
      'a > (b)',
    ];
    for (const code of plain)
      assert.is(
        javaScriptOf(code, () => stripper),
        code,
      );
  });

  test(`${name}: type arguments are types, where JavaScript would compare`, () => {
    const code = javaScriptOf("await view.pull<number>('a') + rc.gather<Array<string>>('b')", () => stripper);
    assert.is(code.replaceAll(/\s|;/g, ''), "awaitview.pull('a')+rc.gather('b')");
  });

  test(`${name}: an unused import of a value stays`, () => {
    assert.match(
      javaScriptOf("import { join } from 'node:path'; const a: number = 1", () => stripper),
      /import \{ join \}/,
    );
  });

  test(`${name}: text that is neither is left to its parser, and TypeScript that is wrong is told`, () => {
    for (const code of ['a b', '"abc', 'foo)'])
      assert.is(
        javaScriptOf(code, () => stripper),
        code,
      );
    throws(
      () => javaScriptOf('const x: number = = 3', () => stripper),
      SyntaxError,
      /Expression expected|Unexpected token/,
    );
  });

  test(`${name}: TypeScript that goes on is told from wrong text`, () => {
    const open = [
      'interface A {',
      'type A = {\n a: number',
      'const f = async (a: string,',
      'function f(x: number): number {',
      'class A { private x: number;',
      'enum E {',
    ];
    for (const code of open)
      assert.is(
        isIncomplete(code, () => stripper),
        true,
        code,
      );
    const whole = [...TYPED, 'a b', '"abc', 'foo)', 'f(1 2', 'x: = 5', 'const x: number', 'a b {}'];
    for (const code of whole)
      assert.is(
        isIncomplete(code, () => stripper),
        false,
        code,
      );
  });
}

test('without a reader TypeScript is refused by name, and JavaScript is not touched', () => {
  const none = (code: string) => javaScriptOf(code, () => undefined);
  throws(() => none('const x: number = 3'), SyntaxError, /looks like TypeScript.*npm install typescript/);
  throws(() => none('interface A { a: 1 }'), SyntaxError, /npm install typescript/);
  assert.is(none('a b'), 'a b');
  assert.is(none('f(a < b, c > (d))'), 'f(a < b, c > (d))');
});

test.run();
