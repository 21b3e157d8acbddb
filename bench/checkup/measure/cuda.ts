// Products of the cuda context by the card's own clock. Opening it runs the conformance suite on the card; each product
// is read back, and some of its entries are compared. Without CUDA's libraries it says so and is over.
//   node dist/bench/checkup/measure/cuda.js [--sizes 4096] [--halves 4096,8192]
import { parseArgs } from 'node:util';
import { CudaContext } from '../../../engines/contexts/cuda/cuda.ts';
import { probeAll } from '../../../engines/contexts/index.ts';
import { type MatmulSizes, sizesOf } from '../../support/matmul-cases.ts';
import { sendRow } from '../../support/rows.ts';
import { median, timed } from '../../support/stats.ts';
import { entriesFault, operand } from './entries.ts';

const WARM_UP_MS = 200;
const RUNS = 10;

type MeasuredDType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int32';

const { values } = parseArgs({
  options: { sizes: { type: 'string', default: '4096' }, halves: { type: 'string', default: '4096,8192' } },
});

async function measure(context: CudaContext, dtype: MeasuredDType, shape: MatmulSizes, tf32: boolean): Promise<void> {
  const [m, k, n] = shape;
  const base = { what: `cuda ${dtype}${tf32 ? ' (TF32)' : ''}`, dtype, tf32, shape: shape.join('×') };
  const [a, b] = [operand(dtype, [m, k], 1), operand(dtype, [k, n], 2)];
  const [x, y] = [context.upload(a), context.upload(b)];
  try {
    const c = await context.matmul(x, y);
    // TF32 rounds its operands: its products are not those of float32.
    const fault = tf32 ? undefined : entriesFault(await c.toHost(), a, b);
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
    sendRow({ ...base, ms, medianMs: median(times), runs: RUNS, tflops, verified: tf32 ? undefined : true });
  } catch (error) {
    sendRow({ ...base, verified: (error as Error).message || String(error) });
  } finally {
    for (const one of [x, y]) one.free();
  }
}

/** Host to card and back, by way of pinned memory. */
async function transfers(context: CudaContext): Promise<void> {
  const host = operand('float32', [4096, 4096], 1);
  const once = async (): Promise<readonly [up: number, down: number]> => {
    const tensor = context.upload(host);
    const up = await timed(() => context.idle());
    const down = await timed(() => tensor.toHost());
    tensor.free();
    return [up, down];
  };
  const rounds: (readonly [number, number])[] = [];
  for (let i = 0; i < 5; i++) rounds.push(await once());
  const [up, down] = [0, 1].map((side) => median(rounds.slice(1).map((round) => round[side] as number)));
  sendRow({ what: 'transfers of 64 MiB', waitMs: up, downMs: down });
}

async function main(): Promise<void> {
  const options = { threads: 1 };
  const probe = (await probeAll(options)).cuda;
  if (!probe.ok) return sendRow({ what: 'skipped', reason: probe.reason });
  const context = await CudaContext.open(options);
  const { adapter, driver, features } = context.report;
  sendRow({ what: 'conformance', adapter, driver, features, verified: true });
  for (const shape of sizesOf(values.sizes)) {
    for (const dtype of ['float32', 'float64', 'int32'] as const) await measure(context, dtype, shape, false);
  }
  for (const shape of sizesOf(values.halves)) {
    for (const dtype of ['float16', 'bfloat16'] as const) await measure(context, dtype, shape, false);
  }
  await transfers(context);
  await context.close();
  process.env['DIRECTVIEW_CUDA_TF32'] = '1';
  const fast = await CudaContext.open(options);
  for (const shape of sizesOf(values.sizes)) await measure(fast, 'float32', shape, true);
  await fast.close();
}

await main();
