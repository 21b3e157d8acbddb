import type { IGPUKernelSettings } from 'gpu.js';
import { ContextError, ShapeError } from '../../src/errors.ts';
import type { KernelCall, KernelCreate, KernelSpec } from '../../src/protocol/methods.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor, GpuContext } from '../contexts/context.ts';
import type { Identity } from '../identity.ts';
import type { DeviceState } from './device-state.ts';
import { kernelHints } from './kernel-hints.ts';
import { argumentTypes, constantsOf, settingsOf } from './kernel-settings.ts';
import { type Borrowed, borrowing, deliver, onHost } from './operands.ts';

/** The part of a gpu.js kernel that is used here. */
interface Compiled {
  (...args: unknown[]): unknown;
  setOutput(output: readonly number[]): void;
  destroy(): void;
}

/** A number for gpu.js, or a float32 tensor on the device. */
type Argument = number | DeviceTensor;

const MAX_AXES = 3;

/**
 * The gpu.js kernels of `view.kernel` on this engine, by id. Each is compiled at its first call, once per kind of
 * arguments: gpu.js fixes when it compiles which of them are numbers, and how many axes the others have.
 */
export class UserKernels {
  readonly #identity: Identity;
  readonly #kernels = new Map<string, Kernel>();

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** Constants are read now, so the names that they came from may change later. */
  async create({ id, source, settings }: KernelCreate): Promise<void> {
    const constants = await constantsOf(settings.constants);
    this.#kernels.set(id, new Kernel(source, { ...settings, constants }));
  }

  /**
   * The result, a float32 tensor of the kernel's output with rows first; undefined where `into` keeps it on the device.
   * @throws TypeError when there is no such kernel here; KernelError with the source; ContextError
   */
  call(call: KernelCall, state: DeviceState): Promise<Tensor | undefined> {
    const kernel = this.#kernels.get(call.id);
    if (kernel === undefined) {
      throw new TypeError(`${this.#identity.name} has no such kernel: it was destroyed, or the engine is newer`);
    }
    return kernel.call(call, state);
  }

  destroy(id: string): void {
    this.#kernels.get(id)?.destroy();
    this.#kernels.delete(id);
  }
}

class Kernel {
  readonly #source: string;
  readonly #spec: KernelSpec;
  readonly #compiled = new Map<string, Compiled>();

  constructor(source: string, spec: KernelSpec) {
    this.#source = source;
    this.#spec = spec;
  }

  async call({ args, into }: KernelCall, state: DeviceState): Promise<Tensor | undefined> {
    const result = await borrowing(state, async (borrowed) => {
      const context = await state.context.open();
      const values = await inOrder(args, (value) => argument(value, borrowed));
      const output = this.#output(values);
      assertFits(output, context);
      return this.#run(values, output, context);
    });
    return deliver(result, into, state);
  }

  #output(values: readonly Argument[]): readonly number[] {
    const { output, like } = this.#spec;
    if (output !== undefined) return output;
    const model = values[like as number];
    if (typeof model === 'object') return [...model.shape].reverse();
    throw new TypeError('outputLike names an argument that is a number: it has no shape');
  }

  async #run(values: readonly Argument[], output: readonly number[], context: GpuContext): Promise<DeviceTensor> {
    // gpu.js refuses an empty output; an engine whose part is empty has nothing to compute.
    if (sizeOf(output) === 0) return context.upload(new Tensor('float32', [...output].reverse()));
    const gpuArgs = await inOrder(values, (v, i) =>
      typeof v === 'number' ? scalar(v, this.#spec.argumentTypes?.[i]) : context.toGpuJs(v),
    );
    try {
      const kernel = await this.#variant(values, gpuArgs, output, context);
      kernel.setOutput(output);
      return await context.fromGpuJs(await kernel(...gpuArgs));
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async #variant(
    values: readonly Argument[],
    gpuArgs: readonly unknown[],
    output: readonly number[],
    context: GpuContext,
  ): Promise<Compiled> {
    const key = [output.length, ...values.map((v) => (typeof v === 'number' ? 'n' : v.shape.length))].join();
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const types = argumentTypes(this.#spec.argumentTypes, gpuArgs);
    const settings = { ...settingsOf(this.#spec, context.report), output: [...output], argumentTypes: types };
    const gpu = await context.gpu();
    const made = gpu.createKernel(this.#source, settings as object as IGPUKernelSettings) as Compiled;
    this.#compiled.set(key, made);
    return made;
  }

  #explained(error: unknown): Error {
    const reason = error instanceof Error ? error.message : String(error);
    const hints = error instanceof ContextError ? [] : this.#hints();
    // gpu.js gives the place of its own syntax tree, or a page of generated code: `cause` has all of it.
    const text = hints.length === 0 ? reason : `${hints.join('; ')} (gpu.js: ${reason.split('\n')[0]})`;
    const explained = new Error(`${text}\nin the kernel\n${this.#source}`, { cause: error });
    return Object.assign(explained, { name: 'KernelError' });
  }

  #hints(): string[] {
    const helpers = this.#spec.functions.map(({ source }) => ({ source, name: nameOf(source) }));
    const names = helpers.map(({ name }) => name);
    const inHelpers = helpers.flatMap(({ source, name }) =>
      kernelHints(source, names).map((hint) => `in ${name}, ${hint}`),
    );
    return [...kernelHints(this.#source, names), ...inHelpers];
  }

  destroy(): void {
    for (const kernel of this.#compiled.values()) kernel.destroy();
    this.#compiled.clear();
  }
}

// One after the other: uploads share a queue, and a failure must find all copies listed.
async function inOrder<T, U>(items: readonly T[], map: (item: T, i: number) => U | Promise<U>): Promise<U[]> {
  const out: U[] = [];
  for (const [i, item] of items.entries()) out.push(await map(item, i));
  return out;
}

// Numbers and booleans are numbers, unless the type says otherwise.
function scalar(value: number, type: string | null | undefined): number | boolean {
  return type === 'Boolean' ? value !== 0 : value;
}

async function argument(value: unknown, borrowed: Borrowed): Promise<Argument> {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value);
  const { shape } = value as { shape?: Shape };
  if (shape?.length === 0) return (await onHost(value)).at(0);
  // gpu.js computes in float32.
  return checkAxes(await borrowed.place(value, 'float32'));
}

function nameOf(source: string): string {
  return /^function ([^(]*)/.exec(source)?.[1] ?? '';
}

function checkAxes(tensor: DeviceTensor): DeviceTensor {
  const axes = tensor.shape.length;
  if (axes >= 1 && axes <= MAX_AXES) return tensor;
  throw new ShapeError(`a kernel takes tensors of 1 to ${MAX_AXES} axes, not [${tensor.shape}]: reshape it`);
}

// gpu.js indexes in 32-bit signed integers, and the device limits the bytes of one buffer.
function assertFits(output: readonly number[], { report }: GpuContext): void {
  const bytes = sizeOf(output) * 4;
  const limit = Math.min(report.limits['maxStorageBufferBindingSize'] ?? Number.POSITIVE_INFINITY, 4 * (2 ** 31 - 1));
  if (bytes <= limit) return;
  throw new ContextError(
    `an output of [${output}] has ${bytes} bytes, and this device binds at most ${limit}: spread it over more engines`,
  );
}
