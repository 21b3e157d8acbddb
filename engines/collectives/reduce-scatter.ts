import { copied } from '../../src/tensor/dtype.ts';
import { agreedElements } from './agreement.ts';
import { blocksOf, isDealt, joined, widthOf, windowOf } from './blocks.ts';
import { scatter } from './gather.ts';
import type { Group } from './group.ts';
import { combine, describe, type ReduceOp, withElements } from './operation.ts';
import { reduceToFirst } from './reduce-to-first.ts';
import { goesRound, reduceRound } from './ring.ts';

/**
 * Rank i gets part i of the reduction of all ranks' values. A list has one item for each rank. A typed array or a Tensor is
 * dealt in blocks along axis 0, the first ones longer by one (semantics B1). Large arrays go round a ring, where each rank
 * moves (N − 1)/N of the bytes; others go up a tree in the order of ranks, and down.
 * @throws TypeError for other values, and for values that do not fit together
 */
export async function reduceScatter(group: Group, value: unknown, op: ReduceOp): Promise<unknown> {
  const { rank, size } = group;
  if (Array.isArray(value)) return reduceItems(group, value, op);
  const elements = await agreedElements(group, value);
  if (!isDealt(value) || elements === undefined) {
    throw new TypeError(`reduceScatter wants a list of ${size} values, an array or a Tensor, not ${describe(value)}`);
  }
  const rows = blocksOf(value, size);
  if (!goesRound(group, elements, op, 'reduce-scatter')) {
    const whole = (await reduceToFirst(group, value, op)) as typeof value | undefined;
    const blocks = whole === undefined ? undefined : rows.map((range) => windowOf(whole, range));
    return scatter(group, blocks, 0);
  }
  const total = copied(elements);
  const width = widthOf(value);
  const blocks = rows.map(({ lo, hi }) => ({ lo: lo * width, hi: hi * width }));
  await reduceRound(group, total, blocks, op);
  // A copy: the other blocks hold partial sums, and are freed.
  return joined(value, [windowOf(withElements(value, total), rows[rank] as (typeof rows)[number])]);
}

async function reduceItems(group: Group, items: readonly unknown[], op: ReduceOp): Promise<unknown> {
  if (items.length !== group.size) {
    throw new TypeError(
      `reduceScatter wants a list of ${group.size} values, one for each rank, not ${items.length} items`,
    );
  }
  const both = (a: readonly unknown[], b: readonly unknown[]) =>
    a.map((item, i) => combine(op, item, b[i], `of item ${i}`));
  return scatter(group, await reduceToFirst(group, items, both), 0);
}
