// The environment of an engine: an allow-list, so that keys and tokens of the caller's shell do not reach code that others send.

const NAMES = new Set(
  (
    'PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR XDG_RUNTIME_DIR XDG_CACHE_HOME DISPLAY WAYLAND_DISPLAY XAUTHORITY ' +
    'LD_LIBRARY_PATH DYLD_LIBRARY_PATH NODE_DEBUG NODE_V8_COVERAGE NO_COLOR FORCE_COLOR'
  ).split(' '),
);
const PREFIXES = 'LC_ CUDA_ NVIDIA_ VK_ MESA_ LIBGL_ GALLIUM_ LP_ EGL_ __EGL_ __GLX_ __NV_ TF_ DIRECTVIEW_'.split(' ');

function isAllowed(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** Keeps N engines from running N × cores threads: that costs a factor of 2 to 5. */
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
 * Keeps tensors of up to 256 MiB on glibc's heap, of which up to 512 MiB of free top stays with the engine: freed tensors
 * give their pages to the next ones, instead of to the kernel, which clears fresh ones for each (half the CPU time of a
 * push of 100 MB).
 */
export function allocatorEnv(glibc = glibcVersion()): Record<string, string> {
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  // Before 2.36 a threshold over 32 MiB may be refused, and the other one alone would send every tensor to mmap.
  if (major < 2 || (major === 2 && minor < 36)) return {};
  return { MALLOC_MMAP_THRESHOLD_: String(256 * MiB), MALLOC_TRIM_THRESHOLD_: String(512 * MiB) };
}

let knownGlibc: string | undefined;

/** Of this process, such as `2.36`; empty where the C library is another one. */
function glibcVersion(): string {
  knownGlibc ??= process.platform === 'linux' ? readGlibcVersion() : '';
  return knownGlibc;
}

function readGlibcVersion(): string {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ?? '';
}

/** What is allowed of `base`, then the limits of threads and memory, then `more`, which wins. */
export function engineEnv(
  base: NodeJS.ProcessEnv,
  threads: number,
  more: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const allowed = Object.entries(base).filter(([name]) => isAllowed(name));
  return { ...Object.fromEntries(allowed), ...threadEnv(threads), ...allocatorEnv(), ...more };
}
