import type { Product } from '../../product.ts';
import { type MatrixTile, matrixBlockM, matrixBlockN, matrixTileName } from '../subgroup-matrix.ts';
import { type Tile, tileName } from '../tiles.ts';
import { type SplitTile, splitTileName } from './split.ts';
import { type Split16Tile, split16TileName } from './split16.ts';
import { type StreamTile, streamTileName } from './stream.ts';

/** A kernel that computes one block of C per workgroup, with matrix units or without. */
export type BlockTile = Tile | MatrixTile;
/**
 * How a product is cut into workgroups: into blocks of C, with K cut into parts, with all steps along K shared out evenly, or
 * as a product of halves.
 */
export type GemmTile = BlockTile | SplitTile | StreamTile | Split16Tile;

/** True for a kernel on matrix units. */
export const isMatrix = (tile: GemmTile): tile is MatrixTile => 'config' in tile;
/** True where K is cut into parts. */
export const isSplit = (tile: GemmTile): tile is SplitTile => 'parts' in tile;
/** True where workgroups share the steps along K. */
export const isStream = (tile: GemmTile): tile is StreamTile => 'groups' in tile;
/** True where float32 operands become halves. */
export const isSplit16 = (tile: GemmTile): tile is Split16Tile => 'halves' in tile;

const isAligned = ({ k, n }: Product): boolean => k % 4 === 0 && n % 4 === 0;

/** True if this tile can compute this product. */
export function tileServes(tile: GemmTile, product: Product): boolean {
  const { n, dtype } = product;
  // Parts of a float16 product would be rounded one by one.
  if (isSplit(tile) || isStream(tile)) return dtype !== 'float16';
  // K is padded when operands become halves.
  if (isSplit16(tile)) return dtype === 'float32' && (!isMatrix(tile.halves) || n % 4 === 0);
  return !isMatrix(tile) || (dtype === 'float16' && isAligned(product));
}

/** A short name for a tile of any kind: the key of a measurement. */
export function nameOfTile(tile: GemmTile): string {
  if (isSplit(tile)) return splitTileName(tile);
  if (isStream(tile)) return streamTileName(tile);
  if (isSplit16(tile)) return split16TileName(nameOfTile(tile.halves));
  return isMatrix(tile) ? matrixTileName(tile) : tileName(tile);
}

/** Rows and columns of C that one workgroup computes at a time. */
export function blockSides(tile: GemmTile): readonly [rows: number, columns: number] {
  if (isSplit16(tile)) return blockSides(tile.halves);
  if (isMatrix(tile)) return [matrixBlockM(tile), matrixBlockN(tile)];
  const { blockM, blockN } = isSplit(tile) || isStream(tile) ? tile.tile : tile;
  return [blockM, blockN];
}
