import type { GPU } from 'gpu.js';
import {
  defaultsOf,
  kernelText,
  type ParsedKernel,
  parseKernel,
} from '../../src/protocol/values/kernels/kernel-source.ts';
import { isPipelineHandle, type Setters, withCalls } from '../contexts/gpujs.ts';

type AnyFunction = (...args: unknown[]) => unknown;
type Settings = Readonly<Record<string, unknown>>;

/** How values of user code become those of gpu.js; a promise where they must be read first, on webgpu alone. */
export interface GpuValues {
  readonly isAsync: boolean;
  argument(value: unknown): unknown;
  constant(value: unknown): unknown;
}

/** A function as gpu.js takes it, and how a call of it is completed. */
interface Source {
  readonly text: unknown;
  readonly parsed: ParsedKernel | undefined;
}

/** A kernel's constants while some are read from the device. */
interface Pending {
  constants: Promise<void> | undefined;
}

/** gpu.js's handle of a result on the device. */
interface Handle {
  toArray(): unknown;
  delete(): void;
}

/**
 * `gpu` as user code sees it. Kernels take what those of `view.kernel` take: arrow functions, default values, `output: n`,
 * Tensors, results on the device and tf.Tensors as arguments and as constants, whatever setter they come by.
 */
export class GpuBridge {
  /** The `gpu` of user code. */
  readonly library: GPU;
  readonly #gpu: GPU;
  readonly #values: GpuValues;
  /** The results of kernels while the function of `combineKernels` runs. */
  #combining: unknown[] | undefined;

  constructor(gpu: GPU, values: GpuValues) {
    this.#gpu = gpu;
    this.#values = values;
    const own: Record<string, AnyFunction> = {
      createKernel: (fn, settings) => this.#create(fn, settings as Settings | undefined),
      createKernelMap: (...args) => this.#createMap(args),
      createPipeline: (fn, settings) => this.#pipeline(fn, settings),
      combineKernels: (...args) => this.#combine(args),
      addFunction: (fn, settings) => this.#giveBack(gpu.addFunction(sourceOf(fn, []).text as never, settings as never)),
    };
    const get = (target: GPU, key: string | symbol) => own[key as string] ?? this.#method(target, key);
    this.library = new Proxy(gpu, { get });
  }

  // Setters of gpu give gpu.
  #giveBack(value: unknown): unknown {
    return value === this.#gpu ? this.library : value;
  }

  #method(target: GPU, key: string | symbol): unknown {
    const value: unknown = Reflect.get(target, key);
    if (typeof value !== 'function' || key === 'constructor') return value;
    return (...args: unknown[]) => this.#giveBack(Reflect.apply(value as AnyFunction, target, args));
  }

  #create(fn: unknown, given: Settings = {}): object {
    const source = sourceOf(fn, helpersIn(given));
    const { settings, pending } = this.#settings(given, source);
    return this.#wrapped(this.#gpu.createKernel(source.text as never, settings as never), source, pending);
  }

  #createMap(args: readonly unknown[]): object {
    const last = args.at(-1);
    const given = typeof last === 'object' && last !== null ? (last as Settings) : {};
    const parts = args[0] as Readonly<Record<string, unknown>>;
    const entries = Object.entries<unknown>(parts).map(([key, part]) => [key, sourceOf(part, [])] as const);
    const called = entries.flatMap(([, { parsed }]) => (parsed === undefined ? [] : [parsed]));
    const source = sourceOf(args[1], [...helpersIn(given), ...called]);
    const texts = Array.isArray(parts)
      ? entries.map(([, { text }]) => text)
      : Object.fromEntries(entries.map(([key, { text }]) => [key, text]));
    const { settings, pending } = this.#settings(given, source);
    const kernel = this.#gpu.createKernelMap(texts as never, source.text as never, settings as never) as object;
    return this.#wrapped(kernel, source, pending);
  }

  #wrapped(kernel: object, source: Source, pending: Pending): object {
    const defaults = source.parsed === undefined ? undefined : defaultsOf(source.parsed.parameters);
    const names = source.parsed?.parameters.map(({ name }) => name) ?? [];
    return withCalls(
      kernel,
      (call, args) => {
        const all = defaults === undefined || defaults.size === 0 ? args : completed(args, names, defaults);
        const values = all.map((value) => (isPipelineHandle(value) ? value : this.#values.argument(value)));
        const result = this.#called(call, values, pending);
        this.#combining?.push(result);
        return result;
      },
      this.#setters(source, pending),
    );
  }

  #called(call: AnyFunction, values: unknown[], pending: Pending): unknown {
    const { constants } = pending;
    if (constants === undefined && !values.some((value) => value instanceof Promise)) return call(...values);
    return Promise.all([...values, constants]).then((found) => call(...found.slice(0, values.length)));
  }

  #settings(given: Settings, source: Source): { settings: Settings; pending: Pending } {
    const pending: Pending = { constants: undefined };
    const settings: Record<string, unknown> = { ...given };
    if (given['output'] !== undefined) settings['output'] = listOf(given['output']);
    if (Array.isArray(given['functions'])) settings['functions'] = functionsOf(given['functions']);
    if (given['constants'] !== undefined) {
      settings['constants'] = this.#constants(given['constants'] as object, pending);
    }
    if (given['argumentTypes'] !== undefined) settings['argumentTypes'] = typesInOrder(given['argumentTypes'], source);
    return { settings, pending };
  }

  #setters(source: Source, pending: Pending): Setters {
    return {
      setOutput: (output) => [listOf(output)],
      setFunctions: (functions) => [Array.isArray(functions) ? functionsOf(functions) : functions],
      addFunction: (fn, ...settings) => [sourceOf(fn, []).text, ...settings],
      setConstants: (constants) => [this.#constants(constants as object, pending)],
      setArgumentTypes: (types) => [typesInOrder(types, source)],
    };
  }

  /** The constants for gpu.js. Those on the device are set once they have been read: a call waits for them. */
  #constants(given: object, pending: Pending): object {
    const entries = Object.entries(given).map(([key, value]) => [key, this.#values.constant(value)] as const);
    const constants = Object.fromEntries(entries);
    const reads = entries.flatMap(([key, value]) =>
      value instanceof Promise ? [value.then((read: unknown) => Reflect.set(constants, key, read))] : [],
    );
    // gpu.js keeps this very object until the first call.
    if (reads.length > 0) pending.constants = Promise.all(reads).then(() => {});
    return constants;
  }

  #pipeline(fn: unknown, settings: unknown): object {
    const pipeline = this.#gpu.createPipeline(fn as never, settings as never) as object;
    return withCalls(pipeline, (call, args) =>
      this.#called(
        call,
        args.map((value) => this.#values.argument(value)),
        { constants: undefined },
      ),
    );
  }

  // gpu.js has it where kernels give arrays at once; on webgpu they give promises, which kernels take here.
  #combine(args: readonly unknown[]): unknown {
    if (!this.#values.isAsync) return Reflect.apply(this.#gpu.combineKernels as AnyFunction, this.#gpu, args);
    for (const kernel of args.slice(0, -1)) {
      const { setPipeline, setImmutable } = kernel as Record<string, (on: true) => void>;
      setPipeline?.(true);
      setImmutable?.(true);
    }
    return (...values: unknown[]) => this.#combined(args.at(-1) as AnyFunction, values);
  }

  async #combined(fn: AnyFunction, args: readonly unknown[]): Promise<unknown> {
    const made: unknown[] = [];
    const outer = this.#combining;
    this.#combining = made;
    let result: unknown;
    try {
      result = fn(...args);
    } finally {
      this.#combining = outer;
    }
    try {
      const value = await result;
      return isHandle(value) ? await value.toArray() : value;
    } finally {
      for (const one of await Promise.allSettled(made)) {
        if (one.status === 'fulfilled' && isHandle(one.value)) one.value.delete();
      }
    }
  }
}

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'toArray' in value && 'delete' in value;
}

// gpu.js takes functions that are written with `function`, without default values.
function sourceOf(fn: unknown, helpers: readonly ParsedKernel[]): Source {
  if (typeof fn !== 'function') return { text: fn, parsed: undefined };
  const parsed = parseKernel(fn);
  return { text: kernelText(parsed, helpers), parsed };
}

function helpersIn({ functions }: Settings): readonly ParsedKernel[] {
  if (!Array.isArray(functions)) return [];
  return functions.map(ownSource).flatMap((fn) => (typeof fn === 'function' ? [parseKernel(fn)] : []));
}

function functionsOf(functions: readonly unknown[]): unknown[] {
  const helpers = helpersIn({ functions });
  return functions.map((item) => {
    const { text } = sourceOf(ownSource(item), helpers);
    return typeof item === 'object' && item !== null ? { ...item, source: text } : text;
  });
}

const ownSource = (item: unknown): unknown =>
  typeof item === 'object' && item !== null ? (item as { source?: unknown }).source : item;

function listOf(output: unknown): unknown {
  return typeof output === 'number' ? [output] : output;
}

// gpu.js reads an object of types in the order of its keys.
function typesInOrder(types: unknown, { parsed }: Source): unknown {
  if (typeof types !== 'object' || types === null || Array.isArray(types) || parsed === undefined) return types;
  const names = parsed.parameters.map(({ name }) => name);
  const strange = Object.keys(types).find((name) => !names.includes(name));
  const missing = names.find((name) => !(name in types));
  if (strange === undefined && missing === undefined) return names.map((name) => Reflect.get(types, name) as unknown);
  throw new TypeError(
    `argumentTypes names ${names.join(', ') || 'no parameter'}, each once: ${strange ?? missing} is ${strange === undefined ? 'missing' : 'none of them'}`,
  );
}

function completed(
  args: readonly unknown[],
  names: readonly string[],
  defaults: ReadonlyMap<string, unknown>,
): unknown[] {
  const all = [...args];
  for (const [i, name] of names.entries()) {
    if (all[i] === undefined && defaults.has(name)) all[i] = defaults.get(name);
  }
  return all;
}
