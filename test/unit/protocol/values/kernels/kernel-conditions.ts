import * as assert from 'uvu/assert';
import { kernelText, parseKernel } from '../../../../../src/protocol/values/kernels/kernel-source.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('protocol/values/kernel-conditions');
/** The body as gpu.js gets it. */
const bodyOf = (fn: string) =>
  kernelText(parseKernel(new Function(`return (${fn})`)()), []).replace(/^function [^(]*\([^)]*\) /, '');

test('a number as a condition is compared with 0', () => {
  assert.is(bodyOf('function (b, x) { if (b) { return x; } return 0; }'), '{ if ((b != 0)) { return x; } return 0; }');
  assert.is(bodyOf('(b) => b ? 1 : 2'), '{ return (b != 0) ? 1 : 2; }');
  assert.is(bodyOf('(b) => !b ? 1 : 2'), '{ return !(b != 0) ? 1 : 2; }');
  assert.is(bodyOf('(a, b) => a || b && a > 1 ? 1 : 2'), '{ return (a != 0) || (b != 0) && a > 1 ? 1 : 2; }');
  assert.is(bodyOf('(a) => a[this.thread.x % 2] ? 1 : 2'), '{ return (a[this.thread.x % 2] != 0) ? 1 : 2; }');
  assert.is(bodyOf('(a) => { while (a - 1) { a = 1; } return a; }'), '{ while ((a - 1 != 0)) { a = 1; } return a; }');
});

test('what is true or false by its form stays, and so do variables that hold it', () => {
  for (const body of [
    '{ return a > 1 ? 1 : 2; }',
    '{ for (let i = 0; i < a; i++) { a = a; } return a; }',
    '{ const big = a > 1; if (big && a < 3) { return 1; } return 0; }',
    '{ let on = false; on = !on; const too = on; return too ? 1 : 0; }',
    '{ return a * (a + 1); }',
  ]) {
    assert.is(bodyOf(`function (a) ${body}`), body);
  }
});

test.run();
