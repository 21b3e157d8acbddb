import { children } from './broadcast.ts';
import type { Group } from './group.ts';
import { combine, type ReduceOp } from './operation.ts';

const STEP = 'reduce';

/**
 * The reduction of all ranks' values at rank 0; undefined elsewhere. Values go up a binomial tree in the order of ranks,
 * so any associative function will do: rank 0 of four has (x[0] + x[1]) + (x[2] + x[3]), whatever arrives first.
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
