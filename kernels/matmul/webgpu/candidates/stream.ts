import type { Product } from '../../product.ts';
import { THREADS } from '../flat-kernels.ts';
import { type Tile, threadsOf, tileName } from '../tiles.ts';

/** Compute units of the cards that this is made for (H100, H200). WebGPU does not tell how many a device has. */
const UNITS = 132;
/** 32-bit registers of one compute unit, and workgroups that are worth having on it together. */
const REGISTERS = 65_536;
const MOST_TOGETHER = 4;
/** Registers of a thread beside its sums: operands, the vec4s on their way, addresses. Fewer with A transposed. */
const BESIDE = { rows: 90, transposed: 60 };
/** Steps along K that make a workgroup's share worth its sums' way through memory. */
const LEAST_STEPS = 16;
/** The share of compute units that wait in the last wave of whole blocks, from which sharing may gain. */
const WORTH = 0.1;

/**
 * A tile whose workgroups take equal shares of all steps along K, of all blocks, one after the other (stream-K: Osama et al.,
 * "Stream-K: Work-centric Parallel Decomposition for Dense Matrix-Matrix Multiplication on the GPU", 2023). A share may begin
 * and end within a block.
 */
export interface StreamTile {
  readonly tile: Tile;
  /** Workgroups. */
  readonly groups: number;
}

/** A short name: the key of a measurement. */
export const streamTileName = ({ tile, groups }: StreamTile): string => `${tileName(tile)}-s${groups}`;

/** This tile with steps shared out, where whole blocks leave many compute units without work; else undefined. */
export function streamTile(tile: Tile, { m, k, n }: Product): StreamTile | undefined {
  const groups = UNITS * together(tile);
  const blocks = Math.ceil(m / tile.blockM) * Math.ceil(n / tile.blockN);
  const steps = blocks * Math.ceil(k / tile.blockK);
  const places = Math.ceil(blocks / groups) * groups;
  const isWorth = (places - blocks) / places >= WORTH && steps >= groups * LEAST_STEPS;
  return isWorth ? { tile, groups } : undefined;
}

/** Workgroups that run on one compute unit at the same time, by their registers: an estimate. */
function together(tile: Tile): number {
  const each = tile.threadM * tile.threadN + (tile.transposesA === true ? BESIDE.transposed : BESIDE.rows);
  return Math.max(1, Math.min(MOST_TOGETHER, Math.floor(REGISTERS / each / threadsOf(tile))));
}

/** Bytes of one workgroup's sums for the block that it did not begin. */
export const streamPartBytes = ({ blockM, blockN }: Tile): number => 4 * blockM * blockN;

/**
 * WGSL: the first step of a workgroup, and the workgroup that has a step, with all steps counted through. Workgroups have equal
 * shares; the first ones have one step more where there is a rest.
 */
export const SHARES = `
fn firstStep(group: u32, total: u32) -> u32 {
  return group * (total / sizes.groups) + min(group, total % sizes.groups);
}
fn groupOf(step: u32, total: u32) -> u32 {
  let share = total / sizes.groups;
  let more = (total % sizes.groups) * (share + 1u);
  if (step < more) { return step / (share + 1u); }
  return total % sizes.groups + (step - more) / share;
}`;

/** Rows of blocks that are next to each other in the order of blocks (wgsl.ts). */
const GROUP = 8;

/**
 * WGSL that adds the sums of workgroups which did not begin a block to that block of C, in the order of their steps: the same
 * operands give the same bits. One invocation per element. Integers wrap.
 * @param scalar the type of C and of the sums
 */
export function streamSumShader({ blockM, blockN, blockK }: Tile, scalar: 'f32' | 'i32'): string {
  return `struct Sizes {
  m: u32, n: u32, k: u32, lda: u32, offsetA: u32, tilesM: u32, tilesN: u32, accumulate: u32, groups: u32
}
@group(0) @binding(0) var<storage, read_write> c: array<${scalar}>;
@group(0) @binding(1) var<storage, read> parts: array<${scalar}>;
${SHARES}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) all: vec3<u32>) {
  let i = id.y * all.x * ${THREADS}u + id.x;
  if (i >= sizes.m * sizes.n) { return; }
  let row = i / sizes.n;
  let column = i % sizes.n;
  let top = (row / ${blockM}u) / ${GROUP}u * ${GROUP}u;
  let height = min(sizes.tilesM - top, ${GROUP}u);
  let block = top * sizes.tilesN + (column / ${blockN}u) * height + (row / ${blockM}u) % ${GROUP}u;
  let steps = (sizes.k + ${blockK - 1}u) / ${blockK}u;
  let total = sizes.tilesM * sizes.tilesN * steps;
  let at = (row % ${blockM}u) * ${blockN}u + column % ${blockN}u;
  var sum = c[i];
  var group = groupOf(block * steps, total) + 1u;
  while (firstStep(group, total) < (block + 1u) * steps) {
    sum += parts[group * ${blockM * blockN}u + at];
    group++;
  }
  c[i] = sum;
}`;
}
