// Imports gpu.js and opens it in one mode only. gpu.js falls back to another mode with no more than a console warning;
// here that is an error.
import type { GPU } from 'gpu.js';
import { ContextError } from '../../src/errors.ts';
import { isTypedArray } from '../../src/tensor/dtype.ts';

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

/** gpu.js cuts a loop whose bound is an argument off at 1000 iterations and says nothing; here after so many. */
const LOOPS = 2 ** 30;

type Create = (...args: unknown[]) => object;
type Call = (...args: unknown[]) => unknown;

/**
 * Opens gpu.js so that its kernels run in `mode` or throw a ContextError. Loops run to their end, and a kernel cannot
 * write into its arguments. `threads` caps webasm's worker pool.
 */
export function openGpuJs(module: GpuJsModule, mode: GpuJsMode, threads: number): GPU {
  const gpu = new module.GPU({ mode: mode as never });
  const defaults = { loopMaxIterations: LOOPS, ...(mode === 'webasm' ? { poolSize: threads } : {}) };
  const create = gpu.createKernel.bind(gpu) as Create;
  const createMap = gpu.createKernelMap.bind(gpu) as Create;
  const checked = (kernel: object, source: unknown) =>
    withCalls(kernel, (call, args) => {
      const own = mode === 'cpu' && WRITES.test(String(source)) ? args.map(copyOf) : args;
      return checkMode(kernel, mode, call(...own));
    });
  gpu.createKernel = ((fn: unknown, settings: object = {}) =>
    checked(create(fn, { ...defaults, ...settings }), fn)) as never;
  gpu.createKernelMap = ((parts: unknown, fn: unknown, settings: object = {}) =>
    checked(createMap(parts, fn, { ...defaults, ...settings }), fn)) as never;
  return gpu;
}

/** A kernel whose calls go through `apply`. Setters that give the kernel, such as setOutput, give this one. */
export function withCalls(kernel: object, apply: (call: Call, args: unknown[]) => unknown): object {
  const get = (target: object, key: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, key);
    if (typeof value !== 'function' || key === 'constructor') return value;
    return (...args: unknown[]) => {
      const result: unknown = Reflect.apply(value as Call, target, args);
      return result === target || result === (target as Shortcut).kernel ? proxy : result;
    };
  };
  const proxy: object = new Proxy(kernel, {
    get,
    apply: (target, self, args) => apply((...own) => Reflect.apply(target as Call, self, own), args),
  });
  return proxy;
}

// An assignment to an item: of an argument, or of an array of the kernel's own, which costs a copy too many.
const WRITES = /\]\s*(?:\+\+|--|(?:[-+*/%&|^]|\*\*|<<|>>>?)?=(?!=))|(?:\+\+|--)\s*\w+\s*\[/;

// On the other modes arguments are copies anyway.
function copyOf(argument: unknown): unknown {
  if (isTypedArray(argument)) return argument.slice();
  if (Array.isArray(argument)) return argument.map(copyOf);
  const { value, size } = (argument ?? {}) as { value?: unknown; size?: unknown };
  if (!isTypedArray(value) || size === undefined) return argument;
  return Object.assign(Object.create(Object.getPrototypeOf(argument)), argument, { value: value.slice() });
}

// The mode is known only after the first call, when gpu.js builds the kernel or falls back.
function checkMode(kernel: object, mode: GpuJsMode, result: unknown): unknown {
  if (result instanceof Promise) return result.then((value: unknown) => assertMode(kernel, mode, value));
  return assertMode(kernel, mode, result);
}

function assertMode<T>(shortcut: Shortcut, mode: GpuJsMode, value: T): T {
  const actual = shortcut.kernel?.constructor.mode;
  if (actual === mode) return value;
  const reason = shortcut.kernel?.fallbackReason ?? 'the kernel uses what this mode does not have';
  throw new ContextError(`gpu.js left mode ${mode} for ${String(actual)}: ${reason}`);
}
