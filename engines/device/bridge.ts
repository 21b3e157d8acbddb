import type * as tfcore from '@tensorflow/tfjs-core';
import type { GPU } from 'gpu.js';
import { ContextError } from '../../src/errors.ts';
import { isTFTensor, tensor } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor, GpuContext, Tfjs } from '../contexts/context.ts';
import { GpuBridge } from './gpu-bridge.ts';
import { readBack } from './host-values.ts';
import type { LazyContext } from './lazy-context.ts';
import { isDeviceTensor } from './residency.ts';

type AnyFunction = (...args: unknown[]) => unknown;
interface Functions {
  [name: string]: unknown;
}

/** The forms of a device tensor for the libraries that are loaded. */
interface Ready {
  readonly tf?: tfcore.Tensor | undefined;
  readonly gpu?: unknown;
  /** It cannot be made ready: its device was lost. Only code that uses it fails. */
  readonly failure?: Error | undefined;
}

/** Parts of tf that hold ops of their own. */
const GROUPS = new Set(['image', 'linalg', 'losses', 'signal', 'sparse', 'spectral', 'string']);

/**
 * `tf` and `gpu` as user code sees them: their functions take Tensors and results on the device as arguments. User code
 * calls them synchronously, so `prepare` makes the results on the device ready before it runs.
 */
export class Bridge {
  readonly #context: LazyContext;
  readonly #nameOf: (value: unknown) => string | undefined;
  readonly #ready = new Map<DeviceTensor, Ready>();
  #made: tfcore.Tensor[] = [];
  #tf: Tfjs | undefined;
  #gpu: GPU | undefined;

  /** `nameOf`: the user's name of a value, for errors. */
  constructor(context: LazyContext, nameOf: (value: unknown) => string | undefined = () => undefined) {
    this.#context = context;
    this.#nameOf = nameOf;
  }

  /** tfjs whose ops take Tensors and device tensors; other floats become float32, small integers int32. */
  forTF(tf: Tfjs): Tfjs {
    this.#tf = tf;
    return this.#wrapped(tf) as Tfjs;
  }

  /** gpu.js whose kernels take Tensors, device tensors and tf.Tensors. */
  forGpuJs(gpu: GPU): GPU {
    this.#gpu = gpu;
    const isAsync = this.#context.opened?.report.gpuMode === 'webgpu';
    return new GpuBridge(gpu, {
      isAsync,
      argument: (value) => this.#gpuArgument(value, isAsync),
      constant: (value) => this.#gpuConstant(value, isAsync),
    }).library;
  }

  /**
   * Makes the device tensors among the values ready for the task that starts. Undefined when there are none, or when
   * neither library is loaded; then `values` is not called.
   */
  prepare(values: () => readonly unknown[]): Promise<void> | undefined {
    if (this.#tf === undefined && this.#gpu === undefined) return undefined;
    const found = [...new Set(values().filter(isDeviceTensor))];
    const context = this.#context.opened;
    return found.length === 0 || context === null ? undefined : this.#prepareAll(found, context);
  }

  // One after the other: uploads share a queue, and a failure must find all copies listed.
  async #prepareAll(tensors: readonly DeviceTensor[], context: GpuContext): Promise<void> {
    for (const tensor of tensors) {
      this.#ready.set(tensor, await this.#formsOf(tensor, context).catch((failure: Error) => ({ failure })));
    }
  }

  async #formsOf(tensor: DeviceTensor, context: GpuContext): Promise<Ready> {
    const tf = this.#tf === undefined ? undefined : await context.toTF(tensor);
    if (tf !== undefined) this.#made.push(tf);
    return { tf, gpu: this.#gpu === undefined ? undefined : await gpuForm(tensor, context) };
  }

  #form(tensor: DeviceTensor, kind: 'tf' | 'gpu'): unknown {
    const ready = this.#ready.get(tensor);
    const failure = ready?.failure;
    if (failure === undefined) return ready?.[kind] ?? unready(tensor);
    const name = this.#nameOf(tensor);
    const what = `${name === undefined ? '' : `'${name}', `}${tensor.dtype}[${tensor.shape}]`;
    throw new ContextError(`${what} cannot be used: ${failure.message}`, { cause: failure });
  }

  /** Disposes of everything that was made for the task; call it when the task has ended. */
  release(): void {
    if (this.#made.length === 0 && this.#ready.size === 0) return;
    this.#ready.clear();
    for (const tensor of this.#made) tensor.dispose();
    this.#made = [];
  }

  // Memory in use is that which somebody references.
  #memory(tf: Tfjs): tfcore.MemoryInfo {
    this.#context.opened?.sweep();
    return tf.memory();
  }

  #wrapped(functions: Functions): Functions {
    return Object.fromEntries(Object.entries(functions).map(([key, value]) => [key, this.#wrap(key, value)]));
  }

  // The names of classes begin with a capital; classes stay as they are, for instanceof.
  #wrap(key: string, value: unknown): unknown {
    if (key === 'memory' && this.#tf !== undefined) return this.#memory.bind(this, this.#tf);
    if (typeof value === 'function' && /^[a-z]/.test(key)) return this.#taking(value as AnyFunction);
    return GROUPS.has(key) ? this.#wrapped(value as Functions) : value;
  }

  // A proxy, because tf.train is a function with others in it.
  #taking(fn: AnyFunction): AnyFunction {
    const take = (arg: unknown) => (Array.isArray(arg) ? this.#list(arg) : this.#tfArgument(arg));
    return new Proxy(fn, { apply: (target, self, args) => Reflect.apply(target, self, args.map(take)) });
  }

  // tf.concat and tf.stack take lists; long ones are numbers, and stay as they are.
  #list(values: unknown[]): unknown[] {
    return values.some((v) => v instanceof Tensor || isDeviceTensor(v))
      ? values.map((v) => this.#tfArgument(v))
      : values;
  }

  #tfArgument(value: unknown): unknown {
    if (value instanceof Tensor) {
      // A copy at every use: the code may have written into it since the last one.
      const made = value.toTF(this.#tf as Tfjs);
      this.#made.push(made);
      return made;
    }
    return isDeviceTensor(value) ? this.#form(value, 'tf') : value;
  }

  #gpuArgument(value: unknown, isAsync: boolean): unknown {
    if (typeof value === 'bigint')
      throw new TypeError(`a kernel takes numbers, not the bigint ${value}: Number(${value}n) is one`);
    if (typeof value === 'boolean') return Number(value);
    if (value instanceof Tensor) return rowsOf(value);
    if (isDeviceTensor(value)) return this.#gpuForm(value, isAsync);
    if (isTFTensor(value)) return isAsync ? readBack(value).then(rowsOf) : rowsOf(tensor(value));
    return value;
  }

  // gpu.js takes no buffers as constants.
  #gpuConstant(value: unknown, isAsync: boolean): unknown {
    return isAsync && isDeviceTensor(value) ? readBack(value).then(rowsOf) : this.#gpuArgument(value, isAsync);
  }

  #gpuForm(value: DeviceTensor, isAsync: boolean): unknown {
    const ready = this.#ready.get(value);
    const isMissing = ready?.gpu === undefined && ready?.failure === undefined;
    return isAsync && isMissing ? this.#formed(value) : this.#form(value, 'gpu');
  }

  // Where a kernel's call waits anyway, its tensors may be of this very task.
  #formed(value: DeviceTensor): Promise<unknown> {
    return gpuForm(value, this.#context.opened as GpuContext);
  }
}

function rowsOf(value: Tensor): unknown {
  return value.rank === 1 && value.dtype === 'float32' ? value.data : value.toNested();
}

// gpu.js takes device tensors as they are only in float32 with one to three axes.
async function gpuForm(tensor: DeviceTensor, context: GpuContext): Promise<unknown> {
  const fits = tensor.dtype === 'float32' && tensor.shape.length >= 1 && tensor.shape.length <= 3;
  return fits && tensor.byteLength > 0 ? context.toGpuJs(tensor) : (await tensor.toHost()).toNested();
}

function unready(tensor: DeviceTensor): never {
  throw new TypeError(
    `${tensor.dtype}[${tensor.shape}] on the device was made during this task: hand it to tf or gpu in the next one, ` +
      'or read it with await x.toHost()',
  );
}
