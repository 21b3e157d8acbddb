// The environment of an engine: what passes, and what is added.
import * as assert from 'uvu/assert';
import { allocatorEnv, engineEnv } from '../../../../src/cluster/launchers/engine-env.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engine environment');

test('passes what is on the list, and keeps tokens of the shell', () => {
  const env = engineEnv({ PATH: '/bin', CUDA_VISIBLE_DEVICES: '1', API_TOKEN: 'secret' }, 2, {});
  assert.is(env['PATH'], '/bin');
  assert.is(env['CUDA_VISIBLE_DEVICES'], '1');
  assert.not('API_TOKEN' in env);
  assert.is(env['OMP_NUM_THREADS'], '2');
});

test("the caller's variables win over the limits", () => {
  assert.is(engineEnv({}, 2, { MALLOC_TRIM_THRESHOLD_: '1', OMP_NUM_THREADS: '3' })['MALLOC_TRIM_THRESHOLD_'], '1');
  assert.is(engineEnv({}, 2, { OMP_NUM_THREADS: '3' })['OMP_NUM_THREADS'], '3');
});

test('tensors stay on the heap where glibc is known to allow it', () => {
  assert.equal(allocatorEnv('2.36'), {
    MALLOC_MMAP_THRESHOLD_: '268435456',
    MALLOC_TRIM_THRESHOLD_: '536870912',
  });
  assert.equal(allocatorEnv('3.0'), allocatorEnv('2.36'));
  for (const version of ['2.35', '2.4', '1.99', '']) assert.equal(allocatorEnv(version), {}, version);
});

test.run();
