import { readFileSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { type Fault, ROOT } from './source.ts';

// Temporary: how many faults of a rule a folder may still have. A number may only fall:
// `LOWER_ALLOWANCES=1 node dist/test/unit/architecture.js` writes the lower numbers. After a merge conflict, take the
// higher number.
const FILE = `${ROOT}test/support/architecture/allowances.json`;

/** Numbers by rule and folder; folders that are not listed have none. */
export type Allowances = Record<string, Record<string, number>>;

export function readAllowances(): Allowances {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Allowances;
}

/** The faults of folders that have more than they may. */
export function overAllowance(faults: readonly Fault[], allowed: Readonly<Record<string, number>> = {}): string[] {
  const found = byFolder(faults);
  const folders = new Set([...found.keys(), ...Object.keys(allowed)]);
  return [...folders].sort().flatMap((folder) => {
    const [now = [], limit = 0] = [found.get(folder), allowed[folder]];
    if (now.length > limit) return limit === 0 ? now : [`${folder}: ${now.length}, allowed are ${limit}:`, ...now];
    return [];
  });
}

/** Writes lower numbers where there are fewer faults; never higher ones. */
export function lowerAllowances(faults: Readonly<Record<string, readonly Fault[]>>): void {
  const before = readAllowances();
  const after: Allowances = {};
  for (const [rule, allowed] of Object.entries(before)) {
    const found = byFolder(faults[rule] ?? []);
    const lower = Object.entries(allowed).map(([folder, limit]): [string, number] => [
      folder,
      Math.min(limit, found.get(folder)?.length ?? 0),
    ]);
    const left = lower.filter(([, count]) => count > 0);
    if (left.length > 0) after[rule] = Object.fromEntries(left);
  }
  writeFileSync(FILE, `${JSON.stringify(after, null, 2)}\n`);
}

/** Three names deep, so that each room has a line of its own: `src/client/jobs`. */
export function byFolder(faults: readonly Fault[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, text } of faults) {
    const folder = (path.endsWith('.ts') ? posix.dirname(path) : path).split('/').slice(0, 3).join('/');
    found.set(folder, [...(found.get(folder) ?? []), text]);
  }
  return found;
}
