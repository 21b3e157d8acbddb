// Built-in functions by an expression that gives them on an engine.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as assert from 'uvu/assert';
import { type Body, decodeBody, encodeCall, type Revivers } from '../../../../src/protocol/codec.ts';
import { builtIn } from '../../../../src/protocol/values/built-ins.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('built-ins');
const evaluate = (expression: string): unknown => new Function(`return (${expression})`)();
const revivers: Revivers = { fn: () => 'source', ref: evaluate, module: () => 'module' };

const BUILT_INS = [
  Math.sqrt,
  Math.max,
  Number,
  String,
  Boolean,
  parseInt,
  JSON.stringify,
  Object.keys,
  Array.isArray,
  Number.parseFloat,
  Date.now,
  process.cwd,
  process.memoryUsage,
  console.log,
  encodeURIComponent,
  os.cpus,
  os.hostname,
  path.basename,
  fs.existsSync,
  structuredClone,
];

for (const fn of BUILT_INS as ((...args: never[]) => unknown)[]) {
  test(`as the function to call: ${fn.name}`, () => {
    assert.is(evaluate(builtIn(fn)?.expression ?? ''), fn);
    const { body } = encodeCall('apply', { fn, args: [] });
    assert.is((decodeBody(body as Body, revivers) as { fn: unknown }).fn, fn);
  });
}

test('other values are none', () => {
  for (const value of [() => 1, class A {}, (() => 1).bind(null), 5, null, 'Math.sqrt', [].map]) {
    assert.is(builtIn(value), undefined);
  }
});

test.run();
