// Gather and scatter send directly, because a tree would only save latency.
import type { Body } from '../../src/protocol/codec.ts';
import type { Group } from './group.ts';

/** The values of all ranks in their order at `root`; undefined elsewhere. */
export async function gather(group: Group, value: unknown, root: number): Promise<unknown[] | undefined> {
  if (group.rank !== root) {
    await group.post(root, 'gather', group.encode(value));
    return undefined;
  }
  return Promise.all(
    Array.from({ length: group.size }, async (_, from) =>
      from === root ? value : group.decode(await group.take(from, 'gather')),
    ),
  );
}

/**
 * The values of all ranks in their order, on every rank. Each rank passes on its last value, round a ring, so that each value goes
 * from host to host once. On one machine the ranks exchange them directly, and nobody waits for its neighbour's neighbours.
 */
export async function allGather(group: Group, value: unknown): Promise<unknown[]> {
  const body = group.encode(value);
  return group.isOneMachine?.() === true ? exchanged(group, value, body) : passedRound(group, value, body);
}

async function exchanged({ rank, size, ...group }: Group, value: unknown, body: Body): Promise<unknown[]> {
  const others = Array.from({ length: size - 1 }, (_, i) => (rank + 1 + i) % size);
  const sent = others.map((to) => group.post(to, 'all-gather', body));
  const values: unknown[] = Array.from({ length: size });
  values[rank] = value;
  const came = others.map(async (from) => {
    values[from] = group.decode(await group.take(from, 'all-gather'));
  });
  await Promise.all([...came, ...sent]);
  return values;
}

async function passedRound(group: Group, value: unknown, first: Body): Promise<unknown[]> {
  const { rank, size } = group;
  const values: unknown[] = Array.from({ length: size });
  values[rank] = value;
  let body = first;
  for (let step = 1; step < size; step++) {
    const sent = group.post((rank + 1) % size, `all-gather ${step}`, body);
    const [next] = await Promise.all([group.take((rank + size - 1) % size, `all-gather ${step}`), sent]);
    body = next;
    values[(rank - step + size) % size] = group.decode(body);
  }
  return values;
}

/** Gives item i of the root's `values` to rank i. @throws TypeError on the root unless there is one item for each rank */
export async function scatter(group: Group, values: unknown, root: number): Promise<unknown> {
  if (group.rank !== root) return group.decode(await group.take(root, 'scatter'));
  if (!Array.isArray(values) || values.length !== group.size) {
    const got = Array.isArray(values) ? `${values.length} items` : typeof values;
    throw new TypeError(`scatter wants a list of ${group.size} values, one for each rank, not ${got}`);
  }
  await Promise.all(
    values.map((value, to) => (to === root ? undefined : group.post(to, 'scatter', group.encode(value)))),
  );
  return values[root];
}

/** Returns when every rank has called it, in log₂(size) rounds (dissemination barrier, Hensgen, Finkel and Manber, 1988). */
export async function barrier(group: Group): Promise<void> {
  const { rank, size } = group;
  for (let reach = 1; reach < size; reach *= 2) {
    await group.post((rank + reach) % size, `barrier ${reach}`, []);
    await group.take((rank - reach + size) % size, `barrier ${reach}`);
  }
}
