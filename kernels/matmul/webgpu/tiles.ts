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
}

const tile = (
  [blockM, blockN, blockK]: [number, number, number],
  [threadM, threadN]: [number, number],
  [buffers, unroll]: [1 | 2, number],
): Tile => ({ blockM, blockN, blockK, threadM, threadN, buffers, unroll });

/** The tiles that are worth a measurement, from large to small. */
export const TILES: readonly Tile[] = [
  tile([128, 128, 16], [8, 8], [2, 1]),
  tile([128, 128, 16], [8, 8], [2, 4]),
  tile([128, 128, 16], [8, 8], [1, 1]),
  tile([128, 128, 8], [8, 8], [2, 2]),
  tile([128, 64, 16], [8, 4], [2, 1]),
  tile([64, 128, 16], [4, 8], [2, 1]),
  tile([64, 64, 16], [4, 4], [2, 1]),
  tile([64, 64, 16], [8, 8], [2, 1]),
  tile([32, 32, 16], [4, 4], [1, 1]),
];

/** A short name: the key of a compiled pipeline and of a measurement. */
export function tileName(t: Tile): string {
  return `${t.blockM}x${t.blockN}x${t.blockK}-${t.threadM}x${t.threadN}-b${t.buffers}u${t.unroll}`;
}

/** Threads of one workgroup. */
export const threadsOf = (t: Tile): number => (t.blockM / t.threadM) * (t.blockN / t.threadN);

/** Bytes of shared memory. A has one vec4 of padding per row, B has none; both consist of 32-bit elements. */
export function sharedBytes(t: Tile): number {
  return t.buffers * 16 * (t.blockM * (t.blockK / 4 + 1) + t.blockK * (t.blockN / 4));
}

/** The limits of a GPUDevice that decide which tiles it can run. */
export interface TileLimits {
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
}

/** The tiles that this device can run: at least one, as the smallest fits every WebGPU device. */
export function tilesFor(limits: TileLimits): readonly Tile[] {
  const threads = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  return TILES.filter((t) => sharedBytes(t) <= limits.maxComputeWorkgroupStorageSize && threadsOf(t) <= threads);
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
