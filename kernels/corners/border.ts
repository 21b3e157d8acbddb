import type { Border } from './options.ts';

/** The pixel, from 0 to n − 1, that stands for position `i` of a line of n pixels; `i` may lie outside. */
export function pixelFor(i: number, n: number, border: Exclude<Border, 'zero'>): number {
  if (border === 'nearest') return Math.min(Math.max(i, 0), n - 1);
  if (n === 1) return 0;
  const period = 2 * (n - 1);
  const folded = ((i % period) + period) % period;
  return folded < n ? folded : period - folded;
}
