import type { TaskId } from '../../protocol/messages.ts';

/** So many ids fit into one header with room to spare. */
const IDS = 20_000;

/** The ids in lists that fit into one request each, in the same order. */
export function inBatches(ids: readonly TaskId[], size: number = IDS): TaskId[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => ids.slice(i * size, (i + 1) * size));
}
