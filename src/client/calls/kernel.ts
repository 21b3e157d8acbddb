import { randomUUID } from 'node:crypto';
import { NotSerializableError } from '../../errors.ts';
import type { KernelSpec, KernelArguments as WireKernelArguments } from '../../protocol/methods.ts';
import { functionSource } from '../../protocol/values/functions.ts';
import { Ref } from '../../protocol/values/ref.ts';
import { isTFTensor, type TensorLike, tensor } from '../../tensor/convert.ts';
import { isTypedArray } from '../../tensor/dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ANYTHING, checkOptions, isPlainObject, must, type Rules, ranged, WORD } from '../../util/checks.ts';
import { guarded, takes } from '../../util/signature.ts';
import { NAME } from '../names.ts';
import type { Mode } from '../remote.ts';
import type { PerTargetResult } from '../results/async-result.ts';
import type { Calls } from './calls.ts';

/** A constant is a number, or an array that is indexed: the types cannot tell which, so it may be used as both. */
export type KernelConstant = number & { readonly [index: number]: KernelConstant };

/** The type of `this` in a kernel. */
export interface KernelScope {
  readonly thread: { readonly x: number; readonly y: number; readonly z: number };
  readonly output: { readonly x: number; readonly y: number; readonly z: number };
  readonly constants: Record<string, KernelConstant>;
}

/** gpu.js kernels are JavaScript of a small kind; parameters are numbers and nested arrays of numbers. */
export type KernelFunction = (this: KernelScope, ...args: never[]) => number;

/** Settings of `DirectView.kernel`. */
export interface KernelSettings {
  /** Threads as gpu.js counts them: [x], [x, y] or [x, y, z]; the result has the shape in reverse. */
  readonly output?: readonly number[] | undefined;
  /** Instead of `output`: the parameter whose shape, on each engine, the result has. */
  readonly outputLike?: string | undefined;
  /** Numbers and arrays, as `this.constants`. */
  readonly constants?: Readonly<Record<string, unknown>> | undefined;
  /** Named functions that the kernel calls. */
  readonly functions?: readonly ((...args: never[]) => unknown)[] | undefined;
  /** Keep every result on the engines under this name. */
  readonly into?: string;
  /** Iterations after which gpu.js cuts off a loop whose bound it cannot see; default 2³⁰ (gpu.js: 1000). */
  readonly loopMaxIterations?: number | undefined;
}

/** An argument: a number, anything that makes a tensor (computed with in float32), or `ref('x')`. */
export type KernelArgument = TensorLike | Ref;
/** The arguments of a kernel of the function `F`. */
export type KernelParameters<F> = F extends (this: KernelScope, ...args: infer A) => unknown
  ? { [I in keyof A]: KernelArgument }
  : never;

/** A kernel of the function `F` under the settings `S`: with `into` its calls give undefined, else a Tensor per engine. */
export interface Kernel<M extends Mode, F, S> extends AsyncDisposable {
  (...args: KernelParameters<F>): PerTargetResult<M, KernelResult<S>>;
  /** The same kernel whose results stay on the engines under this name. */
  into(name: string): (...args: KernelParameters<F>) => PerTargetResult<M, undefined>;
  /** Frees it on the engines; calls after it fail. Idempotent. */
  destroy(): Promise<void>;
}

/** The value of a kernel's call on one engine: undefined where the result stays there. */
export type KernelResult<S> = S extends { readonly into: string } ? undefined : Tensor;

const LOOPS = 2 ** 30;
const MAX_AXES = 3;
const isLoopLimit = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 2 ** 31 - 1;

const SETTINGS: Rules<KernelSettings> = {
  output: ANYTHING, // a RangeError of checkOutput, whatever it is
  outputLike: WORD,
  constants: must('an object of numbers and arrays', isPlainObject),
  functions: must('a list of named functions', Array.isArray),
  into: NAME,
  loopMaxIterations: ranged('a whole number from 1 to 2³¹−1', (value) => typeof value === 'number', isLoopLimit),
};

/** Compiles a kernel on the engines of a view. See `DirectView.kernel`. */
export async function createKernel<M extends Mode, F extends KernelFunction, S extends KernelSettings>(
  view: Calls<M>,
  fn: F,
  settings: S,
): Promise<Kernel<M, F, S>> {
  // Kept on the engines of today: one that comes later has no such kernel.
  const calls = view.frozen();
  const send = (args: WireKernelArguments) => calls.each<'kernel', never>('kernel', 'kernel', args);
  const id = randomUUID();
  const source = kernelSource(fn);
  const parameters = parametersOf(source);
  await send({ do: 'create', id, source, settings: specOf(settings, parameters) });
  const call = (into: string | undefined, args: readonly KernelArgument[]) => {
    checkCount(args, parameters);
    return send({ do: 'call', id, args: args.map(encodable), into });
  };
  const kernel = (...args: KernelArgument[]) => call(settings.into, args);
  const into = guarded(
    'kernel.into',
    takes({ name: NAME }),
    (name: string) =>
      (...args: KernelArgument[]) =>
        call(name, args),
  );
  let destroyed: Promise<void> | undefined;
  const destroy = () => {
    destroyed ??= send({ do: 'destroy', id }).then(() => {});
    return destroyed;
  };
  return Object.assign(kernel, { into, destroy, [Symbol.asyncDispose]: destroy });
}

/** The kernel's source. @throws NotSerializableError for arrows, async functions, and what a bundler has rewritten */
function kernelSource(fn: unknown): string {
  if (typeof fn !== 'function') throw new TypeError(`a kernel is a function, not ${fn === null ? 'null' : typeof fn}`);
  const source = functionSource(fn as () => unknown);
  if (!/^function\b(?!\s*\*)/.test(source)) {
    throw new NotSerializableError(
      'a kernel is written `function (a, x) { … }`: arrows, methods, async and generator functions do not compile',
    );
  }
  if (/\b__name\(/.test(source)) {
    throw new NotSerializableError(
      "a bundler has put __name() into the kernel: compile it with tsc, or without 'keepNames'",
    );
  }
  return source;
}

function parametersOf(source: string): string[] {
  const plain = source.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
  const list = /^function\s*[\w$]*\s*\(([^)]*)\)/.exec(plain)?.[1] ?? '';
  const names = list.split(',').map((name) => name.trim());
  const wrong = names.find((name) => name !== '' && !/^[\w$]+$/.test(name));
  if (wrong !== undefined) throw new TypeError(`a kernel's parameters are plain names, not '${wrong}'`);
  return names.filter((name) => name !== '');
}

/** Settings as engines want them. @throws TypeError, RangeError naming the setting */
function specOf(settings: KernelSettings, parameters: readonly string[]): KernelSpec {
  const { constants, functions, loopMaxIterations = LOOPS } = checkOptions(settings, SETTINGS, 'kernel', 'setting');
  return {
    ...outputOf(settings, parameters),
    constants,
    functions: functions?.map(namedSource),
    loopMaxIterations,
  };
}

function outputOf(
  { output, outputLike }: KernelSettings,
  parameters: readonly string[],
): Pick<KernelSpec, 'output' | 'like'> {
  if ((output === undefined) === (outputLike === undefined)) {
    throw new TypeError("a kernel needs either output: [x, y, z] or outputLike: 'parameter'");
  }
  if (outputLike === undefined) return { output: checkOutput(output) };
  const like = parameters.indexOf(outputLike);
  if (like >= 0) return { like };
  throw new TypeError(
    `outputLike: the kernel has no parameter '${outputLike}', only ${parameters.join(', ') || 'none'}`,
  );
}

function checkOutput(output: unknown): readonly number[] {
  const sizes = Array.isArray(output) ? (output as unknown[]) : [];
  const good =
    sizes.length >= 1 && sizes.length <= MAX_AXES && sizes.every((n) => Number.isSafeInteger(n) && (n as number) >= 1);
  if (good) return sizes as number[];
  throw new RangeError(
    `output is a list of 1 to ${MAX_AXES} whole numbers of at least 1, not ${JSON.stringify(output)}`,
  );
}

function namedSource(fn: (...args: never[]) => unknown): string {
  const source = kernelSource(fn);
  if (/^function\s+[\w$]+/.test(source)) return source;
  throw new TypeError('functions of a kernel are named: function square(x) { return x * x; }');
}

function checkCount(args: readonly unknown[], parameters: readonly string[]): void {
  if (args.length === parameters.length) return;
  throw new TypeError(`the kernel takes ${parameters.length} arguments (${parameters.join(', ')}), not ${args.length}`);
}

// Arrays become float32 here, once for all engines, as gpu.js computes in nothing else.
function encodable(value: unknown): unknown {
  if (value instanceof Ref || value instanceof Tensor || typeof value === 'number') return value;
  const isTensor = typeof value === 'boolean' || Array.isArray(value) || isTypedArray(value) || isTFTensor(value);
  if (isTensor) return tensor(value as TensorLike, { dtype: 'float32' });
  throw new TypeError(
    `a kernel's argument is a number, an array, a Tensor or a ref, not ${value === null ? 'null' : typeof value}`,
  );
}
