// One of the processes of bench/conformance.ts: it opens the adapter once, and runs the groups of cases that it is given.
import { once } from 'node:events';
import { DeviceBuffers } from '../../engines/contexts/webgpu/device-buffers.ts';
import { WebGpuContext } from '../../engines/contexts/webgpu/webgpu.ts';
import { difference } from '../../kernels/matmul/product-check.ts';
import { generator } from '../../kernels/matmul/random.ts';
import { isSplit16, nameOfTile } from '../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { fittedTile, sharedBytes, TILES } from '../../kernels/matmul/webgpu/tiles.ts';
import type { GemmDType } from '../../kernels/matmul/webgpu/wgsl.ts';
import { toHalf } from '../../src/tensor/floats/float16.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { sendRow } from '../support/rows.ts';
import { type Alignment, type Case, candidates, casesOf, covering, groupsOf } from './cases.ts';

/** The outcome of a case: the fault in words, or undefined. */
export interface Outcome {
  readonly tile: string;
  readonly dtype: GemmDType;
  readonly alignment: Alignment;
  readonly shape: string;
  readonly fault: string | undefined;
}

/** The adapter, and the cases that each worker counts alike. */
export interface Found {
  readonly adapter: string;
  readonly driver: string;
  readonly software: boolean;
  /** Lines that tell of tiles and dtypes which this device does not have. */
  readonly skipped: readonly string[];
  readonly groups: number;
  readonly cases: number;
}

/** A worker's message: it is ready, has run a case, or has run all cases that it was given. */
export type FromWorker = { readonly found: Found } | { readonly outcome: Outcome } | { readonly isIdle: true };
/** The next group of cases by its index; undefined: there is none. */
export interface ToWorker {
  readonly group: number | undefined;
}

/** The choice of cases. */
export interface Wish {
  readonly software: boolean;
  /** The tiles whose names fit this regular expression. */
  readonly tiles: string;
  /** All cases of large tiles, too, where the adapter is software. */
  readonly every: boolean;
}

const tell = (message: FromWorker): void => sendRow({ ...message });

function operand(dtype: GemmDType, shape: readonly [number, number], seed: number): Tensor {
  const random = generator(seed);
  const element = { float32: (x: number) => x, float16: toHalf, int32: (x: number) => (x * 2 ** 31) | 0 }[dtype];
  const out = new Tensor(dtype, shape);
  for (let i = 0; i < out.size; i++) out.data[i] = element(random() * 2 - 1);
  return out;
}

async function run(context: WebGpuContext, { tile, dtype, alignment, shape }: Case): Promise<Outcome> {
  const [m, k, n] = shape;
  const { shared, products } = context;
  const [a, b] = [operand(dtype, [m, k], 1), operand(dtype, [k, n], 2)];
  const buffers = new DeviceBuffers(shared);
  const bytes = m * n * (dtype === 'float16' ? 2 : 4);
  const held = [buffers.upload(a), buffers.upload(b), buffers.create(bytes)] as const;
  const query = { a: held[0], b: held[1], c: held[2], product: { m, k, n, dtype } };
  const multiplied = async () => {
    await shared.guard('conformance', () => products.gemm.run({ ...query, tile }));
    const precision = isSplit16(tile) ? 'split16' : 'full';
    return difference(await buffers.read(query.c, dtype, [m, n], bytes), a, b, { precision });
  };
  const fault = await multiplied().catch((error: unknown) => String(error));
  for (const buffer of held) buffer.destroy();
  buffers.clear();
  return { tile: nameOfTile(tile), dtype, alignment, shape: shape.join('×'), fault };
}

function dtypesOf({ device }: WebGpuContext): GemmDType[] {
  return device.features.has('shader-f16') ? ['float32', 'int32', 'float16'] : ['float32', 'int32'];
}

function skippedOn({ device }: WebGpuContext): string[] {
  const shared = device.limits.maxComputeWorkgroupStorageSize;
  const tiles = TILES.filter((one) => fittedTile(one, device.limits) === undefined);
  const lines = tiles.map(
    (one) => `${nameOfTile(one)}: it needs ${sharedBytes(one)} bytes of shared memory, of ${shared}`,
  );
  return device.features.has('shader-f16') ? lines : [...lines, 'float16: this device has no shader-f16'];
}

async function main(): Promise<void> {
  const { software, tiles, every } = JSON.parse(process.argv[2] as string) as Wish;
  const context = await WebGpuContext.open({ threads: 1, softwareGpu: software });
  const { adapter, driver } = context.report;
  const pattern = new RegExp(tiles);
  const wanted = candidates(context.products).filter((tile) => pattern.test(nameOfTile(tile)));
  const all = casesOf(wanted, dtypesOf(context));
  const cases = context.report.software && !every ? covering(all) : all;
  const groups = groupsOf(cases);
  const skipped = skippedOn(context);
  tell({
    found: { adapter, driver, software: context.report.software, skipped, groups: groups.length, cases: cases.length },
  });
  for (;;) {
    const next = once(process, 'message');
    tell({ isIdle: true });
    const [{ group }] = (await next) as [ToWorker];
    if (group === undefined) break;
    for (const one of groups[group] ?? []) tell({ outcome: await run(context, one) });
  }
  await context.close();
  process.disconnect?.();
}

await main();
