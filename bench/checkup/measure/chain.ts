// gpu.js, the product, tfjs and the product again on one card: counts what is read back on the way. None should be.
//   node dist/bench/checkup/measure/chain.js [--size 1024] [--software]
import { parseArgs } from 'node:util';
import type { DeviceTensor } from '../../../engines/contexts/context.ts';
import { WebGpuContext } from '../../../engines/contexts/webgpu/webgpu.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { sendRow } from '../../support/rows.ts';
import { timed } from '../../support/stats.ts';
import { operand } from './entries.ts';

const CHECKED = 64;

/** Counts mappings of buffers for reading: nothing comes back from a card without one. */
class ReadCount {
  count = 0;

  constructor(device: GPUDevice) {
    const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const prototype = Object.getPrototypeOf(buffer) as GPUBuffer;
    const { mapAsync } = prototype;
    const counted = (): void => void this.count++;
    Object.defineProperty(prototype, 'mapAsync', {
      configurable: true,
      value: function (this: GPUBuffer, ...args: Parameters<GPUBuffer['mapAsync']>) {
        counted();
        return mapAsync.apply(this, args);
      },
    });
    buffer.destroy();
  }
}

/** relu(2A · B) · B without leaving the card. */
async function chain(context: WebGpuContext, a: DeviceTensor, b: DeviceTensor): Promise<DeviceTensor> {
  const [n] = a.shape as readonly [number];
  const [gpu, tf] = [await context.gpu(), await context.tf()];
  const double = gpu.createKernel(
    function (this: { thread: { x: number; y: number } }, x: number[][]) {
      return 2 * (x[this.thread.y] as number[])[this.thread.x]!;
    },
    { output: [n, n], pipeline: true, immutable: true },
  );
  const doubled = await context.fromGpuJs(await double((await context.toGpuJs(a)) as number[][]));
  const product = await context.matmul(doubled, b);
  const rectified = await context.fromTF(tf.relu(await context.toTF(product)));
  const result = await context.matmul(rectified, b);
  await context.idle();
  for (const tensor of [doubled, product]) tensor.free();
  return result;
}

/** The largest |error| ÷ Σ|terms| of some entries of the chain's result, in float64. */
function worstError(c: Tensor, a: Tensor, b: Tensor): number {
  const n = a.length;
  let worst = 0;
  for (let s = 0; s < CHECKED; s++) {
    const [row, column] = [(s * 7919) % n, (s * 104_729) % n];
    let [sum, size] = [0, 0];
    for (let j = 0; j < n; j++) {
      let inner = 0;
      for (let p = 0; p < n; p++) inner += 2 * a.at(row, p) * b.at(p, j);
      const term = Math.max(0, inner) * b.at(j, column);
      sum += term;
      size += Math.abs(term);
    }
    worst = Math.max(worst, Math.abs(c.at(row, column) - sum) / Math.max(size, 1e-30));
  }
  return worst;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { size: { type: 'string', default: '1024' }, software: { type: 'boolean', default: false } },
  });
  const n = Number(values.size);
  const context = await WebGpuContext.open({ threads: 1, softwareGpu: values.software });
  const [a, b] = [operand('float32', [n, n], 1), operand('float32', [n, n], 2)];
  const [onA, onB] = [context.upload(a), context.upload(b)];
  // Compiles, and measures tiles.
  (await chain(context, onA, onB)).free();
  const reads = new ReadCount(context.device);
  let result: DeviceTensor | undefined;
  const ms = await timed(async () => (result = await chain(context, onA, onB)));
  const readbacks = reads.count;
  const error = worstError(await (result as DeviceTensor).toHost(), a, b);
  const verified = error < 1e-4 ? true : `the relative error is ${error}`;
  sendRow({
    what: 'gpu.js → product → tfjs → product',
    size: n,
    ms,
    readbacks,
    counted: reads.count > readbacks,
    verified,
  });
  if (readbacks > 0) process.exitCode = 1;
  await context.close();
}

await main();
