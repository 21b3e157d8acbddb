import type { IGPUKernelSettings } from 'gpu.js';
import { ContextError, ShapeError } from '../../src/errors.ts';
import type { KernelPart, KernelSpec } from '../../src/protocol/methods.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { shown } from '../../src/util/checks.ts';
import type { DeviceTensor, GpuContext } from '../contexts/context.ts';
import { compiledText } from '../contexts/gpujs.ts';
import type { DeviceState } from './device-state.ts';
import { hintsOf } from './kernel-hints.ts';
import { argumentTypes, finiteConstants, settingsOf } from './kernel-settings.ts';
import { type Borrowed, onHost } from './operands.ts';

/** The part of a gpu.js kernel that is used here. */
interface Compiled {
  (...args: unknown[]): unknown;
  setOutput(output: readonly number[]): void;
  destroy(): void;
}

/** A number for gpu.js, or a float32 tensor on the device. */
type Argument = number | DeviceTensor;

const MAX_AXES = 3;

/** A result, or those of a kernel map by key. */
export type KernelResults = DeviceTensor | Readonly<Record<string, DeviceTensor>>;

/**
 * A gpu.js kernel of a user. It is compiled at its first call, once per kind of arguments: gpu.js fixes when it compiles
 * which of them are numbers, and how many axes the others have.
 */
export class UserKernel {
  readonly #source: string;
  readonly #spec: KernelSpec;
  readonly #parts: readonly KernelPart[] | undefined;
  readonly #compiled = new Map<string, Compiled>();
  /** The library that has compiled them: a device that is lost is replaced, and gpu.js with it. */
  #gpu: unknown;
  #last: Compiled | undefined;

  constructor(source: string, spec: KernelSpec, parts: readonly KernelPart[] | undefined) {
    this.#source = source;
    this.#spec = spec;
    this.#parts = parts;
  }

  /** The results on the device; the caller frees them. @throws KernelError, ContextError, ShapeError */
  async run(args: readonly unknown[], state: DeviceState, borrowed: Borrowed): Promise<KernelResults> {
    const context = await state.context.open();
    const values = await inOrder(args, (value, i) => argument(value, i, borrowed));
    const output = this.#output(values);
    assertFits(output, context);
    // gpu.js refuses an empty output; an engine whose part is empty has nothing to compute.
    if (sizeOf(output) === 0) return this.#empty(output, context);
    const gpuArgs = await inOrder(values, async (v, i) =>
      typeof v === 'number' ? scalar(v, this.#spec.argumentTypes?.[i]) : context.toGpuJs(await readable(v, borrowed)),
    );
    return this.#compute(values, gpuArgs, output, context);
  }

  /** The text that gpu.js made of it at its last call. @throws TypeError before its first call */
  source(): string {
    if (this.#last !== undefined) return compiledText(this.#last) ?? this.#given();
    throw new TypeError('gpu.js compiles a kernel at its first call: call it, then ask for its source');
  }

  destroy(): void {
    for (const kernel of this.#compiled.values()) kernel.destroy();
    this.#compiled.clear();
  }

  #given(): string {
    const functions = [...this.#spec.functions, ...(this.#parts ?? [])].map(({ source }) => source);
    return [...functions, this.#source].join('\n');
  }

  #output(values: readonly Argument[]): readonly number[] {
    const { output, like } = this.#spec;
    if (output !== undefined) return output;
    const model = values[like as number];
    if (typeof model === 'object') return [...model.shape].reverse();
    throw new TypeError('outputLike names an argument that is a number: it has no shape');
  }

  #empty(output: readonly number[], context: GpuContext): KernelResults {
    const nothing = () => context.upload(new Tensor('float32', [...output].reverse()));
    if (this.#parts === undefined) return nothing();
    return Object.fromEntries(['result', ...this.#parts.map(({ key }) => key)].map((key) => [key, nothing()]));
  }

  async #compute(
    values: readonly Argument[],
    gpuArgs: readonly unknown[],
    output: readonly number[],
    context: GpuContext,
  ): Promise<KernelResults> {
    try {
      const kernel = await this.#variant(values, gpuArgs, output, context);
      kernel.setOutput(output);
      const result = await kernel(...gpuArgs);
      this.#last = kernel;
      return this.#parts === undefined ? await context.fromGpuJs(result) : await eachOf(result as object, context);
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
    const gpu = await context.gpu();
    if (gpu !== this.#gpu) this.#compiled.clear();
    this.#gpu = gpu;
    const key = [output.length, ...values.map((v) => (typeof v === 'number' ? 'n' : v.shape.length))].join();
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const types = argumentTypes(this.#spec.argumentTypes, gpuArgs);
    const made = await this.#create({ output: [...output], argumentTypes: types }, context);
    this.#compiled.set(key, made);
    return made;
  }

  async #create(fixed: object, context: GpuContext): Promise<Compiled> {
    const { source, spec } = finiteConstants(this.#source, this.#spec, context.report);
    const settings = { ...settingsOf(spec, context.report), ...fixed } as object as IGPUKernelSettings;
    const gpu = await context.gpu();
    if (this.#parts === undefined) return gpu.createKernel(source, settings) as Compiled;
    const parts = Object.fromEntries(this.#parts.map((part) => [part.key, part.source]));
    // The types of gpu.js leave out source text.
    return gpu.createKernelMap(parts as never, source as never, settings as never) as never;
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
    return hintsOf(
      this.#source,
      [...this.#spec.functions, ...(this.#parts ?? [])].map(({ source }) => source),
    );
  }
}

// One after the other: uploads share a queue, and a failure must find all copies listed.
async function inOrder<T, U>(items: readonly T[], map: (item: T, i: number) => U | Promise<U>): Promise<U[]> {
  const out: U[] = [];
  for (const [i, item] of items.entries()) out.push(await map(item, i));
  return out;
}

async function eachOf(results: object, context: GpuContext): Promise<Record<string, DeviceTensor>> {
  const found: Record<string, DeviceTensor> = {};
  for (const [key, result] of Object.entries(results)) found[key] = await context.fromGpuJs(result);
  return found;
}

// Numbers and booleans are numbers, unless the type says otherwise. Mode cpu would take 2.7 for an integer.
function scalar(value: number, type: string | null | undefined): number {
  if (type === 'Integer') return Math.trunc(value);
  return type === 'Boolean' ? Number(value !== 0) : value;
}

async function argument(value: unknown, place: number, borrowed: Borrowed): Promise<Argument> {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value);
  if (typeof value !== 'object' || value === null) throw notNumbers(value, place);
  const { shape } = value as { shape?: Shape };
  if (shape?.length === 0) return (await onHost(value)).at(0);
  // gpu.js computes in float32.
  return checkAxes(
    await borrowed.place(value, 'float32').catch((cause: unknown) => explainedPlace(value, place, cause)),
  );
}

function notNumbers(value: unknown, place: number, cause?: unknown): TypeError {
  const given = typeof value === 'bigint' ? `the bigint ${value}` : shown(value);
  return new TypeError(`argument ${place + 1} of a kernel is a number, an array or a Tensor, not ${given}`, { cause });
}

function explainedPlace(value: unknown, place: number, cause: unknown): never {
  throw cause instanceof Error && cause.name === 'NotSerializableError' ? notNumbers(value, place, cause) : cause;
}

// gpu.js takes no empty arrays. Whatever is read from one is NaN.
async function readable(tensor: DeviceTensor, borrowed: Borrowed): Promise<DeviceTensor> {
  if (sizeOf(tensor.shape) > 0) return tensor;
  const shape = tensor.shape.map(() => 1);
  return borrowed.place(new Tensor('float32', shape, Float32Array.of(Number.NaN)));
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
