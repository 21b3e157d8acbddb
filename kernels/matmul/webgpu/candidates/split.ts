import type { Product } from '../../product.ts';
import type { BindingLimits, Chunk } from '../chunks.ts';
import { THREADS } from '../flat-kernels.ts';
import { type Tile, tileName } from '../tiles.ts';

/**
 * WebGPU does not tell how many compute units a device has; large GPUs have 100 to 150. A product with fewer blocks than
 * two for each leaves most of them without work.
 */
const ENOUGH_BLOCKS = 256;
/** A buffer for each part but the first is bound beside C, and every device binds eight. */
const MOST_PARTS = 8;
/** The inner indices that make a part worth its dispatch. */
const LEAST_DEPTH = 256;
/** Bytes of all parts of C that are worth their memory. */
const MOST_BYTES = 32 * 2 ** 20;

/** A tile that also cuts K: its parts are computed at the same time, each into a buffer, and then added up. */
export interface SplitTile {
  readonly tile: Tile;
  readonly parts: number;
}

/** A short name: the key of a measurement. */
export const splitTileName = ({ tile, parts }: SplitTile): string => `${tileName(tile)}-k${parts}`;

/** This tile with K cut, for a product whose blocks are too few for a GPU; undefined where they are enough. */
export function splitTile(tile: Tile, { m, k, n }: Product): SplitTile | undefined {
  const blocks = Math.ceil(m / tile.blockM) * Math.ceil(n / tile.blockN);
  const wanted = 2 ** Math.ceil(Math.log2(ENOUGH_BLOCKS / blocks));
  const parts = Math.min(MOST_PARTS, wanted, Math.floor(k / LEAST_DEPTH), Math.floor(MOST_BYTES / (4 * m * n)));
  return parts > 1 ? { tile, parts } : undefined;
}

/** True if the few blocks of a product make it worth a measurement, however few multiplications it has. */
export const isLongAndThin = ({ m, k, n }: Product): boolean => k >= 4096 && m * n >= 1024 && m * n <= 2 ** 20;

/** The parts of K: at most `parts` of them, each starting where a binding of B may start. */
export function partsOf({ m, k, n }: Product, parts: number, limits: BindingLimits): Chunk[] {
  let step = 4;
  while ((step * n * 4) % limits.minStorageBufferOffsetAlignment !== 0) step *= 2;
  const depth = Math.ceil(k / parts / step) * step;
  const starts = Array.from({ length: Math.ceil(k / depth) }, (_, i) => i * depth);
  return starts.map((k0) => ({ m0: 0, m1: m, k0, k1: Math.min(k, k0 + depth) }));
}

/** WGSL that adds buffers to the first one. Integers wrap. */
export function sumShader(scalar: 'f32' | 'i32', parts: number): string {
  const others = Array.from({ length: parts - 1 }, (_, i) => i + 1);
  const bindings = others.map((i) => `@group(0) @binding(${i}) var<storage, read> part${i}: array<${scalar}>;`);
  return `
@group(0) @binding(0) var<storage, read_write> c: array<${scalar}>;
${bindings.join('\n')}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.y * groups.x * ${THREADS}u + id.x;
  if (i >= arrayLength(&part1)) { return; }
  c[i] = c[i] + ${others.map((part) => `part${part}[i]`).join(' + ')};
}`;
}
