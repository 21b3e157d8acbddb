// Imports gpu.js and opens it in one mode only. gpu.js falls back to another mode with no more than a console warning;
// here that is an error.
import type { GPU, IGPUKernelSettings } from 'gpu.js';
import { ContextError } from '../../src/errors.ts';

/** The modes of gpu.js that contexts use. */
export type GpuJsMode = 'webgpu' | 'headlessgl' | 'webasm' | 'cpu';
/** The module gpu.js with `input`, which its own types leave out. */
export type GpuJsModule = typeof import('gpu.js') & {
  readonly input: (value: Float32Array, size: [number, number]) => import('gpu.js').Input;
};

interface Shortcut {
  readonly kernel?: { readonly constructor: { readonly mode?: string }; readonly fallbackReason?: string };
}

/** Loads gpu.js. @throws ContextError when it does not load */
export async function importGpuJs(): Promise<GpuJsModule> {
  try {
    return withInput(await import('gpu.js'));
  } catch (cause) {
    throw new ContextError('gpu.js does not load: npm install', { cause });
  }
}

function withInput(module: typeof import('gpu.js')): GpuJsModule {
  if ('input' in module) return module as GpuJsModule;
  throw new Error('this version of gpu.js has no input()');
}

/** Opens gpu.js so that its kernels run in `mode` or throw a ContextError. `threads` caps webasm's worker pool. */
export function openGpuJs(module: GpuJsModule, mode: GpuJsMode, threads: number): GPU {
  const gpu = new module.GPU({ mode: mode as never });
  const create = gpu.createKernel.bind(gpu) as (fn: unknown, settings: object) => object;
  const own = mode === 'webasm' ? { poolSize: threads } : {};
  const checked = (fn: unknown, settings: IGPUKernelSettings = {}) => check(create(fn, { ...own, ...settings }), mode);
  gpu.createKernel = checked as never;
  return gpu;
}

// The mode is known only after the first call, when gpu.js builds the kernel or falls back.
function check(kernel: object, mode: GpuJsMode): object {
  return new Proxy(kernel, {
    apply: (target, self, args) => {
      const result = Reflect.apply(target as never, self, args) as unknown;
      if (result instanceof Promise) return result.then((value: unknown) => assertMode(target, mode, value));
      return assertMode(target, mode, result);
    },
  });
}

function assertMode<T>(shortcut: Shortcut, mode: GpuJsMode, value: T): T {
  const actual = shortcut.kernel?.constructor.mode;
  if (actual === mode) return value;
  const reason = shortcut.kernel?.fallbackReason ?? 'the kernel uses what this mode does not have';
  throw new ContextError(`gpu.js left mode ${mode} for ${String(actual)}: ${reason}`);
}
