import { copied } from '../../src/tensor/dtype.ts';
import { ranges } from '../../src/tensor/partition.ts';
import { agreedElements } from './agreement.ts';
import type { Group } from './group.ts';
import { type ReduceOp, withElements } from './operation.ts';
import { reduceToFirst } from './reduce-to-first.ts';
import { collectBlocks, goesRound, reduceRound } from './ring.ts';

/**
 * The reduction of all ranks' values at `root`; undefined elsewhere. Small values go up a binomial tree. Large arrays go
 * round a ring, each rank reduces its block, and the blocks go to the root.
 * @throws TypeError when values do not fit together
 */
export async function reduce(group: Group, value: unknown, op: ReduceOp, root: number): Promise<unknown> {
  const elements = await agreedElements(group, value);
  if (elements !== undefined && goesRound(group, elements, op, 'reduce')) {
    const total = copied(elements);
    const blocks = ranges(total.length, group.size);
    await reduceRound(group, total, blocks, op);
    await collectBlocks(group, total, blocks, root);
    return group.rank === root ? withElements(value, total) : undefined;
  }
  const total = await reduceToFirst(group, value, op);
  if (root === 0) return total;
  if (group.rank === 0) await group.post(root, 'result', group.encode(total));
  return group.rank === root ? group.decode(await group.take(0, 'result')) : undefined;
}
