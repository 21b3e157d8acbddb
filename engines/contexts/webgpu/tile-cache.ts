import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileAtomicSync } from '../../../src/util/atomic-write.ts';

/** Raised when kernels change: times and checks of other kernels say nothing. */
const KERNELS = 1;

type Tiles = Record<string, string>;

/** The user's file of measured tiles, by adapter, driver and class of shapes. All engines of a user share it. */
export function tileCachePath(env: NodeJS.ProcessEnv = process.env): string {
  const { DIRECTVIEW_HOME: home, XDG_CACHE_HOME: cache } = env;
  const folder = home !== undefined ? join(home, 'cache') : join(cache ?? join(homedir(), '.cache'), 'directview');
  return join(folder, `matmul-tiles-${KERNELS}.json`);
}

/** The measured tiles; none where the file is missing or is not one of these. */
export function readTiles(path = tileCachePath()): Tiles {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const entries = Object.entries(found as object).filter(([, name]) => typeof name === 'string');
    return Object.fromEntries(entries) as Tiles;
  } catch {
    return {};
  }
}

/** Adds tiles to the file. A folder that cannot be written costs the next engine a measurement, and nothing else. */
export function writeTiles(tiles: Tiles, path = tileCachePath()): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    // Another engine may have written meanwhile: its classes stay.
    writeFileAtomicSync(path, `${JSON.stringify({ ...readTiles(path), ...tiles }, null, 2)}\n`);
  } catch {
    // Without a home, or on a disk that is full or read-only, nothing is remembered.
  }
}
