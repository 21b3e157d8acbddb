import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LibraryHandle } from 'koffi';
import { type Blas, type GemmOf, openblasProvider } from '../../../kernels/matmul/openblas.ts';
import type { MatmulProvider } from '../../../kernels/matmul/product.ts';
import { ContextError } from '../../../src/errors.ts';
import { packageFolder } from '../packages.ts';

/** Where OpenBLAS lies, or why there is none. */
export type FoundOpenblas = { readonly path: string } | { readonly missing: string };

/** Fedora's name of the build with threads comes first: its plain name is the build without. */
const NAMES = ['libopenblasp.so.0', 'libopenblas.so.0', 'libopenblas.so', 'libopenblas.dylib'];
const TRIPLETS: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  arm: 'arm-linux-gnueabihf',
  riscv64: 'riscv64-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
  s390x: 's390x-linux-gnu',
};

/**
 * Finds OpenBLAS: the file that DIRECTVIEW_OPENBLAS names ("off": none), else in the folders where systems keep
 * libraries. It loads nothing, because every engine asks when it starts.
 */
export function findOpenblas(env: NodeJS.ProcessEnv = process.env): FoundOpenblas {
  const named = env['DIRECTVIEW_OPENBLAS'];
  if (named === 'off') return { missing: 'DIRECTVIEW_OPENBLAS is off' };
  if (packageFolder('koffi') === undefined) return { missing: 'koffi is not installed: npm install koffi' };
  if (named !== undefined && named !== '') {
    return existsSync(named) ? { path: named } : { missing: `DIRECTVIEW_OPENBLAS: there is no ${named}` };
  }
  const found = folders(env).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const path = found.find((file) => existsSync(file));
  return path === undefined ? { missing: 'there is no libopenblas.so.0: install libopenblas0' } : { path };
}

function folders({ LD_LIBRARY_PATH = '' }: NodeJS.ProcessEnv): string[] {
  const own = LD_LIBRARY_PATH.split(':').filter((folder) => folder !== '');
  const brew = ['/opt/homebrew/opt/openblas/lib', '/usr/local/opt/openblas/lib'];
  const triplet = TRIPLETS[process.arch];
  const debian = triplet === undefined ? [] : [`/usr/lib/${triplet}`, `/usr/lib/${triplet}/openblas-pthread`];
  return [...own, '/usr/local/lib', ...debian, '/usr/lib64', '/usr/lib', '/opt/OpenBLAS/lib', ...brew];
}

/**
 * Loads OpenBLAS with `threads` threads for this process.
 *
 * Calls are made on the main thread. OpenBLAS ends its threads when a process forks, and waits for ever when one of its
 * products runs meanwhile on another thread: any `spawn` of user code would then hang the engine.
 * @throws ContextError naming the file and what it lacks
 */
export async function openOpenblas(path: string, threads: number): Promise<MatmulProvider> {
  // Its threads spin for a tenth of a second after a product, unless they are told to sleep before they start.
  process.env['OPENBLAS_THREAD_TIMEOUT'] ??= '4';
  process.env['OPENBLAS_NUM_THREADS'] ??= String(threads);
  try {
    const koffi = await import('koffi');
    const library = koffi.load(path);
    const symbols = symbolsOf(library, path);
    symbols.call('void', 'openblas_set_num_threads', 'int')(threads);
    return openblasProvider(blasOf(symbols));
  } catch (cause) {
    if (cause instanceof ContextError) throw cause;
    throw new ContextError(`${path} does not load: ${(cause as Error).message}`, { cause });
  }
}

type Call = ReturnType<LibraryHandle['func']>;

/** The functions of one build of the library. */
interface Symbols {
  /** `int` as this build was compiled: of 32 or 64 bits. */
  readonly int: string;
  call(result: string, name: string, ...parameters: readonly string[]): Call;
}

/** NumPy's own builds have a prefix and a suffix, those of 64-bit integers often a suffix. */
const SPELLINGS = [
  ['', ''],
  ['', '64_'],
  ['scipy_', ''],
  ['scipy_', '64_'],
] as const;

function symbolsOf(library: LibraryHandle, path: string): Symbols {
  const spelling = SPELLINGS.find(([prefix, suffix]) => has(library, `${prefix}openblas_get_config${suffix}`));
  if (spelling === undefined) throw new ContextError(`${path} is not OpenBLAS: it has no openblas_get_config`);
  const [prefix, suffix] = spelling;
  const call: Symbols['call'] = (result, name, ...parameters) => {
    const symbol = `${prefix}${name}${suffix}`;
    if (!has(library, symbol)) throw new ContextError(`${path} has no ${symbol}`);
    return library.func(symbol, result, [...parameters]);
  };
  const config = String(call('const char *', 'openblas_get_config')());
  // Fedora's build of 64-bit integers has plain names.
  const isWide = suffix === '64_' || config.includes('USE64BITINT');
  return { int: isWide ? 'int64_t' : 'int', call };
}

function has(library: LibraryHandle, name: string): boolean {
  try {
    library.func(name, 'void', []);
    return true;
  } catch {
    return false;
  }
}

/** cblas.h: the order of elements, and whether an operand is transposed. */
const [ROW_MAJOR, AS_IT_IS, TRANSPOSED] = [101, 111, 112];

function blasOf(symbols: Symbols): Blas {
  const gemm = (name: string, element: string) => {
    const { int } = symbols;
    const operand = ['void *', int];
    const sizes = [int, int, int];
    const parameters = ['int', 'int', 'int', ...sizes, element, ...operand, ...operand, element, ...operand];
    const run = symbols.call('void', name, ...parameters);
    return ({ m, k, n, a, b, c, transposeA, transposeB }: GemmOf<Float32Array | Float64Array>): void => {
      const [opA, opB] = [transposeA, transposeB].map((flag) => (flag ? TRANSPOSED : AS_IT_IS));
      // With a factor of 0 in front of it, what C held before is not read, NaN included.
      run(ROW_MAJOR, opA, opB, m, n, k, 1, a, transposeA ? m : k, b, transposeB ? k : n, 0, c, n);
    };
  };
  return { sgemm: gemm('cblas_sgemm', 'float'), dgemm: gemm('cblas_dgemm', 'double') };
}
