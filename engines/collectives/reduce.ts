import { children } from './broadcast.ts';
import type { Group } from './group.ts';
import { combine, type ReduceOp } from './operation.ts';

const STEP = 'reduce';

/**
 * The reduction of all ranks' values at rank 0; undefined elsewhere. Values go up a binomial tree in the order of ranks,
 * so any associative function will do.
 * @throws TypeError when values do not fit together
 */
export async function reduceToFirst(group: Group, value: unknown, op: ReduceOp): Promise<unknown> {
  const { rank, size } = group;
  let total = value;
  // The nearest child holds the ranks that come next in order.
  for (const child of children(rank, size).reverse()) {
    const theirs = group.decode(await group.take(child, STEP));
    total = combine(op, total, theirs, `${rank} and ${child}`);
  }
  if (rank === 0) return total;
  await group.post(rank - (rank & -rank), STEP, group.encode(total));
  return undefined;
}

/** The reduction at `root`; undefined elsewhere. */
export async function reduce(group: Group, value: unknown, op: ReduceOp, root: number): Promise<unknown> {
  const total = await reduceToFirst(group, value, op);
  if (root === 0) return total;
  if (group.rank === 0) await group.post(root, 'result', group.encode(total));
  return group.rank === root ? group.decode(await group.take(0, 'result')) : undefined;
}
