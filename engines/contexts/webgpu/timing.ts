// Times products by the GPU's own clock (feature timestamp-query). For benchmarks.
import { productOf } from '../../../kernels/matmul/product.ts';
import type { GemmDType } from '../../../kernels/matmul/webgpu/wgsl.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { GpuContext } from '../context.ts';
import { DeviceBuffers } from './device-buffers.ts';
import { GpuTimer } from './gpu-timer.ts';
import { WebGpuContext } from './webgpu.ts';

/** The clock of a GPU climbs for a while: so long runs go before those that count. */
const WARM_UP_MS = 200;
const REPEATS = 10;

/**
 * Milliseconds of the product's kernel alone: the best of ten runs after a warm-up. NaN on a device without timestamps.
 * @throws Error when sampled rows and columns of the product are wrong, ContextError
 */
export async function timedMatmul(context: GpuContext, a: Tensor, b: Tensor): Promise<number> {
  if (!(context instanceof WebGpuContext) || !context.device.features.has('timestamp-query')) return Number.NaN;
  const { shared, products } = context;
  const buffers = new DeviceBuffers(shared);
  const product = productOf(a, b);
  const bytes = product.m * product.n * 4;
  const held = await shared.guard(
    'operands',
    () => [buffers.upload(a), buffers.upload(b), buffers.create(bytes)] as const,
  );
  const query = { a: held[0], b: held[1], c: held[2], product: { ...product, dtype: product.dtype as GemmDType } };
  const timer = new GpuTimer(shared.device);
  try {
    const tile = await products.tileFor(query);
    const fault = await products.check(query, tile);
    if (fault !== undefined) throw new Error(`the kernel's product is wrong: ${fault}`);
    const run = () => timer.time((timestampWrites) => products.gemm.run({ ...query, tile, timestampWrites }));
    return await bestOf(run);
  } finally {
    timer.destroy();
    for (const buffer of held) buffer.destroy();
  }
}

async function bestOf(run: () => Promise<number>): Promise<number> {
  const started = performance.now();
  let best = await run();
  const isLong = best > WARM_UP_MS;
  while (!isLong && performance.now() - started < WARM_UP_MS) best = Math.min(best, await run());
  for (let i = 0; i < (isLong ? 1 : REPEATS); i++) best = Math.min(best, await run());
  if (best > 0) return best;
  throw new Error(`the GPU's clock gave ${best} ms for a product`);
}
