import { setFlagsFromString } from 'node:v8';
import { allocatorEnv } from '../../cluster/launchers/engine-env.ts';
import { allocatorVariables, noteAllocator } from '../../util/diagnostics/allocator.ts';

/** Parameters of mallopt(3). */
const PARAMETERS: Readonly<Record<string, number>> = { MALLOC_TRIM_THRESHOLD_: -1, MALLOC_MMAP_THRESHOLD_: -3 };

/**
 * Gives this process the memory settings of engines: arriving values reuse the pages of freed ones, and V8 collects its heap less often
 * for new arrays (engines/main.ts says why). For programs of this package: the memory of other programs is theirs. Settings in the
 * environment stay as they are. The allocator stays as it is where the C library is not glibc 2.36 or later, or koffi is not
 * installed.
 */
export async function keepFreedMemory(): Promise<void> {
  setFlagsFromString('--heap-growing-percent=400');
  const settings = Object.entries(allocatorEnv());
  if (settings.length === 0 || allocatorVariables() !== undefined) return;
  try {
    const { load } = await import('koffi');
    const mallopt = load('libc.so.6').func('int mallopt(int, int)') as (parameter: number, value: number) => number;
    const done = settings.filter(([name, value]) => mallopt(PARAMETERS[name] as number, Number(value)) === 1);
    noteAllocator(`${done.map((one) => one.join('=')).join(' ')}, set by this program`);
  } catch {
    // Without koffi the allocator stays as it is.
  }
}
