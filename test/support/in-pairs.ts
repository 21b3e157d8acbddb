// A function to map over whole numbers, that ends only where two items are under way at once and fails where three are.

interface Pair {
  under: number;
  wake(): void;
}

/** Even items wait until the odd one after them wakes them: one at a time, the map would never end. */
export async function inPairs(i: number): Promise<number> {
  const host = globalThis as unknown as { pair?: Pair };
  host.pair ??= { under: 0, wake() {} };
  const { pair } = host;
  pair.under++;
  if (pair.under > 2) throw new Error(`${pair.under} items under way at ${i}`);
  if (i % 2 === 1) pair.wake();
  else
    await new Promise<void>((resolve) => {
      pair.wake = resolve;
    });
  pair.under--;
  return i;
}
