import { copied } from '../../src/tensor/dtype.ts';
import { ranges } from '../../src/tensor/partition.ts';
import { agreedElements } from './agreement.ts';
import { broadcast } from './broadcast.ts';
import type { Group } from './group.ts';
import { type ReduceOp, withElements } from './operation.ts';
import { reduceToFirst } from './reduce-to-first.ts';
import { gatherRound, goesRound, reduceRound } from './ring.ts';

/**
 * The reduction of all ranks' values, on every rank, the same to the last bit. Small values go up and down a binomial
 * tree. Large arrays go round a ring, where each rank moves 2(N − 1)/N of the bytes (Patarasuk and Yuan, 2009).
 * @throws TypeError as `reduce`
 */
export async function allReduce(group: Group, value: unknown, op: ReduceOp): Promise<unknown> {
  const elements = await agreedElements(group, value);
  if (elements === undefined || !goesRound(group, elements, op, 'all-reduce')) {
    return broadcast(group, await reduceToFirst(group, value, op), 0);
  }
  const total = copied(elements);
  const blocks = ranges(total.length, group.size);
  await reduceRound(group, total, blocks, op);
  await gatherRound(group, total, blocks);
  return withElements(value, total);
}
