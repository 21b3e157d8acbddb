// The cuda context on stand-ins for CUDA's libraries (test/support/cuda-stub), which compute on the host when their stream
// runs: products, memory, order of calls, and faults. No card is needed.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import * as assert from 'uvu/assert';
import type { GpuContext, MovedBytes } from '../../../../../engines/contexts/context.ts';
import type { CudaContext } from '../../../../../engines/contexts/cuda/cuda.ts';
import { probeContext } from '../../../../../engines/contexts/index.ts';
import { cudaCachePath, cudaHasPassed } from '../../../../../engines/contexts/measured-cache.ts';
import { difference } from '../../../../../kernels/matmul/product-check.ts';
import { randomMatrix } from '../../../../../kernels/matmul/random.ts';
import { referenceMatmul } from '../../../../../kernels/matmul/reference.ts';
import { transposed } from '../../../../../kernels/matmul/transpose.ts';
import { ContextError } from '../../../../../src/errors.ts';
import { tensor } from '../../../../../src/tensor/convert.ts';
import type { DType } from '../../../../../src/tensor/dtype.ts';
import { Tensor } from '../../../../../src/tensor/tensor.ts';
import { collectGarbage } from '../../../../../src/util/diagnostics/garbage.ts';
import { rejects, throws } from '../../../../support/assert.ts';
import { buildStub, type CudaStub, type StubCount, stubMissing } from '../../../../support/cuda-stub/build.ts';
import { suite } from '../../../../support/suite.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const test = suite('cuda context');
const options = { threads: 1 };
const missing = stubMissing();
const home = temporaryFolder('dv-cuda-home-');
process.env['DIRECTVIEW_HOME'] = home;

let stub: CudaStub;
let context: GpuContext;

const open = async (): Promise<GpuContext> => (await probeContext('cuda', options)).open();

/** Runs with a variable that the stand-ins read. */
async function withVariable<T>(name: string, value: string, run: () => Promise<T>): Promise<T> {
  process.env[name] = value;
  try {
    return await run();
  } finally {
    delete process.env[name];
  }
}

function ints(dtype: DType, shape: readonly [number, number], seed: number): Tensor {
  const out = new Tensor(dtype, shape);
  for (let i = 0; i < out.size; i++) out.data[i] = ((i * 31 + seed * 17) % 251) - (dtype.startsWith('u') ? 0 : 125);
  return out;
}

const floats = (dtype: DType, shape: readonly [number, number], seed: number): Tensor =>
  randomMatrix('float64', shape, seed).astype(dtype);

async function product(a: Tensor, b: Tensor, flags = {}, on = context): Promise<Tensor> {
  const [x, y] = [on.upload(a), on.upload(b)];
  const c = await on.matmul(x, y, flags);
  const result = await c.toHost();
  for (const one of [x, y, c]) one.free();
  return result;
}

if (missing !== undefined) test.skip('all', missing);
else {
  test.before(async () => {
    delete process.env['CUDA_VISIBLE_DEVICES'];
    stub = await buildStub();
    process.env['DIRECTVIEW_CUDA_PATH'] = stub.folder;
  });
  test.after(async () => {
    stub.remove();
    rmSync(home, { recursive: true });
  });

  test('wrong products keep it from opening, and auto from taking it', async () => {
    const error = await withVariable('STUB_WRONG', '1', () =>
      rejects(open, ContextError, /products are wrong in \d+ cases/),
    );
    assert.match(error.message, /float32 1×1×1/);
    assert.is(cudaHasPassed(), false);
    assert.is.not((await probeContext('auto', options)).report.kind, 'cuda');
    for (const what of ['device', 'pinned', 'streams', 'events', 'modules', 'contexts', 'handles'] as StubCount[]) {
      assert.is(stub.count(what), 0, what);
    }
    assert.is(stub.misuse(), '');
  });

  test("a kernel that does not compile names the compiler's words", async () => {
    await withVariable('STUB_NVRTC_FAILS', '1', () =>
      rejects(open, ContextError, /NVRTC .*: directview\.cu\(1\): error/),
    );
    assert.equal([stub.count('contexts'), stub.count('handles')], [0, 0]);
  });

  test('a driver that is older than the compiler takes code of its card', async () => {
    await withVariable('STUB_OLD_DRIVER', '1', async () => {
      const old = await open();
      await old.close();
    });
    assert.equal([stub.misuse(), stub.count('modules')], ['', 0]);
    rmSync(cudaCachePath());
  });

  test('it opens after its products were right, once per machine, and auto takes it from then on', async () => {
    context = await open();
    assert.is(cudaHasPassed(), true);
    stub.reset();
    const { report } = await probeContext('auto', options);
    assert.equal([report.kind, report.adapter, report.matmul], ['cuda', 'Stub card 0', 'cublas']);
    assert.match(report.driver, /^CUDA 12\.4, GPU-00010203-0405-0607-0809-0a0b0c0d0e0f$/);
    assert.not.ok(stub.calls().includes('cuMemAlloc_v2'));
    assert.equal(report.features, ['compute-9.0', 'float64']);
    // gpu.js and tfjs are those of another context, and the report says which.
    assert.ok(['webgpu', 'webasm', 'cpu'].includes(report.gpuMode));
    const wish = await probeContext('auto', { ...options, softwareGpu: true });
    assert.is.not(wish.report.kind, 'cuda');
  });

  test('auto takes it on the machine that has passed: twins of its card, and no other host, card, driver or library', async () => {
    const path = cudaCachePath();
    const passed = readFileSync(path, 'utf8');
    const kindOf = async (gpu: number) => (await probeContext('auto', { ...options, gpu })).report.kind;
    try {
      await withVariable('STUB_CARDS', '2', async () => {
        assert.is(await kindOf(0), 'cuda');
        // The stand-in names its cards by their numbers: another kind.
        assert.is.not(await kindOf(1), 'cuda');
        writeFileSync(path, passed.replace('Stub card 0', 'Stub card 1'));
        assert.is(await kindOf(1), 'cuda');
      });
      for (const [from, to] of [
        [`${hostname()}: `, 'elsewhere: '],
        ['CUDA 12.4', 'CUDA 12.3'],
        ['libcublas.so.12', 'libcublas.so.11'],
      ] as const) {
        writeFileSync(path, passed.replace(from, to));
        assert.is.not(passed.replace(from, to), passed);
        assert.is(cudaHasPassed(), true);
        assert.is.not((await probeContext('auto', options)).report.kind, 'cuda', to);
      }
    } finally {
      writeFileSync(path, passed);
    }
    assert.is((await probeContext('auto', options)).report.kind, 'cuda');
  });

  test('cards are chosen by index, and one that does not exist lists those that do', async () => {
    const pick = (gpu: number) => probeContext('cuda', { ...options, gpu });
    await withVariable('STUB_CARDS', '2', async () => {
      assert.is((await pick(1)).report.adapter, 'Stub card 1');
      await rejects(
        () => pick(2),
        ContextError,
        /GPU 2 does not exist: there are 0: Stub card 0 \(GPU-.*\), 1: Stub card 1/,
      );
    });
    await withVariable('STUB_CARDS', '0', () => rejects(() => pick(0), ContextError, /there is none/));
  });

  test('cards are chosen by UUID or its beginning, in any case; a part of one (MIG) by its name', async () => {
    const pick = async (gpu: string) => (await probeContext('cuda', { ...options, gpu })).report;
    await withVariable('STUB_CARDS', '3', async () => {
      assert.is((await pick('GPU-01020304-0506-0708-090a-0b0c0d0e0f10')).adapter, 'Stub card 1');
      assert.is((await pick('GPU-0203')).adapter, 'Stub card 2');
      assert.is((await pick('gpu-02030405-0607-0809-0A0B')).adapter, 'Stub card 2');
      await rejects(
        () => pick('GPU-0'),
        ContextError,
        /several cards begin with GPU-0, write more of it: there are 0: /,
      );
      await rejects(
        () => pick('GPU-ff'),
        ContextError,
        /GPU-ff does not exist: there are 0: Stub card 0 \(GPU-00010203-.*\), 1: Stub card 1 .*2: /,
      );
      await rejects(() => pick('MIG-ff'), ContextError, /MIG-ff does not exist: there is none/);
      delete process.env['CUDA_VISIBLE_DEVICES'];
    });
    const old = 'MIG-GPU-00010203/1/0';
    for (const name of ['MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf', old]) {
      const report = await withVariable('STUB_MIG', name, () => pick(name));
      assert.equal([report.adapter, process.env['CUDA_VISIBLE_DEVICES']], ['Stub card MIG 1g.10gb', name]);
      assert.match(report.driver, 'MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf');
      delete process.env['CUDA_VISIBLE_DEVICES'];
    }
  });

  test('CUDA_VISIBLE_DEVICES counts, with numbers, UUIDs and parts: choices are made among what it leaves', async () => {
    const pick = async (list: string, gpu?: number | string) =>
      withVariable(
        'CUDA_VISIBLE_DEVICES',
        list,
        async () => (await probeContext('cuda', { ...options, gpu })).report.adapter,
      );
    await withVariable('STUB_CARDS', '3', async () => {
      assert.is(await pick('2'), 'Stub card 2');
      assert.is(await pick('2,0', 1), 'Stub card 0');
      assert.is(await pick('GPU-0102'), 'Stub card 1');
      assert.is(await pick('GPU-0203,GPU-0102', 'GPU-01'), 'Stub card 1');
      // It ends at the first name that is none.
      await rejects(
        () => pick('1,7,0', 1),
        ContextError,
        /GPU 1 does not exist: .*CUDA_VISIBLE_DEVICES leaves these: 1,7,0/,
      );
      await rejects(
        () => pick('1', 'GPU-0001'),
        ContextError,
        /GPU-0001 does not exist: there are 0: Stub card 1 .*these: 1$/,
      );
      await rejects(() => pick(''), ContextError, /there is none; CUDA_VISIBLE_DEVICES leaves these: none/);
      await withVariable('STUB_MIG', 'MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf', async () => {
        assert.is(await pick('MIG-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf', 'MIG-a0a1'), 'Stub card MIG 1g.10gb');
        await rejects(() => pick('0', 'MIG-a0a1'), ContextError, /MIG-a0a1 does not exist: there are 0: Stub card 0/);
      });
    });
  });

  test('transposed operands, in every dtype', async () => {
    for (const dtype of ['float32', 'float64', 'bfloat16', 'int32', 'int8', 'uint8', 'int16', 'uint16'] as const) {
      for (const [m, k, n] of [
        [5, 7, 3],
        [64, 20, 8],
        [70, 33, 66],
      ] as const) {
        const make = dtype.includes('float') ? floats : ints;
        const [a, b] = [make(dtype, [m, k], 1), make(dtype, [k, n], 2)];
        const [at, bt] = [transposed(a), transposed(b)];
        for (const [x, y, flags] of [
          [at, b, { transposeA: true }],
          [a, bt, { transposeB: true }],
          [at, bt, { transposeA: true, transposeB: true }],
        ] as const) {
          assert.is(difference(await product(x, y, flags), a, b), undefined, `${dtype} ${m}×${k}×${n}`);
        }
      }
    }
  });

  test('int8 by cuBLAS where rows are aligned, by our kernel where they are not or cuBLAS cannot', async () => {
    const [a, b] = [ints('int8', [8, 12], 1), ints('int8', [12, 16], 2)];
    const usesKernel = async (x: Tensor, y: Tensor): Promise<boolean> => {
      stub.reset();
      assert.is(difference(await product(x, y), x, y), undefined);
      return stub.calls().includes('cuLaunchKernel');
    };
    assert.is(await usesKernel(a, b), false);
    assert.is(await usesKernel(ints('int8', [8, 13], 1), ints('int8', [13, 16], 2)), true);
    await withVariable('STUB_NO_INT8', '1', async () => assert.is(await usesKernel(a, b), true));
  });

  test('bfloat16 by cuBLAS, and as float32 on cards that have none: with ties, NaN, infinities and small numbers', async () => {
    const usesKernel = async (x: Tensor, y: Tensor): Promise<boolean> => {
      stub.reset();
      assert.is(difference(await product(x, y), x, y), undefined);
      return stub.calls().includes('cuLaunchKernel');
    };
    const [a, b] = [floats('bfloat16', [9, 13], 1), floats('bfloat16', [13, 5], 2)];
    assert.is(await usesKernel(a, b), false);
    await withVariable('STUB_NO_BFLOAT16', '1', async () => assert.is(await usesKernel(a, b), true));
    // The last place of these is 2⁻⁷, 2⁻⁸ is a tie; 2¹²⁷ · 2 is infinity, 2⁻¹³³ the least number.
    const x = tensor([[1 + 2 ** -7], [2 ** 127], [2 ** -66], [Number.NaN], [-1], [Number.POSITIVE_INFINITY]], {
      dtype: 'bfloat16',
    });
    const y = tensor([[1 + 2 ** -7, 2, 2 ** -67, 0.5]], { dtype: 'bfloat16' });
    const expected = referenceMatmul(x, y);
    assert.equal((await product(x, y)).toNested(), expected.toNested());
    await withVariable('STUB_NO_BFLOAT16', '1', async () =>
      assert.equal((await product(x, y)).toNested(), expected.toNested()),
    );
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('many uploads at once do not write over each other, and their order holds', async () => {
    const hosts = Array.from({ length: 20 }, (_, i) => tensor([[i, i + 0.5]], { dtype: 'float32' }));
    const on = hosts.map((host) => context.upload(host));
    const back = await Promise.all(on.map((one) => one.toHost()));
    assert.equal(
      back.map((one) => one.toNested()),
      hosts.map((one) => one.toNested()),
    );
    for (const one of on) one.free();
    assert.is(stub.misuse(), '');
  });

  test('device and pinned memory are used again', async () => {
    const [a, b] = [randomMatrix('float32', [40, 40], 1), randomMatrix('float32', [40, 40], 2)];
    await product(a, b);
    await context.idle();
    stub.reset();
    for (let i = 0; i < 5; i++) {
      await product(a, b);
      await context.idle();
    }
    assert.equal(
      stub.calls().filter((name) => /Alloc|Free/.test(name)),
      [],
    );
  });

  test('bytes that pass are counted, with the copy by way of pinned memory', async () => {
    const before = context.moved?.() as MovedBytes;
    const x = context.upload(randomMatrix('float32', [40, 40], 1));
    await x.toHost();
    await x.toHost();
    x.free();
    const after = context.moved?.() as MovedBytes;
    const by = (['uploaded', 'readBack', 'copied'] as const).map((key) => after[key] - before[key]);
    assert.equal(by, [6400, 12_800, 19_200]);
  });

  test('reshaped tensors share memory, and freed ones say so', async () => {
    const a = context.upload(tensor([[1, 2, 3]], { dtype: 'float64' }));
    const flat = a.reshape([3]);
    assert.equal([...(await flat.toHost()).data], [1, 2, 3]);
    assert.is(context.memory().buffers, 1);
    flat.free();
    a.free();
    await rejects(() => a.toHost(), ContextError, /after it was freed/);
    throws(() => a.reshape([2, 2]), Error);
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('values pass to tfjs and gpu.js and back', async () => {
    const a = context.upload(
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: 'float32' },
      ),
    );
    const tf = await context.tf();
    const onTF = await context.toTF(a);
    const sum = tf.add(onTF, 1);
    const b = await context.fromTF(sum);
    assert.equal((await b.toHost()).toNested(), [
      [2, 3],
      [4, 5],
    ]);
    tf.dispose([onTF, sum]);
    const gpu = await context.gpu();
    const twice = gpu.createKernel('function twice(x) { return x[this.thread.y][this.thread.x] * 2; }' as never, {
      output: [2, 2],
    }) as unknown as (x: unknown) => unknown;
    const c = await context.fromGpuJs(await twice(await context.toGpuJs(b)));
    assert.equal((await c.toHost()).toNested(), [
      [4, 6],
      [8, 10],
    ]);
    for (const one of [a, b, c]) one.free();
    context.sweep();
  });

  test('out of memory: what is kept is freed first, then an error says so, and work goes on', async () => {
    const a = randomMatrix('float32', [30, 30], 1);
    stub.fault('cuMemAlloc_v2', 2);
    // A size that is not kept, so that it has to be allocated.
    const x = context.upload(randomMatrix('float32', [91, 90], 1));
    x.free();
    stub.fault('cuMemAlloc_v2', 2, { times: 2 });
    throws(() => context.upload(randomMatrix('float32', [92, 91], 1)), ContextError, /out of memory; free tensors/);
    stub.reset();
    assert.is(difference(await product(a, a), a, a), undefined);
    stub.fault('cuMemHostAlloc', 2);
    throws(() => context.upload(randomMatrix('float32', [600, 600], 1)), ContextError, /out of memory/);
    stub.reset();
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
  });

  test('a launch that is refused is an error of that product alone', async () => {
    stub.fault('cuLaunchKernel', 1);
    const a = ints('int32', [3, 3], 1);
    await rejects(() => product(a, a), ContextError, /cuLaunchKernel failed/);
    assert.is(difference(await product(a, a), a, a), undefined);
  });

  const MIB = 2 ** 20;

  /** A tensor in memory of `receive`, with random values. */
  function received(rows: number, columns: number, seed: number): Tensor {
    const memory = context.receive?.(4 * rows * columns) as Uint8Array<ArrayBuffer>;
    const data = new Float32Array(memory.buffer, memory.byteOffset, rows * columns);
    data.set(randomMatrix('float32', [rows, columns], seed).data as Float32Array);
    return new Tensor('float32', [rows, columns], data);
  }

  const allocations = () => stub.calls().filter((name) => name === 'cuMemHostAlloc').length;

  test('values that came into pinned memory are fetched from there, and copied nowhere', async () => {
    const koffi = await import('koffi');
    const [a, b] = [received(256, 1024, 1), received(1024, 256, 2)];
    const before = context.moved?.() as MovedBytes;
    const [x, y] = [context.upload(a), context.upload(b)];
    assert.is(stub.count('source'), Number(koffi.address(b.data)));
    const c = await context.matmul(x, y);
    const after = context.moved?.() as MovedBytes;
    assert.equal([after.uploaded - before.uploaded, after.copied - before.copied], [2 * MIB, 0]);
    assert.is(difference(await c.toHost(), a, b), undefined);
    for (const one of [x, y, c]) one.free();
    for (const one of [a, b]) context.release?.(one.data);
    assert.is(stub.misuse(), '');
  });

  test('their memory serves again once it is given back and the card has read it, and not before', async () => {
    await context.idle();
    const first = received(256, 1024, 3);
    const values = (first.data as Float32Array).slice();
    const x = context.upload(first);
    context.release?.(first.data);
    context.release?.(first.data);
    // The copy is still under way.
    const second = received(256, 1024, 4);
    assert.equal((await x.toHost()).data, values);
    context.release?.(second.data);
    await context.idle();
    stub.reset();
    const third = received(256, 1024, 5);
    context.release?.(third.data);
    await context.idle();
    assert.is(allocations(), 0);
    x.free();
  });

  test('memory that nobody gives back comes back with the garbage', async () => {
    await context.idle();
    const { received: memory } = (context as CudaContext).device;
    // Nothing else has blocks of this size.
    const size = 5 * MIB;
    const drop = () => void context.receive?.(size);
    assert.is(memory.bytes, 0);
    drop();
    for (let tries = 0; tries < 100 && memory.bytes > 0; tries++) {
      collectGarbage();
      await new Promise((done) => setTimeout(done));
    }
    assert.is(memory.bytes, 0);
    await context.idle();
    stub.reset();
    context.release?.(context.receive?.(size) as Uint8Array);
    assert.is(allocations(), 0);
  });

  test('small values, and those for which there is no pinned memory, come into ordinary memory', async () => {
    assert.is(context.receive?.(MIB - 1), undefined);
    stub.fault('cuMemHostAlloc', 2);
    assert.is(context.receive?.(64 * MIB), undefined);
    stub.reset();
    assert.is(context.receive?.(600 * MIB), undefined);
    context.release?.(new Float32Array(4));
    const memory = context.receive?.(3 * MIB + 4) as Uint8Array;
    assert.equal([memory.byteLength, memory.byteOffset % 8], [3 * MIB + 4, 0]);
    context.release?.(memory);
  });

  test('at the end nothing is left: memory, streams, events, modules, handles', async () => {
    context.sweep();
    assert.equal(context.memory(), { bytes: 0, buffers: 0 });
    const kept = context.upload(tensor([[1]], { dtype: 'float32' }));
    await context.close();
    await context.close();
    for (const what of ['device', 'pinned', 'streams', 'events', 'modules', 'contexts', 'handles'] as StubCount[]) {
      assert.is(stub.count(what), 0, what);
    }
    assert.is(stub.misuse(), '');
    await rejects(() => kept.toHost(), ContextError);
    throws(() => context.upload(tensor([[1]], { dtype: 'float32' })), ContextError, /closed/);
  });

  test('the card that was chosen by its UUID opens and multiplies', async () => {
    const on = await withVariable('STUB_CARDS', '2', async () =>
      (await probeContext('cuda', { ...options, gpu: 'GPU-0102' })).open(),
    );
    const a = randomMatrix('float32', [8, 8], 1);
    assert.is(difference(await product(a, a, {}, on), a, a), undefined);
    assert.match(on.report.driver, 'GPU-01020304');
    await on.close();
  });

  test('a kernel that fails on the card loses it: later uses say why, and closing frees the rest', async () => {
    const lost = await open();
    const a = randomMatrix('float32', [8, 8], 1);
    const x = lost.upload(a);
    stub.fault('cuStreamQuery', 719);
    await rejects(() => x.toHost(), ContextError, /unspecified launch failure \(719\)/);
    await rejects(() => product(a, a, {}, lost), ContextError, /card was lost .*restart/);
    await rejects(() => lost.idle(), ContextError, /card was lost/);
    assert.is(lost.receive?.(MIB), undefined);
    await lost.close();
    stub.reset();
    assert.equal([stub.count('contexts'), stub.count('handles'), stub.count('streams')], [0, 0, 0]);
  });

  test('values that still lie in pinned memory when the context closes stay readable', async () => {
    const other = await open();
    const memory = other.receive?.(MIB) as Uint8Array;
    memory.fill(7);
    await other.close();
    other.release?.(memory);
    assert.is(other.receive?.(MIB), undefined);
    // The context, whose end would free the memory, stays.
    assert.equal([memory[0], memory[MIB - 1], stub.count('contexts')], [7, 7, 1]);
    assert.is(stub.misuse(), '');
  });
}

test.run();
