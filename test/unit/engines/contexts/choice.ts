// Choosing a context without a GPU: what is taken, what is refused and how that reads, and that it stays cheap.
import * as assert from 'uvu/assert';
import { probeAll, probeContext } from '../../../../engines/contexts/index.ts';
import { ContextError } from '../../../../src/errors.ts';
import type { DeviceChoice } from '../../../../src/protocol/engine-options.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('choice of a context');
const options = { threads: 1 };
const probes = await probeAll(options);

test('a choice that does not exist lists those that do', async () => {
  await rejects(
    () => probeContext('metal' as DeviceChoice, options),
    ContextError,
    /unknown device metal: one of auto, webgpu/,
  );
});

for (const kind of ['webgpu', 'headlessgl', 'tensorflow'] as const) {
  const probe = probes[kind];
  if (probe.ok) test.skip(`refuses ${kind}`, `${kind} can be opened here`);
  else {
    test(`${kind} cannot be had here, and the error says what is missing`, async () => {
      const error = await rejects(() => probeContext(kind, options), ContextError, /cannot be opened/);
      assert.match(error.message, kind === 'webgpu' ? /Vulkan|software/ : /npm /);
    });
  }
}

test('a GPU index is not ignored when there is no such card', async () => {
  await rejects(() => probeContext('webgpu', { ...options, gpu: 99 }), ContextError, /GPU 99 does not exist/);
});

if (probes.webgpu.ok) test.skip('auto without a GPU', 'this machine has a GPU');
else {
  test('auto takes tensorflow where its binding is, else wasm, and reports it', async () => {
    const { report } = await probeContext('auto', options);
    assert.is(report.kind, probes.tensorflow.ok ? 'tensorflow' : 'wasm');
    assert.is(report.threads, 1);
    assert.is(report.versions['node'], process.versions.node);
  });
}

test('cpu and wasm are always there', async () => {
  assert.is((await probeContext('cpu', options)).report.matmul, 'reference');
  assert.is((await probeContext('wasm', options)).report.tfBackend, 'wasm');
});

test.run();
