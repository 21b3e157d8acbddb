// Builds the stand-ins for CUDA's libraries with gcc: they are loaded as the real ones are, and compute on the host.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KERNEL_TEXT } from '../../../engines/contexts/cuda/kernel-text.ts';
import { packageFolder } from '../../../engines/contexts/packages.ts';

const SOURCES = fileURLToPath(new URL('../../../../test/support/cuda-stub/', import.meta.url));
const FLAGS = ['-shared', '-fPIC', '-O1', '-w', '-fvisibility=hidden'];

/** The kinds of things that the stand-ins count; `source`: the address from which the last copy to the card comes. */
export type StubCount =
  | 'device'
  | 'pinned'
  | 'streams'
  | 'events'
  | 'modules'
  | 'contexts'
  | 'handles'
  | 'queued'
  | 'source';

/** The functions with which tests look behind the stand-ins. */
export interface CudaStub {
  /** The folder for DIRECTVIEW_CUDA_PATH. */
  readonly folder: string;
  count(what: StubCount): number;
  /** The next calls of a function, after some that succeed, answer with this status. */
  fault(name: string, status: number, options?: { readonly after?: number; readonly times?: number }): void;
  /** Uses that the real libraries punish, one a line. */
  misuse(): string;
  /** The names of the driver's functions as they were called. */
  calls(): string[];
  /** Forgets calls, misuses and faults; the card answers again. */
  reset(): void;
  remove(): void;
}

/** The reason why the stand-ins cannot be built here; undefined where they can. */
export function stubMissing(): string | undefined {
  if (process.platform !== 'linux') return `CUDA's stand-ins are for Linux, this is ${process.platform}`;
  if (packageFolder('koffi') === undefined) return 'koffi is not installed';
  return spawnSync('gcc', ['--version']).status === 0 ? undefined : 'gcc is not installed';
}

/** Compiles them into a folder of its own. Call `remove` at the end. */
export async function buildStub(): Promise<CudaStub> {
  const folder = mkdtempSync(join(tmpdir(), 'dv-cuda-stub-'));
  const gcc = (...args: string[]) => execFileSync('gcc', [...FLAGS, ...args], { cwd: folder });
  writeFileSync(join(folder, 'kernels.inc'), KERNEL_TEXT.replaceAll('extern "C" ', ''));
  gcc('-Wl,-soname,libcuda.so.1', '-o', 'libcuda.so.1', join(SOURCES, 'driver.c'), '-ldl');
  gcc('-o', 'libkernels.so', '-I', folder, join(SOURCES, 'threads.c'));
  gcc('-o', 'libcublas.so.12', join(SOURCES, 'cublas.c'), '-L.', '-l:libcuda.so.1', '-Wl,-rpath,$ORIGIN', '-lm');
  gcc('-o', 'libnvrtc.so.12', join(SOURCES, 'nvrtc.c'));
  const koffi = await import('koffi');
  const library = koffi.load(join(folder, 'libcuda.so.1'));
  const count = library.func('stub_count', 'int64_t', ['const char *']);
  const fault = library.func('stub_fault', 'void', ['const char *', 'int', 'int', 'int']);
  const misuse = library.func('stub_misuse', 'const char *', []);
  const order = library.func('stub_order', 'const char *', []);
  const reset = library.func('stub_reset', 'void', []);
  return {
    folder,
    count: (what) => Number(count(what)),
    fault: (name, status, { after = 0, times = 1 } = {}) => void fault(name, status, after, times),
    misuse: () => String(misuse()),
    calls: () => String(order()).trim().split(' '),
    reset: () => void reset(),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
