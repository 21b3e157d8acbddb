// The WGSL GEMM itself, on software Vulkan: every tile at every alignment, split matrices, more blocks than one dimension.
import * as assert from 'uvu/assert';
import { DeviceBuffers } from '../../../../../engines/contexts/webgpu/device-buffers.ts';
import { SharedDevice } from '../../../../../engines/contexts/webgpu/shared-device.ts';
import { difference } from '../../../../../kernels/matmul/product-check.ts';
import { generator } from '../../../../../kernels/matmul/random.ts';
import { type GemmTile, isSplit16, nameOfTile } from '../../../../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { Gemm } from '../../../../../kernels/matmul/webgpu/gemm.ts';
import { TILES, type Tile, tileName, tilesFor } from '../../../../../kernels/matmul/webgpu/tiles.ts';
import type { GemmDType } from '../../../../../kernels/matmul/webgpu/wgsl.ts';
import { Tensor } from '../../../../../src/tensor/tensor.ts';
import { throws } from '../../../../support/assert.ts';
import { inSoftwareGpu } from '../../../../support/software-gpu.ts';
import { suite } from '../../../../support/suite.ts';

type Shape = [number, number, number];

if (await inSoftwareGpu(import.meta.url, 'gemm')) {
  const test = suite('gemm');
  const shared = await SharedDevice.open({ threads: 1, softwareGpu: true });
  const buffers = new DeviceBuffers(shared);
  const gemm = new Gemm(shared.device);

  const filled = (dtype: GemmDType, shape: [number, number], seed: number): Tensor => {
    const random = generator(seed);
    const out = new Tensor(dtype, shape);
    for (let i = 0; i < out.size; i++) out.data[i] = dtype === 'int32' ? (random() * 2 ** 32) | 0 : random() * 2 - 1;
    return out;
  };

  const multiply = async (with_: Gemm, a: Tensor, b: Tensor, tile?: GemmTile): Promise<Tensor> => {
    const [m, k, n] = [a.shape[0]!, a.shape[1]!, b.shape[1]!];
    const dtype = a.dtype as GemmDType;
    const three = [buffers.upload(a), buffers.upload(b), buffers.create(m * n * 4)] as const;
    await shared.guard('gemm', () =>
      with_.run({ a: three[0], b: three[1], c: three[2], product: { m, k, n, dtype }, ...(tile ? { tile } : {}) }),
    );
    const c = await buffers.read(three[2], dtype, [m, n], m * n * 4);
    for (const buffer of three) buffer.destroy();
    return c;
  };

  const check = async (shape: Shape, dtype: GemmDType, tile?: GemmTile, with_ = gemm) => {
    const [m, k, n] = shape;
    const [a, b] = [filled(dtype, [m, k], 1), filled(dtype, [k, n], 2)];
    const precision = tile !== undefined && isSplit16(tile) ? 'split16' : 'full';
    assert.is(
      difference(await multiply(with_, a, b, tile), a, b, { precision }),
      undefined,
      `${dtype} ${shape.join('×')}`,
    );
  };

  // A software adapter compiles each of these for seconds: one kernel for three tiles, every alignment for the smallest
  // only; wgsl.ts compiles all of them.
  const shown = tilesFor(gemm.limits).filter((t) =>
    ['128x128x16-8x8-b2u1s', '128x128x8-8x8-b2u2', '64x64x16-4x4-b2u1'].includes(tileName(t)),
  );
  for (const tile of shown) {
    test(`${tileName(tile)} with edges`, () =>
      check([tile.blockM + 3, 3 * tile.blockK - 4, tile.blockN + 4], 'float32', tile));
  }

  test('whole blocks, without bounds checks', async () => {
    for (const tile of [TILES.at(-1)!]) await check([tile.blockM, 2 * tile.blockK, tile.blockN], 'float32', tile);
  });

  test('rows of every alignment', async () => {
    for (const shape of [
      [67, 33, 131],
      [9, 36, 7],
      [33, 30, 36],
    ] as Shape[])
      await check(shape, 'float32', TILES.at(-1)!);
  });

  test('int32 wraps exactly at every alignment', async () => {
    for (const shape of [
      [64, 32, 64],
      [33, 35, 37],
      [31, 36, 30],
      [30, 7, 32],
    ] as Shape[]) {
      await check(shape, 'int32');
    }
  });

  test('matrices beyond one binding are split by rows, and along the inner axis', async () => {
    const narrow = new Gemm(shared.device, { maxStorageBufferBindingSize: 80 * 1024 });
    await check([300, 200, 64], 'float32', undefined, narrow);
    await check([130, 301, 63], 'float32', undefined, narrow);
    await check([130, 301, 63], 'int32', undefined, narrow);
  });

  test('K is cut into parts that are added up: every alignment, and parts of which some are not there', async () => {
    const tile = TILES.at(-1) as Tile;
    for (const shape of [
      [32, 512, 64],
      [33, 1000, 36],
      [5, 515, 7],
      [1, 1023, 33],
      [40, 3, 40],
    ] as Shape[]) {
      for (const parts of [2, 8]) {
        await check(shape, 'float32', { tile, parts });
        await check(shape, 'int32', { tile, parts });
      }
    }
  });

  test('a product beyond one binding is not cut once more', async () => {
    const narrow = new Gemm(shared.device, { maxStorageBufferBindingSize: 80 * 1024 });
    await check([130, 301, 63], 'float32', { tile: TILES.at(-1) as Tile, parts: 4 }, narrow);
  });

  test('float16 has no such tile: its parts would be rounded one by one', async () => {
    const call = {
      tile: { tile: TILES.at(-1) as Tile, parts: 2 },
      product: { m: 1, k: 9, n: 1, dtype: 'float16' as const },
    };
    const [a, b, c] = [4, 4, 4].map((bytes) => buffers.create(bytes)) as [GPUBuffer, GPUBuffer, GPUBuffer];
    throws(() => gemm.run({ ...call, a, b, c }), TypeError, /-k2 does not compute this product/);
  });

  test('sizes are immediates, or buffers where a device has none: every kind of product comes out alike', async () => {
    const without = new Gemm(shared.device, { maxImmediateSize: 0 });
    assert.ok(gemm.limits.maxImmediateSize >= 36);
    const tile = TILES.at(-1) as Tile;
    const made = async (one: Gemm, of: GemmTile): Promise<number> => {
      await check([33, 515, 37], 'float32', of, one);
      const create = shared.device.createBuffer.bind(shared.device);
      let uniforms = 0;
      shared.device.createBuffer = (descriptor) => {
        if ((descriptor.usage & GPUBufferUsage.UNIFORM) !== 0) uniforms += 1;
        return create(descriptor);
      };
      // Another shape: its sizes have not been written yet.
      await check([35, 515, 37], 'float32', of, one).finally(() => {
        shared.device.createBuffer = create;
      });
      return uniforms;
    };
    for (const of of [tile, { tile, parts: 2 }, { tile, groups: 3 }, { halves: tile }] as GemmTile[]) {
      assert.is(await made(gemm, of), 0, nameOfTile(of));
      assert.ok((await made(without, of)) > 0, nameOfTile(of));
    }
  });

  test('more blocks than one dispatch dimension holds', async () => {
    const n = 32 * 66_000 + 5;
    const [a, b] = [filled('float32', [1, 1], 1), filled('float32', [1, n], 2)];
    assert.is(difference(await multiply(gemm, a, b), a, b), undefined);
  });

  test.after(() => shared.close());
  test.run();
}
