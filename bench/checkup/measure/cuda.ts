// Products of the cuda context by the card's own clock. Opening it runs the conformance suite on the card; each product
// is read back, and some of its entries are compared. Without CUDA's libraries it says so and is over.
//   node dist/bench/checkup/measure/cuda.js [--sizes 4096] [--halves 4096,8192]
import { parseArgs } from 'node:util';
import type { ContextOptions, DeviceTensor } from '../../../engines/contexts/context.ts';
import { CudaContext } from '../../../engines/contexts/cuda/cuda.ts';
import { probeAll } from '../../../engines/contexts/index.ts';
import { bytesOf } from '../../../src/tensor/dtype.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { type MatmulSizes, sizesOf } from '../../support/matmul-cases.ts';
import { sendRow } from '../../support/rows.ts';
import { median, timed } from '../../support/stats.ts';
import { entriesFault, operand, tf32Fault } from './entries.ts';

const WARM_UP_MS = 200;
const RUNS = 10;
const TRANSFERS = 'transfers of 64 MiB';

type MeasuredDType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int32';

const { values } = parseArgs({
  options: { sizes: { type: 'string', default: '4096' }, halves: { type: 'string', default: '4096,8192' } },
});

async function measure(context: CudaContext, dtype: MeasuredDType, shape: MatmulSizes, tf32: boolean): Promise<void> {
  const [m, k, n] = shape;
  const base = { what: `cuda ${dtype}${tf32 ? ' (TF32)' : ''}`, dtype, tf32, shape: shape.join('×') };
  const [a, b] = [operand(dtype, [m, k], 1), operand(dtype, [k, n], 2)];
  const held: DeviceTensor[] = [];
  try {
    // One after the other: what the first took is given back where the second finds no memory.
    for (const one of [a, b]) held.push(context.upload(one));
    const [x, y] = held as [DeviceTensor, DeviceTensor];
    const c = await context.matmul(x, y);
    const fault = (tf32 ? tf32Fault : entriesFault)(await c.toHost(), a, b);
    c.free();
    if (fault !== undefined) return sendRow({ ...base, verified: fault });
    const once = async (): Promise<number> => {
      let product: ReturnType<CudaContext['matmul']> | undefined;
      const ms = await context.device.stream.time(() => {
        product = context.matmul(x, y);
      });
      (await product)?.free();
      return ms;
    };
    const started = performance.now();
    while (performance.now() - started < WARM_UP_MS) await once();
    const times: number[] = [];
    for (let i = 0; i < RUNS; i++) times.push(await once());
    const ms = Math.min(...times);
    const tflops = (2e-9 * m * k * n) / ms;
    sendRow({ ...base, ms, medianMs: median(times), runs: RUNS, tflops, verified: true });
  } catch (error) {
    sendRow({ ...base, verified: wordsOf(error) });
    // A lost card answers nothing any more.
    context.device.stream.assertAlive();
  } finally {
    for (const one of held) one.free();
  }
}

const wordsOf = (error: unknown): string => (error as Error).message || String(error);

/** Host to card and back, by way of pinned memory. */
async function transfers(context: CudaContext): Promise<void> {
  const host = operand('float32', [4096, 4096], 1);
  let fault: string | undefined;
  const once = async (): Promise<readonly [up: number, down: number]> => {
    const tensor = context.upload(host);
    const up = await timed(() => context.idle());
    let back: Tensor | undefined;
    const down = await timed(async () => (back = await tensor.toHost()));
    tensor.free();
    if (Buffer.compare(bytesOf((back as Tensor).data), bytesOf(host.data)) !== 0) fault = 'other values came back';
    return [up, down];
  };
  const rounds: (readonly [number, number])[] = [];
  for (let i = 0; i < 5; i++) rounds.push(await once());
  const [up, down] = [0, 1].map((side) => median(rounds.slice(1).map((round) => round[side] as number)));
  sendRow({ what: TRANSFERS, waitMs: up, downMs: down, verified: fault ?? true });
}

async function main(): Promise<void> {
  const options = { threads: 1 };
  const probe = (await probeAll(options)).cuda;
  if (!probe.ok) return sendRow({ what: 'skipped', reason: probe.reason });
  const context = await opened(options);
  if (context === undefined) return;
  const { adapter, driver, features } = context.report;
  sendRow({ what: 'conformance', adapter, driver, features, verified: true });
  for (const shape of sizesOf(values.sizes)) {
    for (const dtype of ['float32', 'float64', 'int32'] as const) await measure(context, dtype, shape, false);
  }
  for (const shape of sizesOf(values.halves)) {
    for (const dtype of ['float16', 'bfloat16'] as const) await measure(context, dtype, shape, false);
  }
  await transfers(context).catch((error: unknown) => sendRow({ what: TRANSFERS, verified: wordsOf(error) }));
  await context.close();
  process.env['DIRECTVIEW_CUDA_TF32'] = '1';
  const fast = await opened(options);
  if (fast === undefined) return;
  for (const shape of sizesOf(values.sizes)) await measure(fast, 'float32', shape, true);
  await fast.close();
}

/** The context; undefined where it does not open, wrong products included: a row says why. */
async function opened(options: ContextOptions): Promise<CudaContext | undefined> {
  try {
    return await CudaContext.open(options);
  } catch (error) {
    sendRow({ what: 'opening', verified: wordsOf(error) });
    process.exitCode = 1;
    return undefined;
  }
}

await main();
