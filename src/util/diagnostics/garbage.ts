import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: ((options?: { readonly type: 'minor' }) => void) | undefined;

/**
 * Runs a full garbage collection now: some milliseconds. V8 does not know how much device memory a small object holds,
 * so it may not collect for hours what holds gigabytes.
 */
export function collectGarbage(): void {
  collect ??= exposed();
  collect();
}

/** Collects the objects that were made lately: some hundred microseconds. */
export function collectYoungGarbage(): void {
  collect ??= exposed();
  collect({ type: 'minor' });
}

// Node has no other way to ask for one at run time. New contexts have `gc`; this one is left as it is.
function exposed(): NonNullable<typeof collect> {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as NonNullable<typeof collect>;
}
