// Index arithmetic of dealing n items to q parts. test/unit/tensor/partition.ts has tables of it.

/** How items are dealt. `b`: in contiguous blocks, the first n mod q of them one longer. `r`: round robin. */
export type Dist = 'b' | 'r';

/** The indices from `lo` to `hi` − 1. */
export interface Range {
  readonly lo: number;
  readonly hi: number;
}

/** @throws RangeError unless `dist` is 'b' or 'r' */
export function assertDist(dist: unknown): asserts dist is Dist {
  if (dist !== 'b' && dist !== 'r')
    throw new RangeError(`unknown dist ${String(dist)}: 'b' (blocks) or 'r' (round robin)`);
}

/** The block of part `p`, when `n` items are dealt to `q` parts. @throws RangeError unless 0 ≤ p < q */
export function block(n: number, q: number, p: number): Range {
  if (!Number.isInteger(p) || p < 0 || p >= q) throw new RangeError(`no part ${p} of ${q}`);
  const size = Math.floor(n / q);
  const longer = n % q;
  const lo = p * size + Math.min(p, longer);
  return { lo, hi: lo + size + (p < longer ? 1 : 0) };
}

/** The `q` blocks of `n` items, in order. */
export function ranges(n: number, q: number): Range[] {
  return Array.from({ length: q }, (_, p) => block(n, q, p));
}

/** The indices p, p + q, p + 2q, … of part `p`, when `n` items are dealt round robin. @throws RangeError unless 0 ≤ p < q */
export function everyNth(n: number, q: number, p: number): number[] {
  if (!Number.isInteger(p) || p < 0 || p >= q) throw new RangeError(`no part ${p} of ${q}`);
  return Array.from({ length: Math.max(0, Math.ceil((n - p) / q)) }, (_, i) => p + i * q);
}
