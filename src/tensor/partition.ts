// How n items are dealt to q parts. Pure index arithmetic; the golden tables are in test/unit/tensor/partition.ts.

/** `b`: contiguous blocks, the first n mod q of them one longer. `r`: round robin. */
export type Dist = 'b' | 'r';

/** Half-open range of indices. */
export interface Range {
  readonly lo: number;
  readonly hi: number;
}

/** Throws RangeError unless `dist` is 'b' or 'r'. */
export function assertDist(dist: unknown): asserts dist is Dist {
  if (dist !== 'b' && dist !== 'r')
    throw new RangeError(`unknown dist ${String(dist)}: 'b' (blocks) or 'r' (round robin)`);
}

/** The block that part `p` of `q` holds of `n` items. */
export function block(n: number, q: number, p: number): Range {
  if (!Number.isInteger(p) || p < 0 || p >= q) throw new RangeError(`no part ${p} of ${q}`);
  const size = Math.floor(n / q);
  const longer = n % q;
  const lo = p * size + Math.min(p, longer);
  return { lo, hi: lo + size + (p < longer ? 1 : 0) };
}

/** All `q` blocks of `n` items, in order. */
export function ranges(n: number, q: number): Range[] {
  return Array.from({ length: q }, (_, p) => block(n, q, p));
}

/** The indices that part `p` of `q` holds of `n` items under round robin: p, p+q, p+2q, … */
export function everyNth(n: number, q: number, p: number): number[] {
  if (!Number.isInteger(p) || p < 0 || p >= q) throw new RangeError(`no part ${p} of ${q}`);
  return Array.from({ length: Math.max(0, Math.ceil((n - p) / q)) }, (_, i) => p + i * q);
}
