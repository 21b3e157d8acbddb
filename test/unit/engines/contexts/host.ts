// Contexts without a GPU, beside multiplying: tensors in and out of tfjs and gpu.js, memory, errors.
import * as assert from 'uvu/assert';
import type { ContextKind, GpuContext } from '../../../../engines/contexts/context.ts';
import { probeAll, probeContext } from '../../../../engines/contexts/index.ts';
import { ContextError } from '../../../../src/errors.ts';
import { tensor } from '../../../../src/tensor/convert.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('host contexts');
const options = { threads: 1 };
const probes = await probeAll(options);
const matrix = tensor(
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  { dtype: 'float32' },
);

async function shares(context: GpuContext): Promise<void> {
  const a = context.upload(matrix);
  const tf = await context.tf();
  const onTF = await context.toTF(a);
  const sum = tf.add(onTF, 1);
  const b = await context.fromTF(sum);
  tf.dispose([onTF, sum]);
  assert.equal((await b.toHost()).toNested(), [
    [2, 3],
    [4, 5],
    [6, 7],
  ]);
  assert.equal((await a.toHost()).toNested(), matrix.toNested());
  const gpu = await context.gpu();
  const twice = gpu.createKernel('function twice(x) { return x[this.thread.y][this.thread.x] * 2; }' as never, {
    output: [2, 3],
  }) as unknown as (x: unknown) => unknown;
  const c = await context.fromGpuJs(await twice(await context.toGpuJs(b)));
  assert.equal((await c.toHost()).toNested(), [
    [4, 6],
    [8, 10],
    [12, 14],
  ]);
  assert.is(context.memory().buffers, 3);
  for (const t of [a, b, c]) t.free();
  a.free();
  assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  await rejects(() => a.toHost(), ContextError, /after it was freed/);
}

for (const kind of ['cpu', 'wasm', 'tensorflow'] as ContextKind[]) {
  const probe = probes[kind];
  if (!probe.ok) {
    test.skip(kind, probe.reason);
    continue;
  }
  test(`${kind} passes tensors to tfjs and gpu.js and back, and ends with no memory held`, async () => {
    const context = await (await probeContext(kind, options)).open();
    await shares(context);
    const kept = context.upload(matrix);
    await context.close();
    await context.close();
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
    await rejects(() => kept.toHost(), ContextError);
    throws(() => context.upload(matrix), ContextError, /closed/);
  });
}

test('a gpu.js kernel that falls back to another mode is an error', async () => {
  const context = await (await probeContext('wasm', options)).open();
  const gpu = await context.gpu();
  const kernel = gpu.createKernel('function paint() { this.color(1, 0, 0, 1); }' as never, {
    output: [4, 4],
    graphical: true,
  }) as unknown as () => unknown;
  await rejects(async () => kernel(), Error);
  await context.close();
});

test.run();
