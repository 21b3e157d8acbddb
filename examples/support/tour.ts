// How examples print their cells and count their checks.

import { fileURLToPath } from 'node:url';

let passed = 0;

/** Prints a notebook cell's input. */
export function cell(source: string): void {
  console.log(`\nIn: ${source}`);
}

/** Counts a check that holds. @throws Error when it does not */
export function check(what: string, holds: boolean): void {
  if (!holds) throw new Error(`check failed: ${what}`);
  passed++;
  console.log(`    ok: ${what}`);
}

export function checksPassed(): number {
  return passed;
}

/** A file of examples/data; without a name, the folder. */
export function dataPath(name = ''): string {
  return fileURLToPath(new URL(`../../../examples/data/${name}`, import.meta.url));
}
