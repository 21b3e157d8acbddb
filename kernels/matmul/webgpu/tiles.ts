import type { Product } from '../product.ts';

/** The tile sizes of one WGSL GEMM kernel. */
export interface Tile {
  /** Rows and columns of C that one workgroup computes, and the depth of one step along K. */
  readonly blockM: number;
  readonly blockN: number;
  readonly blockK: number;
  /** Rows and columns of C that one thread holds in registers. */
  readonly threadM: number;
  readonly threadN: number;
  /** 2: a step is written beside the one being read, with one barrier per step. 1: half the shared memory. */
  readonly buffers: 1 | 2;
  /** Steps of 4 along K that the text repeats in one loop iteration. */
  readonly unroll: number;
  /**
   * How the rows of A's block avoid each other's memory banks: by one vec4 of padding after each, or by columns in an
   * order that depends on the row (XOR swizzle), which needs no memory.
   */
  readonly rowsOfA: 'padded' | 'swizzled';
  /** A's block lies in shared memory as vec4s along M, not along K: fewer registers are live (rows-of-a.ts). */
  readonly transposesA?: true;
}

const tile = (
  [blockM, blockN, blockK]: [number, number, number],
  [threadM, threadN]: [number, number],
  [buffers, unroll]: [1 | 2, number],
): Tile => ({ blockM, blockN, blockK, threadM, threadN, buffers, unroll, rowsOfA: 'padded' });

const transposing = (t: Tile): Tile => ({ ...t, transposesA: true });

/** The tiles that are worth a measurement, from large to small; a guess takes none of those behind a like-sized one. */
export const TILES: readonly Tile[] = [
  tile([128, 128, 16], [8, 8], [2, 1]),
  tile([128, 128, 16], [8, 8], [2, 4]),
  tile([128, 128, 16], [8, 8], [1, 1]),
  tile([128, 128, 8], [8, 8], [2, 2]),
  transposing(tile([128, 128, 8], [8, 8], [2, 2])),
  transposing(tile([128, 128, 16], [8, 8], [1, 1])),
  tile([128, 256, 8], [8, 16], [2, 1]),
  transposing(tile([128, 256, 8], [8, 16], [2, 1])),
  tile([128, 64, 16], [8, 4], [2, 1]),
  tile([64, 128, 16], [4, 8], [2, 1]),
  tile([64, 64, 16], [4, 4], [2, 1]),
  tile([64, 64, 16], [8, 8], [2, 1]),
  transposing(tile([64, 64, 16], [8, 8], [2, 1])),
  tile([32, 32, 16], [4, 4], [1, 1]),
];

/** A short name: the key of a compiled pipeline and of a measurement. */
export function tileName(t: Tile): string {
  const rows = `${t.transposesA === true ? 't' : ''}${t.rowsOfA === 'swizzled' ? 's' : ''}`;
  return `${t.blockM}x${t.blockN}x${t.blockK}-${t.threadM}x${t.threadN}-b${t.buffers}u${t.unroll}${rows}`;
}

/** Threads of one workgroup. */
export const threadsOf = (t: Tile): number => (t.blockM / t.threadM) * (t.blockN / t.threadN);

/** vec4s from one row of A's block to the next in shared memory; from one column, where A is transposed. */
export const strideA = (t: Tile): number =>
  (t.transposesA === true ? t.blockM : t.blockK) / 4 + (t.rowsOfA === 'padded' ? 1 : 0);

/** Bytes of shared memory; A and B consist of 32-bit elements. */
export function sharedBytes(t: Tile): number {
  const rows = t.transposesA === true ? t.blockK : t.blockM;
  return t.buffers * 16 * (rows * strideA(t) + t.blockK * (t.blockN / 4));
}

/** The limits of a GPUDevice that decide which tiles it can run. */
export interface TileLimits {
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
}

/**
 * The tile as this device can run it: as it is, or swizzled where its padding exceeds the shared memory. WebGPU promises
 * 16 KiB, most GPUs have 32 KiB: the double-buffered tiles of 128×128×16 fill that exactly. Undefined: it cannot.
 */
export function fittedTile(t: Tile, limits: TileLimits): Tile | undefined {
  const threads = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  if (threadsOf(t) > threads) return undefined;
  const variants: Tile[] = [t, { ...t, rowsOfA: 'swizzled' }];
  return variants.find((one) => sharedBytes(one) <= limits.maxComputeWorkgroupStorageSize);
}

/** The tiles that this device can run: at least one, as the smallest fits every WebGPU device. */
export function tilesFor(limits: TileLimits): readonly Tile[] {
  return TILES.flatMap((t) => fittedTile(t, limits) ?? []);
}

// With fewer workgroups, a large tile leaves most of a GPU without work.
const ENOUGH_GROUPS = 64;

/** The tile to take without a measurement: the largest that gives 64 workgroups, else the smallest that C fills. */
export function guessTile({ m, n }: Product, limits: TileLimits): Tile {
  const fitting = tilesFor(limits);
  const groups = (t: Tile) => Math.ceil(m / t.blockM) * Math.ceil(n / t.blockN);
  const filled = fitting.filter((t) => t.blockM <= Math.max(32, m) && t.blockN <= Math.max(32, n));
  return filled.find((t) => groups(t) >= ENOUGH_GROUPS) ?? filled.find((t) => t.blockM === 64) ?? fitting.at(-1)!;
}
