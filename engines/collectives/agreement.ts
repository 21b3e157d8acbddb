import { broadcast } from './broadcast.ts';
import type { Group } from './group.ts';
import { describe, elementsOf, shapeNote } from './operation.ts';
import { reduceToFirst } from './reduce-to-first.ts';

/** Bytes from which an array is large: a ring is worth its 2(N − 1) steps, and shapes are compared before data leaves. */
export const LARGE_BYTES = 256 * 1024;

/**
 * All ranks compare the kinds and shapes of their values before any of the data leaves: a mismatch would deadlock a ring.
 * `deed` completes "ranks cannot be …".
 * @throws TypeError that names two that differ
 */
export async function agree(group: Group, mine: string, deed: string): Promise<void> {
  await broadcast(group, await reduceToFirst(group, shapeNote(mine, deed), 'sum'), 0);
}

/** As `agree`, for a large array; small values are compared where they meet. Gives the elements of an array. @throws TypeError */
export async function agreedElements(group: Group, value: unknown): Promise<ReturnType<typeof elementsOf>> {
  const elements = elementsOf(value);
  if (group.size > 1 && (elements?.byteLength ?? 0) >= LARGE_BYTES) await agree(group, describe(value), 'reduced');
  return elements;
}
