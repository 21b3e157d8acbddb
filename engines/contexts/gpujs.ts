// Imports gpu.js, and opens it in one mode only: a kernel that falls back to another mode (it does so with no more than a
// console warning) is an error here.
import type { GPU, IGPUKernelSettings } from 'gpu.js';
import { ContextError } from '../../src/errors.ts';

export type GpuJsMode = 'webgpu' | 'headlessgl' | 'webasm' | 'cpu';
export type GpuJsModule = typeof import('gpu.js') & {
  readonly input: (value: Float32Array, size: [number, number]) => import('gpu.js').Input;
};

interface Shortcut {
  readonly kernel?: { readonly constructor: { readonly mode?: string }; readonly fallbackReason?: string };
}

/** @throws ContextError when gpu.js cannot be loaded */
export async function importGpuJs(): Promise<GpuJsModule> {
  try {
    return (await import('gpu.js')) as unknown as GpuJsModule;
  } catch (cause) {
    throw new ContextError('gpu.js does not load: npm install', { cause });
  }
}

/** A gpu.js instance whose kernels run in `mode` or throw ContextError. `threads` caps webasm's worker pool. */
export function openGpuJs(module: GpuJsModule, mode: GpuJsMode, threads: number): GPU {
  const gpu = new module.GPU({ mode: mode as never });
  const create = gpu.createKernel.bind(gpu) as (fn: unknown, settings: object) => object;
  const own = mode === 'webasm' ? { poolSize: threads } : {};
  const checked = (fn: unknown, settings: IGPUKernelSettings = {}) => check(create(fn, { ...own, ...settings }), mode);
  gpu.createKernel = checked as never;
  return gpu;
}

// The mode is known only after the first call: gpu.js builds, and falls back, then.
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
