import type { TypedArray } from '../../src/tensor/dtype.ts';
import { block } from '../../src/tensor/partition.ts';
import { broadcast } from './broadcast.ts';
import type { Group } from './group.ts';
import { accumulate, describe, elementsOf, isCommutative, type ReduceOp, shown, withElements } from './operation.ts';
import { reduceToFirst } from './reduce.ts';

/** Bytes from which the ring is worth its 2(N − 1) steps. */
const RING_BYTES = 256 * 1024;

/**
 * The reduction of all ranks' values, on every rank, the same to the last bit. Small values go up and down a binomial
 * tree. Large arrays go round a ring, where each rank moves 2(N − 1)/N of the bytes (Patarasuk and Yuan, 2009).
 * @throws TypeError as `reduce`
 */
export async function allReduce(group: Group, value: unknown, op: ReduceOp): Promise<unknown> {
  const elements = elementsOf(value);
  if (elements === undefined || !isCommutative(op) || group.size < 3 || elements.byteLength < RING_BYTES) {
    return broadcast(group, await reduceToFirst(group, value, op), 0);
  }
  await agree(group, describe(value));
  return withElements(value, await ring(group, elements, op));
}

// Ranks compare their shapes first, because a mismatch would deadlock the ring.
async function agree(group: Group, mine: string): Promise<void> {
  await broadcast(group, await reduceToFirst(group, mine, sameText as never), 0);
}

function sameText(a: unknown, b: unknown): unknown {
  if (a !== b) throw new TypeError(`ranks cannot be reduced: ${shown(a)} and ${shown(b)}`);
  return a;
}

async function ring(group: Group, elements: TypedArray, op: ReduceOp): Promise<TypedArray> {
  const total = elements.slice();
  const { rank, size } = group;
  const part = (i: number) => {
    const { lo, hi } = block(total.length, size, (i + 2 * size) % size);
    return total.subarray(lo, hi);
  };
  for (let step = 0; step < size - 1; step++) {
    const theirs = await exchange(group, `reduce ${step}`, part(rank - step));
    accumulate(op, part(rank - step - 1), theirs);
  }
  for (let step = 0; step < size - 1; step++) {
    const theirs = await exchange(group, `gather ${step}`, part(rank + 1 - step));
    part(rank - step).set(theirs);
  }
  return total;
}

/** Sends a block to the right neighbour and takes one from the left. */
async function exchange(group: Group, step: string, block: TypedArray): Promise<TypedArray> {
  const { rank, size } = group;
  const sent = group.post((rank + 1) % size, step, group.encode(block));
  const [body] = await Promise.all([group.take((rank + size - 1) % size, step), sent]);
  return group.decode(body) as TypedArray;
}
