// The webgpu context on software Vulkan: one device for three libraries, no host copies between them, memory counted to
// zero, a lost device, a full device.
import * as assert from 'uvu/assert';
import type { MovedBytes } from '../../../../engines/contexts/context.ts';
import { probeContext } from '../../../../engines/contexts/index.ts';
import { WebGpuContext } from '../../../../engines/contexts/webgpu/webgpu.ts';
import { difference } from '../../../../kernels/matmul/product-check.ts';
import { referenceMatmul } from '../../../../kernels/matmul/reference.ts';
import { ContextError } from '../../../../src/errors.ts';
import { tensor } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { matrix } from '../../../support/cases/pdot.ts';
import { inSoftwareGpu } from '../../../support/software-gpu.ts';
import { suite } from '../../../support/suite.ts';

const options = { threads: 1, softwareGpu: true };
const A = tensor(
  [
    [1, 2],
    [3, 4],
  ],
  { dtype: 'float32' },
);

/** Counts the buffers mapped for reading while `run` is going on. */
async function readbacks(run: () => Promise<void>): Promise<number> {
  const original = GPUBuffer.prototype.mapAsync;
  let count = 0;
  GPUBuffer.prototype.mapAsync = function (...args) {
    count += 1;
    return original.apply(this, args);
  };
  try {
    await run();
  } finally {
    GPUBuffer.prototype.mapAsync = original;
  }
  return count;
}

if (await inSoftwareGpu(import.meta.url, 'webgpu context')) {
  const test = suite('webgpu context');
  let context: WebGpuContext;
  test.before(async () => {
    context = await WebGpuContext.open(options);
  });
  test.after(() => context.close());

  test('auto takes the software adapter only when asked to', async () => {
    assert.is((await probeContext('auto', options)).report.kind, 'webgpu');
    await rejects(() => probeContext('webgpu', { threads: 1 }), ContextError, /only WebGPU adapter is software/);
  });

  test('the report names the adapter, its limits and features', () => {
    const { report } = context;
    assert.is(report.software, true);
    assert.match(report.adapter, /swiftshader/i);
    assert.ok(report.features.includes('subgroups'));
    assert.is(report.limits['maxStorageBufferBindingSize'], context.device.limits.maxStorageBufferBindingSize);
    assert.is(report.versions['webgpu'], '0.6.2');
  });

  test('a GPU index that does not exist names those that do', async () => {
    await rejects(
      () => probeContext('webgpu', { ...options, gpu: 3 }),
      ContextError,
      /GPU 3 does not exist.*0: SwiftShader/,
    );
    assert.is((await probeContext('webgpu', { ...options, gpu: 0 })).report.software, true);
  });

  test('gpu.js → GEMM → tfjs → GEMM → gpu.js on one device, without one readback', async () => {
    const tf = await context.tf();
    const gpu = await context.gpu();
    const settings = { output: [2, 2], pipeline: true, immutable: true };
    const twice = gpu.createKernel(
      'function twice(x) { return x[this.thread.y][this.thread.x] * 2; }' as never,
      settings,
    ) as unknown as (x: unknown) => Promise<{ context: { device: GPUDevice } }>;
    const a = context.upload(A);
    let last = a;
    const count = await readbacks(async () => {
      const handle = await twice(await context.toGpuJs(a));
      assert.is(handle.context.device, context.device);
      const doubled = await context.fromGpuJs(handle);
      const squared = await context.matmul(doubled, a);
      const shared = await context.toTF(squared);
      const plus = tf.add(shared, 1);
      const back = await context.fromTF(plus);
      const product = await context.matmul(back, a);
      last = await context.fromGpuJs(await twice(await context.toGpuJs(product)));
      tf.dispose([shared, plus]);
      for (const t of [doubled, squared, back, product]) t.free();
    });
    assert.is(count, 0);
    assert.is((tf.backend() as unknown as { device: GPUDevice }).device, context.device);
    // (2A·A + 1)·A·2
    assert.equal((await last.toHost()).toNested(), [
      [156, 228],
      [332, 484],
    ]);
    for (const t of [a, last]) t.free();
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('rows that are no whole vec4s are multiplied by way of copies, which do not stay', async () => {
    for (const [m, k, n] of [
      [257, 259, 258],
      [260, 261, 256],
      [255, 256, 257],
    ] as const) {
      for (const dtype of ['float32', 'int32', 'float16'] as const) {
        const [a, b] = [matrix(dtype, [m, k]), matrix(dtype, [k, n], 2)];
        const held = [context.upload(a), context.upload(b)];
        held.push(await context.matmul(held[0]!, held[1]!));
        assert.is(difference(await held[2]!.toHost(), a, b), undefined, `${dtype} ${m}×${k}×${n}`);
        for (const one of held) one.free();
      }
    }
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('memory counts what is alive, float16 and odd sizes included', async () => {
    const half = context.upload(new Tensor('float16', [3], Uint16Array.of(0x3c00, 0x4000, 0x4200)));
    const wide = context.upload(tensor([1, 2, 3]));
    assert.equal(context.memory(), { bytes: 30, buffers: 2 });
    assert.equal((await half.toHost()).toNested(), [1, 2, 3]);
    assert.is((await wide.toHost()).dtype, 'float64');
    for (const t of [half, wide]) t.free();
    half.free();
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
    await rejects(() => half.toHost(), ContextError, /after it was freed/);
  });

  test('bfloat16 multiplies in float32 and rounds once: ties, NaN, infinities, odd sizes, either side transposed', async () => {
    const x = tensor([[1 + 2 ** -7], [2 ** 127], [-3], [Number.NaN], [Number.NEGATIVE_INFINITY]], {
      dtype: 'bfloat16',
    });
    const y = tensor([[1 + 2 ** -7, 2, 0.5]], { dtype: 'bfloat16' });
    const expected = referenceMatmul(x, y);
    for (const [a, b, flags] of [
      [x, y, {}],
      [x.transpose(), y, { transposeA: true }],
      [x, y.transpose(), { transposeB: true }],
    ] as const) {
      const held = [context.upload(a), context.upload(b)] as const;
      const c = await context.matmul(...held, flags);
      assert.equal((await c.toHost()).toNested(), expected.toNested());
      for (const one of [...held, c]) one.free();
    }
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('bytes that pass between host and device are counted, and odd ones are copied once more', async () => {
    const before = context.moved() as MovedBytes;
    const [half, whole] = [
      context.upload(new Tensor('float16', [3])),
      context.upload(tensor([[1, 2]], { dtype: 'float32' })),
    ];
    await whole.toHost();
    const after = context.moved() as MovedBytes;
    assert.equal(
      (['uploaded', 'readBack', 'copied'] as const).map((key) => after[key] - before[key]),
      [14, 8, 2 * 6 + 8 + 8],
    );
    for (const t of [half, whole]) t.free();
  });

  test('a tensor larger than the device gives one buffer is refused before it is copied', () => {
    const huge = new Tensor('float32', [2 ** 28 + 1]);
    throws(() => context.upload(huge), ContextError, /more than this device gives one buffer/);
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('out of device memory is an error, and the context lives on', async () => {
    const a = context.upload(A);
    // Filling a software device would fill this machine: the device's answer is put in its mouth once.
    const { device } = context;
    const pop = device.popErrorScope.bind(device);
    let once = true;
    device.popErrorScope = async () => {
      const real = await pop();
      if (!once) return real;
      once = false;
      return new GPUOutOfMemoryError('full');
    };
    await rejects(() => context.matmul(a, a), ContextError, /out of memory/);
    device.popErrorScope = pop;
    const c = await context.matmul(a, a);
    assert.equal((await c.toHost()).toNested(), [
      [7, 10],
      [15, 22],
    ]);
    for (const t of [a, c]) t.free();
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('an idle context does not poll', async () => {
    const a = context.upload(A);
    await a.toHost();
    a.free();
    const original = globalThis.setImmediate;
    let polls = 0;
    globalThis.setImmediate = ((...args: Parameters<typeof setImmediate>) => {
      polls += 1;
      return original(...args);
    }) as typeof setImmediate;
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.setImmediate = original;
    assert.is(polls, 0);
  });

  test('a lost device is a named error for its tensors; the next use opens it again', async () => {
    const lost = context.upload(A);
    const before = context.device;
    before.destroy();
    await before.lost;
    await rejects(() => lost.toHost(), ContextError, /GPU device was lost/);
    await rejects(() => context.matmul(lost, lost), ContextError, /GPU device was lost/);
    const a = context.upload(A);
    const c = await context.matmul(a, a);
    assert.is.not(context.device, before);
    assert.equal((await c.toHost()).toNested(), [
      [7, 10],
      [15, 22],
    ]);
    const tf = await context.tf();
    const shared = await context.toTF(c);
    assert.equal(Array.from(await tf.add(shared, 1).data()), [8, 11, 16, 23]);
    const gpu = await context.gpu();
    const kernel = gpu.createKernel('function f(x) { return x[this.thread.x] + 1; }' as never, {
      output: [2],
    }) as unknown as (x: unknown) => Promise<Float32Array>;
    assert.equal(Array.from(await kernel([1, 2])), [2, 3]);
    for (const t of [lost, a, c]) t.free();
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test.run();
}
