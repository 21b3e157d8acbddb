/** Files that are looked at together: more would wait for the disk, and use up descriptors. */
const LANES = 32;

/** Calls `fn` with each item, a bounded number at a time. The values stand in the order of the items. */
export async function inLanes<T, R>(items: readonly T[], fn: (item: T) => Promise<R>, lanes = LANES): Promise<R[]> {
  const values = new Array<R>(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const i = next++;
      values[i] = await fn(items[i] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  return values;
}
