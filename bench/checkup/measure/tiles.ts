// Times WGSL kernels by the card's own clock: the one that a product gets without measurements first, then each
// candidate, then the tuner's choice, which lands in the user's cache. Each is checked before it is timed.
//   node dist/bench/checkup/measure/tiles.js --sizes 4096,4096x64x4096 [--dtype float32] [--software] [--tiles PATTERN] [--no-tune]
import { parseArgs } from 'node:util';
import { DeviceBuffers } from '../../../engines/contexts/webgpu/device-buffers.ts';
import type { TileQuery } from '../../../engines/contexts/webgpu/gpu-matmul.ts';
import { GpuTimer } from '../../../engines/contexts/webgpu/gpu-timer.ts';
import { WebGpuContext } from '../../../engines/contexts/webgpu/webgpu.ts';
import {
  type GemmTile,
  isSplit16,
  nameOfTile,
  tileServes,
} from '../../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { guessTile } from '../../../kernels/matmul/webgpu/tiles.ts';
import type { GemmDType } from '../../../kernels/matmul/webgpu/wgsl.ts';
import { type MatmulSizes, sizesOf } from '../../support/matmul-cases.ts';
import { sendRow } from '../../support/rows.ts';
import { median } from '../../support/stats.ts';
import { entriesFault, operand } from './entries.ts';

/** The clock of a card climbs for a while. */
const WARM_UP_MS = 200;
const LEAST_RUNS = 10;
/** Candidates that are slower than this get one run. */
const LONG_MS = 500;

interface Options {
  readonly dtype: GemmDType;
  readonly software: boolean;
  readonly tiles: RegExp;
  readonly tunes: boolean;
}

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1024' },
    dtype: { type: 'string', default: 'float32' },
    software: { type: 'boolean', default: false },
    tiles: { type: 'string', default: '' },
    'no-tune': { type: 'boolean', default: false },
  },
});

async function timesOf(timer: GpuTimer, run: (writes: GPUComputePassTimestampWrites) => void): Promise<number[]> {
  const started = performance.now();
  const first = await timer.time(run);
  if (first > LONG_MS) return [first];
  while (performance.now() - started < WARM_UP_MS) await timer.time(run);
  const times: number[] = [];
  for (let i = 0; i < LEAST_RUNS; i++) times.push(await timer.time(run));
  return times;
}

/** One size: its operands stay on the card while candidates take turns. */
class SizeBench {
  readonly #context: WebGpuContext;
  readonly #query: TileQuery;
  readonly #timer: GpuTimer;
  readonly #shape: MatmulSizes;

  constructor(context: WebGpuContext, query: TileQuery, timer: GpuTimer, shape: MatmulSizes) {
    this.#context = context;
    this.#query = query;
    this.#timer = timer;
    this.#shape = shape;
  }

  /** Checks and times one kernel, and sends the row. */
  async row(what: string, tile: GemmTile): Promise<void> {
    const { products } = this.#context;
    const [m, k, n] = this.#shape;
    const { dtype } = this.#query.product;
    const precision = isSplit16(tile) ? 'split16' : undefined;
    const base = { what, dtype, precision, shape: this.#shape.join('×'), tile: nameOfTile(tile) };
    try {
      const fault = await products.check(this.#query, tile);
      if (fault !== undefined) return sendRow({ ...base, verified: fault });
      const times = await timesOf(this.#timer, (timestampWrites) => {
        products.gemm.run({ ...this.#query, tile, timestampWrites });
      });
      const ms = Math.min(...times);
      if (!(ms > 0)) return sendRow({ ...base, verified: `the clock gave ${ms} ms` });
      const tflops = (2e-9 * m * k * n) / ms;
      sendRow({ ...base, ms, medianMs: median(times), runs: times.length, tflops, verified: true });
    } catch (error) {
      // A lost card ends promises with an error that has no words.
      const { lost } = this.#context.shared;
      const words = (error as Error).message || String(error);
      sendRow({ ...base, verified: lost === undefined ? words : `the card was lost (${lost})` });
      this.#context.shared.assertAlive();
    }
  }
}

/** float32 from halves: measured beside the tiles, and chosen by nobody who does not ask for it. */
function split16Of({ products }: WebGpuContext, { product }: TileQuery, { tiles }: Options): GemmTile[] {
  return products.split16Tiles.filter((tile) => tileServes(tile, product) && tiles.test(nameOfTile(tile)));
}

async function onSize(context: WebGpuContext, shape: MatmulSizes, options: Options): Promise<void> {
  const { products, shared } = context;
  const [m, k, n] = shape;
  const { dtype } = options;
  const buffers = new DeviceBuffers(shared);
  const [a, b] = [operand(dtype, [m, k], 1), operand(dtype, [k, n], 2)];
  const bytes = m * n * (dtype === 'float16' ? 2 : 4);
  const held = await shared.guard(
    'operands',
    () => [buffers.upload(a), buffers.upload(b), buffers.create(bytes)] as const,
  );
  const query: TileQuery = { a: held[0], b: held[1], c: held[2], product: { m, k, n, dtype } };
  const timer = new GpuTimer(shared.device);
  try {
    const bench = new SizeBench(context, query, timer, shape);
    const tiles = products.tiles(query.product).filter((tile) => options.tiles.test(nameOfTile(tile)));
    const guess = guessTile(query.product, products.gemm.limits);
    if (options.tiles.test(nameOfTile(guess))) await bench.row('guess', guess);
    for (const tile of tiles) await bench.row('candidate', tile);
    for (const tile of split16Of(context, query, options)) await bench.row('from halves', tile);
    if (options.tunes) {
      const tile = await products.tune(query, tiles);
      await bench.row('tuned', tile);
      const last = products.tunings.at(-1);
      if (last !== undefined) sendRow({ what: 'tuning', ...last });
      // The whole way, besides the check on the card: some entries of what is read back, in float64.
      await shared.guard('product', () => products.gemm.run({ ...query, tile }));
      const fault = entriesFault(await buffers.read(query.c, dtype, [m, n], bytes), a, b);
      sendRow({ what: 'entries', dtype, shape: shape.join('×'), tile: nameOfTile(tile), verified: fault ?? true });
    }
  } finally {
    timer.destroy();
    for (const buffer of held) buffer.destroy();
  }
}

async function main(): Promise<void> {
  const { software, dtype } = values;
  const context = await WebGpuContext.open({ threads: 1, softwareGpu: software });
  try {
    if (!context.device.features.has('timestamp-query')) throw new Error('this adapter has no timestamps');
    if (dtype === 'float16' && !context.device.features.has('shader-f16')) {
      return sendRow({ what: 'skipped', reason: 'this adapter has no shader-f16' });
    }
    const options = { dtype: dtype as GemmDType, software, tiles: new RegExp(values.tiles), tunes: !values['no-tune'] };
    for (const shape of sizesOf(values.sizes)) await onSize(context, shape, options);
  } finally {
    await context.close();
  }
}

await main();
