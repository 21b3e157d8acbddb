// Imports gpu.js and opens it in one mode only. gpu.js falls back to another mode with no more than a console warning;
// here that is an error.
import process from 'node:process';
import type { GPU } from 'gpu.js';
import { ContextError } from '../../src/errors.ts';
import { copied, isTypedArray } from '../../src/tensor/dtype.ts';

/** The modes of gpu.js that contexts use. */
export type GpuJsMode = 'webgpu' | 'headlessgl' | 'webasm' | 'cpu';
/** The module gpu.js with `input`, which its own types leave out. */
export type GpuJsModule = typeof import('gpu.js') & {
  readonly input: (value: Float32Array, size: [number, number]) => import('gpu.js').Input;
};

interface Shortcut {
  readonly kernel?: Made;
}

/** The fields of a gpu.js kernel that are used here. */
interface Made {
  readonly constructor: { readonly mode?: string };
  readonly fallbackReason?: string;
  /** WGSL, in mode webgpu. */
  readonly compiledSource?: string | null;
  /** JavaScript, in mode cpu. */
  readonly kernelString?: string | null;
  /** GLSL, in mode headlessgl. */
  readonly compiledFragmentShader?: string | null;
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
  gpu.createKernel = ((fn: unknown, settings: object = {}) => {
    const sources = sourcesOf(fn, settings);
    return checked(create(fn, { ...defaults, ...settings }), sources, mode);
  }) as never;
  gpu.createKernelMap = mapsOf(module, gpu, mode) as never;
  return gpu;
}

/** The texts of a kernel and of the functions that it calls. @throws Error for one that writes into a constant */
function sourcesOf(fn: unknown, settings: object, parts: unknown = []): string[] {
  const { functions = [] } = settings as { functions?: unknown };
  const called = [functions, parts].flatMap((group) => Object.values(group as object) as unknown[]);
  const texts = [fn, ...called].map((one) => String((one as { source?: unknown } | null)?.source ?? one));
  for (const text of texts) assertKeepsConstants(text);
  return texts;
}

function checked(kernel: object, sources: readonly string[], mode: GpuJsMode): object {
  const writes = mode === 'cpu' && sources.some((source) => WRITES.test(source));
  return withCalls(kernel, (call, args) => {
    const own = writes ? args.map(copyOf) : args;
    return checkMode(kernel, mode, call(...own));
  });
}

/** Kernel maps as this mode has them: webasm's run in mode cpu, and say so once on the stderr of the task. */
function mapsOf(module: GpuJsModule, gpu: GPU, mode: GpuJsMode): Create {
  if (mode === 'webgpu') return refuseMaps;
  const runsIn = mode === 'webasm' ? 'cpu' : mode;
  let owner = mode === 'webasm' ? undefined : gpu;
  return (parts, fn, settings = {}) => {
    if (owner === undefined) {
      owner = new module.GPU({ mode: runsIn });
      process.stderr.write('gpu.js has no kernel maps in mode webasm: they run in mode cpu\n');
    }
    const create = module.GPU.prototype.createKernelMap.bind(owner) as Create;
    const sources = sourcesOf(fn, settings as object, parts);
    return checked(create(parts, fn, { loopMaxIterations: LOOPS, ...(settings as object) }), sources, runsIn);
  };
}

function refuseMaps(): never {
  throw new ContextError(
    'gpu.js has no kernel maps in mode webgpu: use engines of the contexts cpu, wasm, tensorflow or headlessgl, or one ' +
      'kernel for each result',
  );
}

/**
 * The text that gpu.js made of a kernel at its last call: WGSL, GLSL or JavaScript by mode. Undefined in mode webasm,
 * which assembles bytes, and before the first call.
 */
export function compiledText(kernel: object): string | undefined {
  const { compiledSource, kernelString, compiledFragmentShader } = (kernel as Shortcut).kernel ?? ({} as Made);
  return compiledSource ?? kernelString ?? compiledFragmentShader ?? undefined;
}

/** True for what stands for a value while the function of a pipeline is traced: it refuses to be looked at. */
export function isPipelineHandle(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: unknown } } | null;
  return prototype?.constructor?.name === 'PipelineHandle';
}

/** Changes of the arguments that a kernel's setters get, by the setter's name. */
export type Setters = Readonly<Record<string, (...args: unknown[]) => unknown[]>>;

/**
 * A kernel whose calls go through `apply`, and the arguments of its setters through `setters`. Setters that give the
 * kernel, such as setOutput, give this one.
 */
export function withCalls(
  kernel: object,
  apply: (call: Call, args: unknown[]) => unknown,
  setters: Setters = {},
): object {
  const get = (target: object, key: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, key);
    if (typeof value !== 'function' || key === 'constructor') return value;
    if (key === 'exec') return async (...args: unknown[]) => (proxy as Call)(...args);
    const changed = Object.hasOwn(setters, key) ? setters[key as string] : undefined;
    return (...args: unknown[]) => {
      const result: unknown = Reflect.apply(value as Call, target, changed === undefined ? args : changed(...args));
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

/** Mode cpu would keep what a call has written, for later calls and for the caller. The other modes refuse it anyway. */
function assertKeepsConstants(source: string): void {
  for (const { 0: read, 1: name, index } of source.matchAll(/\bthis\s*\.\s*constants\s*\.\s*([\w$]+)\s*(?=\[)/g)) {
    let at = index + read.length;
    while (source[at] === '[') at = behindBrackets(source, at);
    const isWritten = WRITES.test(`]${source.slice(at, at + 5)}`) || /(?:\+\+|--)\s*$/.test(source.slice(0, index));
    if (isWritten)
      throw new Error(`the kernel writes into its constant ${name}: constants are read only, return the value`);
  }
}

/** The place behind the bracket that closes the one at `at`, and behind blanks. */
function behindBrackets(source: string, at: number): number {
  let open = 0;
  let end = at;
  do {
    if (source[end] === '[') open++;
    if (source[end] === ']') open--;
    end++;
  } while (open > 0 && end < source.length);
  while (/\s/.test(source[end] ?? '')) end++;
  return end;
}

// On the other modes arguments are copies anyway.
function copyOf(argument: unknown): unknown {
  if (isPipelineHandle(argument)) return argument;
  if (isTypedArray(argument)) return copied(argument);
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
