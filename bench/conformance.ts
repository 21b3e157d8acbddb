// Conformance of the matmul kernels on the adapter that is really used: every tile at every dtype and alignment, each
// product compared with the reference in full. `node dist/bench/conformance.js [--software] [--hardware] [--tiles PATTERN] [--json FILE]`
// Without a hardware adapter it says so and runs on the software GPU; with --hardware it does not run then. --tiles
// takes those whose name fits a regular expression. Exit code 1 for a wrong product, 3 for no adapter.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { probeAdapter } from '../engines/contexts/webgpu/dawn.ts';
import { DeviceBuffers } from '../engines/contexts/webgpu/device-buffers.ts';
import { WebGpuContext } from '../engines/contexts/webgpu/webgpu.ts';
import { difference } from '../kernels/matmul/product-check.ts';
import { generator } from '../kernels/matmul/random.ts';
import {
  blockSides,
  type GemmTile,
  isMatrix,
  isSplit,
  isSplit16,
  isStream,
  nameOfTile,
  tileServes,
} from '../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { fittedTile, sharedBytes, TILES, type Tile } from '../kernels/matmul/webgpu/tiles.ts';
import type { GemmDType } from '../kernels/matmul/webgpu/wgsl.ts';
import { table } from '../src/cli/table.ts';
import { softwareGpuEnv } from '../src/cluster/launchers/software-gpu.ts';
import { toHalf } from '../src/tensor/float16.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { sendRow } from './support/rows.ts';

/** One product of the suite. */
interface Case {
  readonly tile: GemmTile;
  readonly dtype: GemmDType;
  readonly alignment: string;
  readonly shape: readonly [m: number, k: number, n: number];
}

/** The choice of the command line. */
interface Wish {
  readonly json: string | undefined;
  /** The tiles whose names fit. */
  readonly tiles: RegExp;
}

/** The outcome of a case: the fault in words, or undefined. */
interface Outcome {
  readonly tile: string;
  readonly dtype: GemmDType;
  readonly alignment: string;
  readonly shape: string;
  readonly fault: string | undefined;
}

const IN_SOFTWARE = 'DIRECTVIEW_CONFORMANCE_SOFTWARE';

/**
 * Sizes that take each path of a tile's kernel: whole blocks, edges, and rows of A or B that do not start at a vec4. Kernels on
 * matrix units load the matrices of blocks inside C otherwise than those at its edge.
 */
function shapesOf(tile: GemmTile): Record<string, Case['shape']> {
  const [m, n] = blockSides(tile);
  const k = depthOf(tile);
  const both: Record<string, Case['shape']> = { 'inside and edge': [m + 8, 2 * k, n + 8] };
  return {
    'whole blocks': [m, 2 * k, n],
    edges: [m + 3, 3 * k - 4, n + 4],
    'A odd': [m + 1, k + 5, n + 4],
    'B odd': [m - 1, k + 4, n + 3],
    'both odd': [m + 5, 2 * k + 3, n - 5],
    'less than a block': [5, 3, 7],
    ...(isMatrix(tile) || isStream(tile) ? both : {}),
  };
}

/** A depth that makes several steps of a kernel; for a tile that cuts K, in each part. */
function depthOf(tile: GemmTile): number {
  if (isSplit16(tile)) return depthOf(tile.halves);
  if (isMatrix(tile)) return 64;
  return isSplit(tile) || isStream(tile) ? 8 * tile.tile.blockK : tile.blockK;
}

function casesOf(tiles: readonly GemmTile[], dtypes: readonly GemmDType[]): Case[] {
  return tiles.flatMap((tile) =>
    dtypes.flatMap((dtype) =>
      Object.entries(shapesOf(tile))
        .filter(([, [m, k, n]]) => tileServes(tile, { m, k, n, dtype }))
        .map(([alignment, shape]) => ({ tile, dtype, alignment, shape })),
    ),
  );
}

/**
 * Every tile of this device, and of each other kind those that the tuner offers by shape: here over the smallest tile, and over
 * those that store A transposed.
 */
function candidates({ products }: WebGpuContext): GemmTile[] {
  const smallest = TILES.at(-1) as Tile;
  const bases = [smallest, ...TILES.filter((tile) => tile.transposesA === true && tile.blockM === 64)];
  const cut = bases.map((tile): GemmTile => ({ tile, parts: 3 }));
  const shared = bases.map((tile): GemmTile => ({ tile, groups: 5 }));
  return [...products.allTiles, ...cut, ...shared, { halves: smallest }, ...products.split16Tiles];
}

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
  return { tile: nameOfTile(tile), dtype, alignment, shape: shape.join('×'), fault };
}

function render(outcomes: readonly Outcome[]): string {
  const alignments = [...new Set(outcomes.map((o) => o.alignment))];
  const keys = [...new Set(outcomes.map((o) => `${o.tile} ${o.dtype}`))];
  const cell = (key: string, alignment: string) => {
    const found = outcomes.find((o) => `${o.tile} ${o.dtype}` === key && o.alignment === alignment);
    return found === undefined ? '–' : found.fault === undefined ? 'right' : 'WRONG';
  };
  const rows = keys.map((key) => [...key.split(' '), ...alignments.map((alignment) => cell(key, alignment))]);
  return table(['tile', 'dtype', ...alignments], rows).trimEnd();
}

async function suite({ json, tiles }: Wish): Promise<number> {
  const context = await WebGpuContext.open({ threads: 1, softwareGpu: process.env[IN_SOFTWARE] === '1' });
  const { adapter, driver, software } = context.report;
  console.log(`adapter: ${adapter} (${driver})${software ? ', in software' : ''}`);
  const dtypes: GemmDType[] = context.device.features.has('shader-f16')
    ? ['float32', 'int32', 'float16']
    : ['float32', 'int32'];
  const shared = context.device.limits.maxComputeWorkgroupStorageSize;
  for (const tile of TILES.filter((one) => fittedTile(one, context.device.limits) === undefined)) {
    console.log(`SKIPPED ${nameOfTile(tile)}: it needs ${sharedBytes(tile)} bytes of shared memory, of ${shared}`);
  }
  if (dtypes.length === 2) console.log('SKIPPED float16: this device has no shader-f16');
  const wanted = candidates(context).filter((tile) => tiles.test(nameOfTile(tile)));
  const cases = casesOf(wanted, dtypes);
  const outcomes: Outcome[] = [];
  for (const one of cases) {
    const outcome = await run(context, one);
    outcomes.push(outcome);
    sendRow({ what: 'conformance', ...outcome, verified: outcome.fault ?? true });
    if (process.stderr.isTTY) process.stderr.write(`\r${outcomes.length} of ${cases.length} cases`);
  }
  if (process.stderr.isTTY) process.stderr.write('\r');
  await context.close();
  console.log(render(outcomes));
  const wrong = outcomes.filter(({ fault }) => fault !== undefined);
  for (const { tile, dtype, shape, fault } of wrong) console.log(`WRONG ${tile} ${dtype} ${shape}: ${fault}`);
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ adapter, driver, software, outcomes }, null, 2)}\n`);
  console.log(`${outcomes.length} cases, ${wrong.length} wrong`);
  return wrong.length > 0 ? 1 : 0;
}

// The Vulkan loader reads its variables when a process starts. Rows of the child go on to whoever started this one.
async function inSoftware(): Promise<number> {
  const env = { ...process.env, ...(await softwareGpuEnv()), [IN_SOFTWARE]: '1' };
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { env, stdio: 'inherit' });
  child.on('message', (row) => sendRow(row as Record<string, unknown>));
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      software: { type: 'boolean', default: false },
      hardware: { type: 'boolean', default: false },
      tiles: { type: 'string', default: '' },
      json: { type: 'string' },
    },
  });
  const wish: Wish = { json: values.json, tiles: new RegExp(values.tiles) };
  if (process.env[IN_SOFTWARE] === '1') return suite(wish);
  const probe = values.software ? undefined : await probeAdapter({ threads: 1 });
  if (probe?.ok === true) return suite(wish);
  if (probe !== undefined) console.log(`no hardware adapter: ${probe.reason}`);
  if (values.hardware) return 3;
  try {
    return await inSoftware();
  } catch (error) {
    console.log(`no software adapter: ${(error as Error).message}`);
    return 3;
  }
}

process.exitCode = await main();
