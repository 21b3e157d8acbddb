import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomicSync } from '../../src/util/atomic-write.ts';
import { makeFolders } from '../../src/util/system/make-folders.ts';
import { userHome } from '../../src/util/system/user-home.ts';

/** Raised when kernels change: times and checks of other kernels say nothing. */
const KERNELS = 1;
const LIBRARIES = 1;
/** Raised when the cuda context gets other kernels or dtypes. */
const CUDA = 2;

/** The fastest candidate by its name, for each key: what was measured on which device. */
type Winners = Record<string, string>;

/** The user's file of measured tiles, by adapter, driver and class of shapes. All engines of a user share it. */
export function tileCachePath(env: NodeJS.ProcessEnv = process.env): string {
  return inCache(`matmul-tiles-${KERNELS}.json`, env);
}

/** The user's file of measured libraries of the CPU, by processor, threads, versions and dtype. */
export function libraryCachePath(env: NodeJS.ProcessEnv = process.env): string {
  return inCache(`matmul-libraries-${LIBRARIES}.json`, env);
}

/** The user's file of machines on which the cuda context has passed conformance. */
export function cudaCachePath(env: NodeJS.ProcessEnv = process.env): string {
  return inCache(`cuda-conformance-${CUDA}.json`, env);
}

// Empty where the user has no home: then nothing is read or kept.
function inCache(file: string, { DIRECTVIEW_HOME: home, XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv): string {
  if (home !== undefined) return join(home, 'cache', file);
  const own = userHome();
  if (cache !== undefined) return join(cache, 'directview', file);
  return own === undefined ? '' : join(own, '.cache', 'directview', file);
}

/** The measured winners; none where the file is missing or is not one of these. */
export function readWinners(path: string): Winners {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const entries = Object.entries(found as object).filter(([, name]) => typeof name === 'string');
    return Object.fromEntries(entries) as Winners;
  } catch {
    return {};
  }
}

/** Adds winners to the file. A folder that cannot be written costs the next engine a measurement, and nothing else. */
export function writeWinners(winners: Winners, path: string): void {
  try {
    // The home of clusters must be private, and this may be what makes it.
    makeFolders(dirname(path), 0o700);
    // Another engine may have written meanwhile: its keys stay.
    writeFileAtomicSync(path, `${JSON.stringify({ ...readWinners(path), ...winners }, null, 2)}\n`);
  } catch {
    // Without a home, or on a disk that is full or read-only, nothing is remembered.
  }
}

/** The mark of a card that computes right products by cuda. */
export const CUDA_PASSED = 'passed';

/** True if the cuda context has passed conformance on any machine with this cache: else nothing needs to be asked. */
export function cudaHasPassed(path = cudaCachePath()): boolean {
  return Object.values(readWinners(path)).includes(CUDA_PASSED);
}
