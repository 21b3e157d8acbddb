// Faults that gpu.js does not compile are told with line and column.
import * as assert from 'uvu/assert';
import { kernelHints } from '../../../../engines/device/kernel-hints.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/kernel-hints');

const CASES: readonly (readonly [source: string, ...hints: RegExp[]])[] = [
  [
    'function (a) {\n  let s = 0;\n  for (let i = 0; i < a.length; i++) s += a[i];\n  return s;\n}',
    /^line 3, column 23: arrays have no length/,
  ],
  ['function (a) {\n  const { x, y } = a;\n  return x + y;\n}', /^line 2, column 9: only this\.thread/],
  ['function (a) {\n  return a > 1;\n}', /^line 2, column 3: the kernel returns true or false/],
  ['function (a) { return !a; }', /^line 1, column 16: the kernel returns true or false/],
  ['function (a) { return a > 1 && a < 3; }', /returns true or false/],
  ['function (a) {\n  let b = a;\n}', /^line 1, column 1: the kernel returns nothing/],
  ['function f(n) {\n  if (n < 1) return 1;\n  return n * f(n - 1);\n}', /^line 3, column 14: f calls itself/],
  ['function (a) { return isNaN(a) ? 1 : 0; }', /^line 1, column 23: isNaN does not compile everywhere/],
  ['function (a) { return NaN; }', /^line 1, column 23: NaN has no name/],
  ['function (a) { return Math.hypot(a, a); }', /^line 1, column 23: Math\.hypot/],
  ['function (a) { return nope(a); }', /^line 1, column 23: nope is not a function of the kernel.*functions: \[nope\]/],
  ['function (a) { a[0] = 1; return a[0]; }', /^line 1, column 16: the kernel writes into its argument a/],
  ['function (a) { a[0][1]++; return 1; }', /writes into its argument a/],
  ['function (a) { return nope(a.length); }', /nope is not/, /no length/],
];

/** These compile, at least in one mode, and get no hints. */
const GOOD: readonly string[] = [
  'function (a) { const { x } = this.thread; return a[x]; }',
  'function (a) { const b = [1, 2]; b[0] = 3; let k = 1; k++; return a + b[0] + Math.sqrt(k) + square(a); }',
  'function (a) { function inner(x) { return x; } return inner(a); }',
  'function (a) { return a > 1 ? 1 : 0; }',
  'function (a) { const [x, y] = a; return x + y; }',
  'function (a) { if (a > 1) { return 1; } return 0; }',
  'function square2(a) { return square(a); }',
];

for (const [source, ...wanted] of CASES) {
  test(`hints at ${source.replace(/\s+/g, ' ')}`, () => {
    const hints = kernelHints(source, ['square']).sort(
      (a, b) => wanted.findIndex((w) => w.test(a)) - wanted.findIndex((w) => w.test(b)),
    );
    assert.is(hints.length, wanted.length, hints.join('\n'));
    for (const [i, hint] of wanted.entries()) assert.match(hints[i] as string, hint);
  });
}

for (const source of GOOD) test(`no hints at ${source}`, () => assert.equal(kernelHints(source, ['square']), []));

test.run();
