// Times products by the GPU's own clock (feature timestamp-query). For benchmarks.
import { productOf } from '../../../kernels/matmul/product.ts';
import { Gemm } from '../../../kernels/matmul/webgpu/gemm.ts';
import type { GemmDType } from '../../../kernels/matmul/webgpu/wgsl.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { GpuContext } from '../context.ts';
import { DeviceBuffers } from './device-buffers.ts';
import type { SharedDevice } from './shared-device.ts';
import { WebGpuContext } from './webgpu.ts';

const REPEATS = 5;

/** Milliseconds of the product's kernel alone: the best of five runs after a warm-up. NaN on a device without timestamps. */
export async function timedMatmul(context: GpuContext, a: Tensor, b: Tensor): Promise<number> {
  if (!(context instanceof WebGpuContext) || !context.device.features.has('timestamp-query')) return Number.NaN;
  const { shared } = context;
  const buffers = new DeviceBuffers(shared);
  const product = productOf(a, b);
  const held = [buffers.upload(a), buffers.upload(b), buffers.create(product.m * product.n * 4)] as const;
  const call = { a: held[0], b: held[1], c: held[2], product: { ...product, dtype: product.dtype as GemmDType } };
  const tile = await context.tileFor(call);
  const gemm = new Gemm(shared.device);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= REPEATS; i++) {
    const ms = await stamped(shared, (timestampWrites) => gemm.run({ ...call, tile, timestampWrites }));
    if (i > 0) best = Math.min(best, ms);
  }
  for (const buffer of held) buffer.destroy();
  return best;
}

async function stamped(shared: SharedDevice, run: (writes: GPUComputePassTimestampWrites) => void): Promise<number> {
  const { device } = shared;
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = device.createBuffer({ size: 16, usage });
  const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  run({ querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
  const encoder = device.createCommandEncoder();
  encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const [begin = 0n, end = 0n] = new BigUint64Array(staging.getMappedRange().slice(0));
  for (const resource of [querySet, resolved, staging]) resource.destroy();
  return Number(end - begin) / 1e6;
}
