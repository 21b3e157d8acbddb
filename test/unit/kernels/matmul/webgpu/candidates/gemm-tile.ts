// The products of every kind of candidate, on software Vulkan: shared steps, halves, and the texts for matrix units, which
// run with matrices of single threads.
import * as assert from 'uvu/assert';
import { DeviceBuffers } from '../../../../../../engines/contexts/webgpu/device-buffers.ts';
import { SharedDevice } from '../../../../../../engines/contexts/webgpu/shared-device.ts';
import { difference } from '../../../../../../kernels/matmul/product-check.ts';
import { generator } from '../../../../../../kernels/matmul/random.ts';
import {
  type GemmTile,
  isSplit16,
  nameOfTile,
  tileServes,
} from '../../../../../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { Gemm } from '../../../../../../kernels/matmul/webgpu/gemm.ts';
import {
  type MatrixTile,
  matrixBlockM,
  matrixBlockN,
  matrixShader,
  matrixTileName,
} from '../../../../../../kernels/matmul/webgpu/subgroup-matrix.ts';
import { TILES, type Tile } from '../../../../../../kernels/matmul/webgpu/tiles.ts';
import type { GemmDType } from '../../../../../../kernels/matmul/webgpu/wgsl.ts';
import { Tensor } from '../../../../../../src/tensor/tensor.ts';
import { emulated } from '../../../../../support/emulated-matrices.ts';
import { inSoftwareGpu } from '../../../../../support/software-gpu.ts';
import { suite } from '../../../../../support/suite.ts';

type Shape = readonly [m: number, k: number, n: number];

if (await inSoftwareGpu(import.meta.url, 'gemm-tile')) {
  const test = suite('gemm-tile');
  const shared = await SharedDevice.open({ threads: 1, softwareGpu: true });
  const buffers = new DeviceBuffers(shared);
  const gemm = new Gemm(shared.device);
  // A quarter of the smallest one that the product offers: software adapters compile each text for long.
  const small: Tile = { ...(TILES.at(-1) as Tile), blockM: 8, threadM: 2, buffers: 2 };

  const filled = (dtype: GemmDType, shape: readonly [number, number], seed: number, scale = 1): Tensor => {
    const random = generator(seed);
    const out = new Tensor(dtype, shape);
    for (let i = 0; i < out.size; i++) {
      out.data[i] = dtype === 'int32' ? (random() * 2 ** 32) | 0 : (random() * 2 - 1) * scale;
    }
    return out;
  };

  const product = async (tile: GemmTile, a: Tensor, b: Tensor, with_ = gemm): Promise<Tensor> => {
    const [m, k, n] = [a.shape[0] as number, a.shape[1] as number, b.shape[1] as number];
    const dtype = a.dtype as GemmDType;
    const three = [buffers.upload(a), buffers.upload(b), buffers.upload(filled(dtype, [m, n], 9))] as const;
    await shared.guard('product', () =>
      with_.run({ a: three[0], b: three[1], c: three[2], product: { m, k, n, dtype }, tile }),
    );
    const c = await buffers.read(three[2], dtype, [m, n], m * n * 4);
    for (const buffer of three) buffer.destroy();
    return c;
  };

  const fault = async (tile: GemmTile, a: Tensor, b: Tensor, with_ = gemm): Promise<string | undefined> => {
    const precision = isSplit16(tile) ? 'split16' : 'full';
    return difference(await product(tile, a, b, with_), a, b, { precision });
  };

  const check = async (tile: GemmTile, [m, k, n]: Shape, dtype: GemmDType = 'float32', with_ = gemm) => {
    const wrong = await fault(tile, filled(dtype, [m, k], 1), filled(dtype, [k, n], 2), with_);
    assert.is(wrong, undefined, `${nameOfTile(tile)} ${dtype} ${m}×${k}×${n}`);
  };

  for (const groups of [1, 3, 7, 40]) {
    test(`${groups} workgroups share the steps of all blocks, at every alignment`, async () => {
      const tile = { tile: small, groups };
      // One block, shares within a block, many blocks per share, more workgroups than steps, more than 8 rows of blocks.
      for (const shape of [
        [32, 512, 32],
        [5, 515, 7],
        [300, 17, 40],
        [1, 3, 1],
        [70, 100, 68],
      ] as Shape[]) {
        await check(tile, shape);
      }
      await check(tile, [33, 130, 37], 'int32');
    });
  }

  test('shared steps give the same bits again', async () => {
    const [a, b] = [filled('float32', [40, 700], 1), filled('float32', [700, 40], 2)];
    const [once, again] = [
      await product({ tile: small, groups: 7 }, a, b),
      await product({ tile: small, groups: 7 }, a, b),
    ];
    assert.equal(once.data, again.data);
  });

  test('more shapes than sizes are kept, and the first one again', async () => {
    for (const n of [...Array.from({ length: 80 }, (_, i) => i + 1), 1])
      await check({ tile: small, groups: 3 }, [3, n, 33]);
  });

  const split16: GemmTile = { halves: small };

  test('a product from halves is within its bound at every alignment, and better than halves', async () => {
    for (const shape of [
      [1, 1, 1],
      [5, 3, 7],
      [33, 70, 36],
      [64, 129, 31],
      [40, 8, 40],
    ] as Shape[])
      await check(split16, shape);
    const [a, b] = [filled('float32', [8, 300], 1), filled('float32', [300, 8], 2)];
    const halves = new Tensor(
      'float32',
      a.shape,
      Float32Array.from(a.data as Float32Array, (x) => Math.fround(x * 2048) / 2048),
    );
    const rough = await product(split16, halves, b);
    assert.is(difference(rough, halves, b, { precision: 'split16' }), undefined);
    assert.is(difference(await product(split16, a, b), a, b), undefined);
  });

  test('from halves: rows and columns of any size, each by its own power of two', async () => {
    for (const [x, y] of [
      [1e30, 1e-30],
      [1e-30, 1e30],
      [1e-33, 1e33],
      [1e18, 1e18],
      [3e38, 1e-10],
    ] as const) {
      assert.is(
        await fault(split16, filled('float32', [9, 40], 1, x), filled('float32', [40, 9], 2, y)),
        undefined,
        `${x} ${y}`,
      );
    }
    const [a, b] = [filled('float32', [6, 50], 3), filled('float32', [50, 6], 4)];
    for (let i = 0; i < a.size; i++) a.data[i] = (a.data[i] as number) * 10 ** ((i % 61) - 30);
    for (let i = 0; i < b.size; i++) b.data[i] = (b.data[i] as number) * 10 ** ((i % 6) * 6 - 18);
    assert.is(await fault(split16, a, b), undefined);
  });

  test('from halves: NaN, infinity and zeros are those of float32', async () => {
    const [a, b] = [filled('float32', [12, 20], 5), filled('float32', [20, 12], 6)];
    a.data.fill(0, 0, 20);
    [a.data[25], a.data[50], a.data[77]] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    [b.data[3], b.data[40]] = [Number.POSITIVE_INFINITY, 0];
    assert.is(await fault(split16, a, b), undefined);
  });

  test('a product of halves that does not fit a binding is computed in float32', async () => {
    const narrow = new Gemm(shared.device, { maxStorageBufferBindingSize: 64 * 1024 });
    await check(split16, [100, 100, 60], 'float32', narrow);
    await check({ tile: small, groups: 3 }, [300, 100, 60], 'float32', narrow);
  });

  test('no other dtype takes these kernels', () => {
    const sizes = { m: 8, k: 8, n: 8 };
    assert.is(tileServes(split16, { ...sizes, dtype: 'int32' }), false);
    assert.is(tileServes(split16, { ...sizes, dtype: 'float16' }), false);
    assert.is(tileServes({ tile: small, groups: 3 }, { ...sizes, dtype: 'float16' }), false);
    const onUnits = { halves: tileOf({}) };
    assert.is(tileServes(onUnits, { ...sizes, dtype: 'float32' }), true);
    assert.is(tileServes(onUnits, { ...sizes, n: 9, dtype: 'float32' }), false);
  });

  const tileOf = (more: Partial<MatrixTile>): MatrixTile => ({
    config: { M: 2, N: 4, K: 4, componentType: 'f16', resultComponentType: 'f32' },
    subgroupSize: 1,
    subgroups: [2, 1],
    matrices: [2, 2],
    blockK: 8,
    ...more,
  });

  const compiled = (tile: MatrixTile): GPUComputePipeline => {
    const module = shared.device.createShaderModule({ code: emulated(matrixShader(tile), tile) });
    return shared.device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  };

  const onMatrices = async (pipeline: GPUComputePipeline, tile: MatrixTile, [m, k, n]: Shape) => {
    const { device } = shared;
    const [a, b] = [filled('float32', [m, k], 1), filled('float32', [k, n], 2)];
    const three = [buffers.upload(a), buffers.upload(b), buffers.create(m * n * 4)];
    const groups = [Math.ceil(m / matrixBlockM(tile)), Math.ceil(n / matrixBlockN(tile))] as const;
    const sizes = device.createBuffer({ size: 32, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    await shared.guard('matrices', () => {
      device.queue.writeBuffer(sizes, 0, Uint32Array.of(m, n, k, k, 0, ...groups, 0));
      const entries = [...three, sizes].map((buffer, binding) => ({ binding, resource: { buffer } }));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(groups[0] * groups[1]);
      pass.end();
      device.queue.submit([encoder.finish()]);
    });
    const c = await buffers.read(three[2] as GPUBuffer, 'float32', [m, n], m * n * 4);
    for (const buffer of [...three, sizes]) buffer.destroy();
    return difference(c, a, b);
  };

  // Edges of the second one take one buffer, as the tiles that load nothing directly.
  for (const tile of [tileOf({ buffers: 2 }), tileOf({ loads: 'direct' }), tileOf({ buffers: 2, loads: 'direct' })]) {
    test(`${matrixTileName(tile)}: inside, at edges, odd depths`, async () => {
      const pipeline = compiled(tile);
      for (const shape of [
        [16, 48, 16],
        [40, 32, 40],
        [19, 44, 20],
        [3, 4, 4],
        [16, 8, 16],
        [33, 20, 36],
      ] as Shape[]) {
        assert.is(await onMatrices(pipeline, tile, shape), undefined, `${shape}`);
      }
    });
  }

  test.after(() => shared.close());
  test.run();
}
