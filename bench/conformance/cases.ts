import {
  blockSides,
  type GemmTile,
  isMatrix,
  isSplit,
  isSplit16,
  isStream,
  nameOfTile,
  tileServes,
} from '../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import type { Split16Tile } from '../../kernels/matmul/webgpu/candidates/split16.ts';
import { TILES, type Tile } from '../../kernels/matmul/webgpu/tiles.ts';
import type { GemmDType } from '../../kernels/matmul/webgpu/wgsl.ts';

/** One product of the suite. */
export interface Case {
  readonly tile: GemmTile;
  readonly dtype: GemmDType;
  readonly alignment: Alignment;
  readonly shape: readonly [m: number, k: number, n: number];
}

/** Where blocks lie in C, and how rows of A and B are aligned. */
export type Alignment = (typeof ALIGNMENTS)[number];

const ALIGNMENTS = [
  'whole blocks',
  'edges',
  'inside and edge',
  'A odd',
  'B odd',
  'both odd',
  'less than a block',
] as const;

/** The tiles of a device, as its GpuMatmul lists them. */
export interface DeviceTiles {
  readonly allTiles: readonly GemmTile[];
  readonly split16Tiles: readonly Split16Tile[];
}

/**
 * Every tile of this device, and of each other kind those that the tuner offers by shape: here over the smallest tile, and over
 * those that store A transposed.
 */
export function candidates({ allTiles, split16Tiles }: DeviceTiles): GemmTile[] {
  const smallest = TILES.at(-1) as Tile;
  const bases = [smallest, ...TILES.filter((tile) => tile.transposesA === true && tile.blockM === 64)];
  const cut = bases.map((tile): GemmTile => ({ tile, parts: 3 }));
  const shared = bases.map((tile): GemmTile => ({ tile, groups: 5 }));
  return [...allTiles, ...cut, ...shared, { halves: smallest }, ...split16Tiles];
}

/** Every tile in every dtype at every alignment, as far as the tile computes such products. */
export function casesOf(tiles: readonly GemmTile[], dtypes: readonly GemmDType[]): Case[] {
  return tiles.flatMap((tile) =>
    dtypes.flatMap((dtype) =>
      ALIGNMENTS.flatMap((alignment) => {
        const shape = shapesOf(tile)[alignment];
        if (shape === undefined) return [];
        const [m, k, n] = shape;
        return tileServes(tile, { m, k, n, dtype }) ? [{ tile, dtype, alignment, shape }] : [];
      }),
    ),
  );
}

/** Blocks of so many elements and more take a software adapter seconds for each kernel. */
const LARGE = 128 * 64;

/** The alignments of large tiles, in two halves: what is not whole or at an edge reads elements one by one. */
const HALVES: readonly (readonly Alignment[])[] = [
  ['whole blocks', 'edges', 'both odd', 'inside and edge'],
  ['whole blocks', 'A odd', 'B odd', 'less than a block'],
];

/**
 * A covering set: small tiles in full. A large tile runs each alignment in one dtype, and each dtype at about half of the alignments; the
 * halves change places from tile to tile. So every pair of tile and dtype, tile and alignment, and dtype and alignment stays.
 */
export function covering(cases: readonly Case[]): Case[] {
  const tiles = [...new Set(cases.map(({ tile }) => nameOfTile(tile)))];
  const dtypes = [...new Set(cases.map(({ dtype }) => dtype))];
  return cases.filter(({ tile, dtype, alignment }) => {
    const [rows, columns] = blockSides(tile);
    // These compute one dtype only.
    if (rows * columns < LARGE || isMatrix(tile) || isSplit16(tile)) return true;
    const turn = (tiles.indexOf(nameOfTile(tile)) + dtypes.indexOf(dtype)) % HALVES.length;
    return HALVES[turn]?.includes(alignment);
  });
}

/** The cases by tile and dtype: those of a group share kernels. */
export function groupsOf(cases: readonly Case[]): Case[][] {
  const groups = new Map<string, Case[]>();
  for (const one of cases) {
    const key = `${nameOfTile(one.tile)} ${one.dtype}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

/**
 * Sizes that take each path of a tile's kernel: whole blocks, edges, and rows of A or B that do not start at a vec4. Kernels on
 * matrix units load the matrices of blocks inside C otherwise than those at its edge.
 */
function shapesOf(tile: GemmTile): Partial<Record<Alignment, Case['shape']>> {
  const [m, n] = blockSides(tile);
  const k = depthOf(tile);
  const both: Case['shape'] = [m + 8, 2 * k, n + 8];
  return {
    'whole blocks': [m, 2 * k, n],
    edges: [m + 3, 3 * k - 4, n + 4],
    'A odd': [m + 1, k + 5, n + 4],
    'B odd': [m - 1, k + 4, n + 3],
    'both odd': [m + 5, 2 * k + 3, n - 5],
    'less than a block': [5, 3, 7],
    ...(isMatrix(tile) || isStream(tile) ? { 'inside and edge': both } : {}),
  };
}

/** A depth that makes several steps of a kernel; for a tile that cuts K, in each part. */
function depthOf(tile: GemmTile): number {
  if (isSplit16(tile)) return depthOf(tile.halves);
  if (isMatrix(tile)) return 64;
  return isSplit(tile) || isStream(tile) ? 8 * tile.tile.blockK : tile.blockK;
}
