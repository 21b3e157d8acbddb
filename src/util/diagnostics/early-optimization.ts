import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/** The flag that says how long V8 looks at a function before it optimizes it, by Node's major version. */
const FLAGS: Readonly<Record<number, string>> = { 20: '--interrupt-budget=10000' };
const LATER = { from: 22, flag: '--invocation-count-for-turbofan=500' } as const;

/** The flag for this version of Node; undefined where none is known. */
export function earlyOptimizationFlag(version = process.versions.node): string | undefined {
  const major = Number.parseInt(version, 10);
  return major >= LATER.from ? LATER.flag : FLAGS[major];
}

/**
 * Has V8 make fast code of functions after a sixth of the calls that it waits for by itself: a call on an engine passes
 * many functions, and took two to three times as long for its first hundreds. For processes of this package; call it after the start,
 * because a flag of the process keeps Node's code cache from being used.
 */
export function optimizeEarly(): void {
  const flag = earlyOptimizationFlag();
  if (flag !== undefined) setFlagsFromString(flag);
}
