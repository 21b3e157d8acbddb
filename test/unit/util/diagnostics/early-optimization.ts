import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { earlyOptimizationFlag } from '../../../../src/util/diagnostics/early-optimization.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('util/early-optimization');
const MODULE = new URL('../../../../src/util/diagnostics/early-optimization.js', import.meta.url).href;

/** Counts the calls of a fresh function until TurboFan, which compiles at once here, has made it fast. */
const COUNT = `
  function work(a, b) { return a.x + b * 2 + (a.x > b ? 1 : 0); }
  const isFast = new Function('fn', 'return %ActiveTierIsTurbofan(fn)');
  const each = { x: 3 };
  let calls = 0;
  for (; calls < 1e6 && !isFast(work); calls++) work(each, calls % 7);
  console.log(calls);
`;

function callsUntilFast(before: string): { readonly calls: number; readonly stderr: string } {
  const flags = ['--allow-natives-syntax', '--no-concurrent-recompilation', '--input-type=module'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--eval', `${before}\n${COUNT}`], {
    encoding: 'utf8',
  });
  return { calls: Number(stdout), stderr };
}

test('functions become fast after fewer calls; V8 knows the flag', () => {
  const early = callsUntilFast(`(await import(${JSON.stringify(MODULE)})).optimizeEarly();`);
  assert.is(early.stderr, '');
  assert.ok(early.calls > 0);
  const late = callsUntilFast('');
  assert.ok(late.calls < 1e6);
  assert.ok(early.calls < late.calls / 2, `${early.calls} and ${late.calls} calls`);
});

test('a version of Node whose flag is not known keeps what it has', () => {
  assert.is(earlyOptimizationFlag('21.4.0'), undefined);
  assert.is(earlyOptimizationFlag('20.19.1'), '--interrupt-budget=10000');
  for (const version of ['22.3.0', '24.1.0', '26.0.0'])
    assert.is(earlyOptimizationFlag(version), '--invocation-count-for-turbofan=500');
});

test.run();
