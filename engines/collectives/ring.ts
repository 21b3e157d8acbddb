import { RELAY_BYTES } from '../../src/protocol/relay-chunks.ts';
import type { TypedArray } from '../../src/tensor/dtype.ts';
import type { Range } from '../../src/tensor/partition.ts';
import {
  broadcastSeconds,
  type LinkCosts,
  ringSeconds,
  rootSeconds,
  treeSeconds,
  USUAL_COSTS,
} from '../peers/link-costs.ts';
import { LARGE_BYTES } from './agreement.ts';
import type { Group } from './group.ts';
import { accumulate, isCommutative, type ReduceOp } from './operation.ts';

/** Reductions by the ranks that get the result: all of it on all, all of it on one, a part on each. */
export type ReductionKind = 'all-reduce' | 'reduce' | 'reduce-scatter';

/**
 * Is this reduction quicker round a ring than by a tree? All ranks say the same: their shapes and costs are equal. Two ranks
 * gain nothing by it.
 */
export function goesRound(
  { size, links = USUAL_COSTS }: Group,
  { byteLength }: TypedArray,
  op: ReduceOp,
  reduction: ReductionKind,
): boolean {
  if (!isCommutative(op) || size < 3 || byteLength < LARGE_BYTES) return false;
  const { ring, tree } = secondHalf(reduction, links, size, byteLength);
  return ringSeconds(links, size, byteLength) + ring < treeSeconds(links, size, byteLength) + tree;
}

/** Seconds behind the reduction itself: it leaves a block on each rank of a ring, and all of it at the root of a tree. */
function secondHalf(reduction: ReductionKind, links: LinkCosts, size: number, bytes: number) {
  const root = rootSeconds(links, size, bytes);
  if (reduction === 'reduce') return { ring: root, tree: 0 };
  if (reduction === 'reduce-scatter') return { ring: 0, tree: root };
  return { ring: ringSeconds(links, size, bytes), tree: broadcastSeconds(links, size, bytes, RELAY_BYTES) };
}

/**
 * Each rank ends with the reduction of its own block; its other blocks hold partial sums. `total` is overwritten, and `blocks`
 * has one range for each rank. N − 1 steps, each with 1/N of the bytes (Patarasuk and Yuan, 2009). Block b begins at rank
 * b + 1 and goes up: its sum is (((x[b+1] + x[b+2]) + …) + x[b]), whatever arrives first.
 */
export async function reduceRound(
  group: Group,
  total: TypedArray,
  blocks: readonly Range[],
  op: ReduceOp,
): Promise<void> {
  const { rank, size } = group;
  for (let step = 1; step < size; step++) {
    const theirs = await exchange(group, `reduce ${step}`, blockOf(total, blocks, rank - step));
    accumulate(op, blockOf(total, blocks, rank - step - 1), theirs);
  }
}

/** Each rank has its own block of `total`; all blocks go once round the ring. */
export async function gatherRound(group: Group, total: TypedArray, blocks: readonly Range[]): Promise<void> {
  const { rank, size } = group;
  for (let step = 1; step < size; step++) {
    const theirs = await exchange(group, `gather ${step}`, blockOf(total, blocks, rank - step + 1));
    blockOf(total, blocks, rank - step).set(theirs);
  }
}

/** Each rank has its own block of `total`; the root gets all of them. */
export async function collectBlocks(
  group: Group,
  total: TypedArray,
  blocks: readonly Range[],
  root: number,
): Promise<void> {
  const { rank, size } = group;
  if (rank !== root) return group.post(root, 'block', group.encode(blockOf(total, blocks, rank)));
  const others = Array.from({ length: size - 1 }, (_, i) => (root + 1 + i) % size);
  await Promise.all(
    others.map(async (from) => {
      blockOf(total, blocks, from).set(group.decode(await group.take(from, 'block')) as TypedArray);
    }),
  );
}

function blockOf(total: TypedArray, blocks: readonly Range[], i: number): TypedArray {
  const { lo, hi } = blocks[(i + 2 * blocks.length) % blocks.length] as Range;
  return total.subarray(lo, hi);
}

/** Sends a block to the right neighbour and takes one from the left. */
async function exchange(group: Group, step: string, block: TypedArray): Promise<TypedArray> {
  const { rank, size } = group;
  const sent = group.post((rank + 1) % size, step, group.encode(block));
  const [body] = await Promise.all([group.take((rank + size - 1) % size, step), sent]);
  return group.decode(body) as TypedArray;
}
