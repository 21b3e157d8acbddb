import { agree } from './agreement.ts';
import { blocksOf, type Dealt, isDealt, joined, kindOfBlocks, windowOf } from './blocks.ts';
import type { Group } from './group.ts';
import { describe } from './operation.ts';

const STEP = 'all-to-all';

/**
 * Part j of rank i's value goes to rank j, which gets them in the order of ranks. A list has one item for each rank, and
 * gives a list. A typed array or a Tensor is dealt in blocks along axis 0 (semantics B1), and those that come are joined.
 * All messages are on their way together, to the next rank first, so that nobody is everybody's first.
 * @throws TypeError for other values, and where one rank has another kind, before any part leaves
 */
export async function allToAll(group: Group, value: unknown): Promise<unknown> {
  const { rank, size } = group;
  const parts = partsOf(value, size);
  await agree(group, isDealt(value) ? kindOfBlocks(value) : 'a list', 'exchanged');
  const others = Array.from({ length: size - 1 }, (_, i) => (rank + 1 + i) % size);
  const sent = others.map((to) => group.post(to, STEP, group.encode(parts[to])));
  const came = parts.map(async (own, from) => (from === rank ? own : group.decode(await group.take(from, STEP))));
  const [all] = await Promise.all([Promise.all(came), ...sent]);
  return isDealt(value) ? joined(value, all as Dealt[]) : all;
}

function partsOf(value: unknown, size: number): readonly unknown[] {
  if (isDealt(value)) return blocksOf(value, size).map((range) => windowOf(value, range));
  if (Array.isArray(value) && value.length === size) return value;
  const got = Array.isArray(value) ? `${value.length} items` : describe(value);
  throw new TypeError(`allToAll wants a list of ${size} values, one for each rank, an array or a Tensor, not ${got}`);
}
