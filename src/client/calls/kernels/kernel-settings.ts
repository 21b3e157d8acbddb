import type { KernelHelper, KernelSpec } from '../../../protocol/methods.ts';
import {
  IDENTIFIER,
  type KernelParameter,
  kernelText,
  type ParsedKernel,
  parseKernel,
} from '../../../protocol/values/kernels/kernel-source.ts';
import { Ref } from '../../../protocol/values/ref.ts';
import { isTFTensor, type TensorLike, tensor } from '../../../tensor/convert.ts';
import { isTypedArray } from '../../../tensor/dtype.ts';
import { Tensor } from '../../../tensor/tensor.ts';
import {
  ANYTHING,
  type Check,
  checkOptions,
  FLAG,
  isPlainObject,
  must,
  type Rules,
  ranged,
  shown,
  WORD,
  wordOf,
} from '../../../util/checks.ts';
import { NAME } from '../../names.ts';

/** A type of gpu.js for a parameter of a kernel or of a function that it calls. */
export type KernelArgumentType = 'Array' | 'Boolean' | 'Float' | 'Input' | 'Integer' | 'Number';
/** A type of gpu.js that a kernel returns. */
export type KernelReturnType = 'Array(2)' | 'Array(3)' | 'Array(4)' | 'Float' | 'Integer' | 'Number';
/** A type of gpu.js for a constant of a kernel. */
export type KernelConstantType = KernelArgumentType | 'Array(2)' | 'Array(3)' | 'Array(4)';

/** A function that kernels call. */
export type KernelHelperFunction = (...args: never[]) => unknown;

/** A function that a kernel calls, with its types, as gpu.js writes it. */
export interface TypedKernelFunction {
  readonly source: KernelHelperFunction;
  readonly settings: {
    /** By parameter; gpu.js infers the others. */
    readonly argumentTypes?: Readonly<Record<string, KernelArgumentType>> | undefined;
    readonly returnType?: KernelReturnType | undefined;
  };
}

/** Threads along each axis; y and z may be left out. */
export interface KernelOutput {
  readonly x: number;
  readonly y?: number | undefined;
  readonly z?: number | undefined;
}

/** Settings of `DirectView.kernel`. */
export interface KernelSettings {
  /** Threads as gpu.js counts them: x, [x], [x, y], [x, y, z] or { x, y, z }; the result has the shape in reverse. */
  readonly output?: number | readonly number[] | KernelOutput | undefined;
  /** Instead of `output`: the parameter whose shape, on each engine, the result has. */
  readonly outputLike?: string | undefined;
  /**
   * Numbers, booleans, arrays, Tensors of at most 3 axes and refs, as `this.constants`. An engine reads a ref once, when
   * the kernel is created.
   */
  readonly constants?: Readonly<Record<string, unknown>> | undefined;
  /** Named functions that the kernel calls, arrow functions too. */
  readonly functions?: readonly (KernelHelperFunction | TypedKernelFunction)[] | undefined;
  /** Keep every result on the engines under this name. */
  readonly into?: string;
  /** Iterations after which gpu.js cuts off a loop whose bound it cannot see; default 2³⁰ (gpu.js: 1000). */
  readonly loopMaxIterations?: number | undefined;
  /** The precision of numbers in textures: headlessgl alone tells the two apart, and webgpu refuses 'unsigned'. */
  readonly precision?: 'single' | 'unsigned' | undefined;
  /** The preference of gpu.js's GL modes where speed and precision differ; the other modes have one way alone. */
  readonly tactic?: 'speed' | 'balanced' | 'precision' | undefined;
  /** Constants that are whole numbers are integers, not floats. */
  readonly strictIntegers?: boolean | undefined;
  /** By parameter; gpu.js infers the others. */
  readonly argumentTypes?: Readonly<Record<string, KernelArgumentType>> | undefined;
  /** gpu.js infers it otherwise. */
  readonly returnType?: KernelReturnType | undefined;
  /** By constant; gpu.js infers the others. 'Array(2)' to 'Array(4)' are short vectors, which webasm lacks. */
  readonly constantTypes?: Readonly<Record<string, KernelConstantType>> | undefined;
}

const LOOPS = 2 ** 30;
const MAX_AXES = 3;
const isLoopLimit = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 2 ** 31 - 1;

const VECTORS = ['Array(2)', 'Array(3)', 'Array(4)'] as const;
const ARGUMENT_TYPES: readonly KernelArgumentType[] = ['Array', 'Boolean', 'Float', 'Input', 'Integer', 'Number'];
const RETURN_TYPE = wordOf(...VECTORS, 'Float', 'Integer', 'Number');

const SETTINGS: Rules<KernelSettings> = {
  output: ANYTHING, // a RangeError of checkOutput, whatever it is
  outputLike: WORD,
  constants: must('an object of numbers and arrays', isPlainObject),
  functions: must('a list of named functions', Array.isArray),
  into: NAME,
  loopMaxIterations: ranged('a whole number from 1 to 2³¹−1', (value) => typeof value === 'number', isLoopLimit),
  precision: wordOf('single', 'unsigned'),
  tactic: wordOf('speed', 'balanced', 'precision'),
  strictIntegers: FLAG,
  argumentTypes: typesOf(ARGUMENT_TYPES, 'parameters'),
  returnType: RETURN_TYPE,
  constantTypes: typesOf([...ARGUMENT_TYPES, ...VECTORS], 'constants'),
};

const FUNCTION_SETTINGS: Rules<TypedKernelFunction['settings']> = {
  argumentTypes: SETTINGS.argumentTypes,
  returnType: RETURN_TYPE,
};

function typesOf(types: readonly string[], keys: string): Check {
  const isObject = must(`an object of ${keys} and their types`, isPlainObject);
  const type = wordOf(...types);
  return (value, name, where) => {
    isObject(value, name, where);
    for (const [key, item] of Object.entries(value as object)) type(item, `${name}.${key}`, where);
  };
}

/** Settings as engines want them, and the functions that the kernel calls. @throws TypeError, RangeError naming the setting */
export function specOf(
  settings: KernelSettings,
  parameters: readonly KernelParameter[],
): { readonly spec: KernelSpec; readonly helpers: readonly ParsedKernel[] } {
  const { functions = [], loopMaxIterations = LOOPS } = checkOptions(settings, SETTINGS, 'kernel', 'setting');
  const names = parameters.map(({ name }) => name);
  const { helpers, specs } = helpersOf(functions);
  const { precision, tactic, strictIntegers, returnType } = settings;
  const spec = {
    ...outputOf(settings, names),
    ...constantsOf(settings),
    functions: specs,
    loopMaxIterations,
    precision,
    tactic,
    strictIntegers,
    argumentTypes: inOrder(settings.argumentTypes, names, 'kernel: argumentTypes'),
    returnType,
  };
  return { spec, helpers };
}

function helpersOf(functions: NonNullable<KernelSettings['functions']>): {
  readonly helpers: readonly ParsedKernel[];
  readonly specs: readonly KernelHelper[];
} {
  const typed = functions.map((item) => (isTyped(item) ? item : { source: item, settings: {} }));
  const helpers = typed.map(({ source }) => namedKernel(parseKernel(source)));
  const specs = helpers.map((helper, i) => {
    const where = `kernel: function ${helper.name}`;
    const settings = checkOptions(typed[i]?.settings ?? {}, FUNCTION_SETTINGS, where, 'setting');
    const names = helper.parameters.map(({ name }) => name);
    const argumentTypes = inOrder(settings.argumentTypes, names, `${where}: argumentTypes`);
    return { source: kernelText(helper, helpers), argumentTypes, returnType: settings.returnType };
  });
  return { helpers, specs };
}

function isTyped(item: KernelHelperFunction | TypedKernelFunction): item is TypedKernelFunction {
  return typeof item === 'object' && item !== null && 'source' in item;
}

/** The function, which must have a name to be called by. @throws TypeError */
export function namedKernel(helper: ParsedKernel): ParsedKernel {
  if (IDENTIFIER.test(helper.name)) return helper;
  throw new TypeError('functions of a kernel are named: function square(x) { return x * x; }');
}

// gpu.js takes the types by place, and reads an object of them in the order of its keys.
function inOrder(
  types: Readonly<Record<string, string>> | undefined,
  names: readonly string[],
  where: string,
): readonly (string | null)[] | undefined {
  if (types === undefined) return undefined;
  const unknown = Object.keys(types).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`${where}: there is no parameter '${unknown}', only ${names.join(', ') || 'none'}`);
  }
  return names.map((name) => types[name] ?? null);
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
  const sizes = sizesOf(output);
  const good =
    sizes.length >= 1 && sizes.length <= MAX_AXES && sizes.every((n) => Number.isSafeInteger(n) && (n as number) >= 1);
  if (good) return sizes as number[];
  throw new RangeError(
    `output is x, { x, y, z } or a list of 1 to ${MAX_AXES} whole numbers of at least 1, not ${JSON.stringify(output)}`,
  );
}

function sizesOf(output: unknown): readonly unknown[] {
  if (typeof output === 'number') return [output];
  if (Array.isArray(output)) return output as unknown[];
  if (!isPlainObject(output)) return [];
  const { x, y, z, ...others } = output;
  if (Object.keys(others).length > 0 || (y === undefined && z !== undefined)) return [];
  return [x, y, z].filter((n, i) => i === 0 || n !== undefined);
}

function constantsOf({ constants, constantTypes }: KernelSettings): Pick<KernelSpec, 'constants' | 'constantTypes'> {
  const names = Object.keys(constants ?? {});
  const unknown = Object.keys(constantTypes ?? {}).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`kernel: constantTypes: there is no constant '${unknown}', only ${names.join(', ') || 'none'}`);
  }
  if (constants === undefined) return {};
  return {
    constants: Object.fromEntries(names.map((name) => [name, constantOf(name, constants[name])])),
    constantTypes,
  };
}

function constantOf(name: string, value: unknown): unknown {
  if (value instanceof Ref || typeof value === 'number' || typeof value === 'boolean') return value;
  if (isNumbers(value)) return checkedConstant(name, tensor(value, { dtype: 'float32' }));
  throw new TypeError(
    `kernel: constants.${name} is a number, a boolean, an array, a Tensor or a ref, not ${shown(value)}`,
  );
}

function checkedConstant(name: string, value: Tensor): Tensor {
  if (value.rank <= MAX_AXES) return value;
  throw new RangeError(`kernel: constants.${name} has at most ${MAX_AXES} axes, not [${value.shape}]: reshape it`);
}

/** Does the value make a tensor? */
export function isNumbers(value: unknown): value is TensorLike {
  return value instanceof Tensor || Array.isArray(value) || isTypedArray(value) || isTFTensor(value);
}
