import { collectYoungGarbage } from '../../util/diagnostics/garbage.ts';

/** Bytes of refused peers after which their memory is collected. */
const ENOUGH = 4 * 2 ** 20;
let bytes = 0;

/**
 * Counts the bytes of peers that were refused before they had sent a packet. Node has read them into memory that V8 may
 * leave uncollected up to tens of megabytes: strangers who connect again and again are not worth so much.
 */
export function countRefused(count: number): void {
  bytes += count;
  if (bytes < ENOUGH) return;
  bytes = 0;
  collectYoungGarbage();
}
