// The environment of an engine: an allow-list keeps keys and tokens of the caller's shell from code that clients send.

const NAMES = new Set(
  (
    'PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR XDG_RUNTIME_DIR XDG_CACHE_HOME DISPLAY WAYLAND_DISPLAY XAUTHORITY ' +
    'LD_LIBRARY_PATH DYLD_LIBRARY_PATH NODE_DEBUG NODE_V8_COVERAGE NO_COLOR FORCE_COLOR'
  ).split(' '),
);
const PREFIXES = 'LC_ CUDA_ NVIDIA_ VK_ MESA_ LIBGL_ GALLIUM_ LP_ EGL_ __EGL_ __GLX_ __NV_ TF_ DIRECTVIEW_'.split(' ');

/** May a variable of this name of the caller's reach engines? */
export function isAllowed(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** Limits each engine's native threads: N engines with N × cores threads run 2 to 5 times slower. */
export function threadEnv(threads: number): Record<string, string> {
  const count = String(threads);
  return {
    TF_NUM_INTRAOP_THREADS: count,
    TF_NUM_INTEROP_THREADS: count,
    OMP_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: count,
    TF_CPP_MIN_LOG_LEVEL: '3',
  };
}

const MiB = 1024 * 1024;

/**
 * Allocator settings that keep tensors of up to 256 MiB, and up to 512 MiB of free memory, on glibc's heap. New tensors
 * then reuse pages of freed ones. Fresh pages, which the kernel has to clear, take half the CPU time of a 100 MB push.
 */
export function allocatorEnv(glibc = glibcVersion()): Record<string, string> {
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  // Before 2.36 glibc may refuse a threshold over 32 MiB; the trim threshold alone would send every tensor to mmap.
  if (major < 2 || (major === 2 && minor < 36)) return {};
  return { MALLOC_MMAP_THRESHOLD_: String(256 * MiB), MALLOC_TRIM_THRESHOLD_: String(512 * MiB) };
}

let knownGlibc: string | undefined;

/** The version of this process's glibc, such as `2.36`; empty for another C library. */
function glibcVersion(): string {
  knownGlibc ??= process.platform === 'linux' ? readGlibcVersion() : '';
  return knownGlibc;
}

function readGlibcVersion(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ?? '';
}

/** Merges the allowed variables of `base`, the limits of threads and memory, and `more`, which wins. */
export function engineEnv(
  base: NodeJS.ProcessEnv,
  threads: number,
  more: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const allowed = Object.entries(base).filter(([name]) => isAllowed(name));
  return { ...Object.fromEntries(allowed), ...threadEnv(threads), ...allocatorEnv(), ...more };
}
