import { ContextError, ShapeError } from '../../src/errors.ts';
import type { DeviceReport } from '../../src/protocol/messages/engine-record.ts';
import type { KernelSpec } from '../../src/protocol/methods.ts';
import { cast } from '../../src/tensor/convert.ts';
import { isTypedArray } from '../../src/tensor/dtype.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { onHost } from './operands.ts';

const MAX_AXES = 3;

/** Settings for gpu.js, but `output` and `argumentTypes`. @throws ContextError for one that the mode lacks */
export function settingsOf(spec: KernelSpec, report: DeviceReport): Readonly<Record<string, unknown>> {
  const { constants, functions, loopMaxIterations, precision, tactic, strictIntegers = false, returnType } = spec;
  checkPrecision(precision, report);
  const typed = functions.map(({ source, argumentTypes: types, returnType: type }) => {
    // gpu.js infers a type that is undefined.
    return { source, settings: { argumentTypes: types?.map((t) => t ?? undefined), returnType: type } };
  });
  return {
    dynamicOutput: true,
    dynamicArguments: true,
    loopMaxIterations,
    functions: typed,
    strictIntegers,
    // gpu.js takes a field that is there, undefined too, for a setting.
    ...(constants === undefined ? {} : { constants, constantTypes: constantTypes(spec, report) }),
    ...(precision === undefined ? {} : { precision }),
    ...(tactic === undefined ? {} : { tactic }),
    ...(returnType === undefined ? {} : { returnType }),
    // Elsewhere gpu.js's results are host arrays anyway.
    ...(report.gpuMode === 'webgpu' ? { pipeline: true, immutable: true } : {}),
  };
}

function checkPrecision(precision: KernelSpec['precision'], { kind, gpuMode }: DeviceReport): void {
  if (precision !== 'unsigned' || gpuMode !== 'webgpu') return;
  throw new ContextError(
    `precision: 'unsigned' does not exist on the ${kind} context: leave it out, or use engines of another context`,
  );
}

/** The type of each argument, by place; undefined where none is given, so that gpu.js infers all. @throws TypeError */
export function argumentTypes(given: KernelSpec['argumentTypes'], args: readonly unknown[]): string[] | undefined {
  if (given === undefined) return undefined;
  return args.map((arg, i) => argumentType(given[i] ?? undefined, arg, i));
}

// The form of an array is that of this context, whatever the user calls it.
function argumentType(given: string | undefined, arg: unknown, place: number): string {
  const isArray = typeof arg === 'object';
  if (given !== undefined && (given === 'Array' || given === 'Input') !== isArray) {
    throw new TypeError(
      `argumentTypes: argument ${place + 1} is ${isArray ? 'an array' : `the ${typeof arg} ${arg}`}, not of type ${given}`,
    );
  }
  // A boolean is a number in a kernel: conditions compare it with 0.
  return isArray ? formOf(arg) : given === undefined || given === 'Boolean' ? 'Float' : given;
}

function formOf(arg: unknown): string {
  if (Array.isArray(arg) || isTypedArray(arg)) return 'Array';
  return (arg as { type?: string }).type ?? 'Input';
}

function constantTypes(
  { constants = {}, constantTypes: given = {}, strictIntegers }: KernelSpec,
  report: DeviceReport,
): object {
  const inferred = (value: unknown) => {
    if (typeof value === 'object') return 'Array';
    return strictIntegers && Number.isInteger(value) ? 'Integer' : 'Float';
  };
  const types = Object.entries(constants).map(([name, value]) => [
    name,
    typeFor(given[name], report) ?? inferred(value),
  ]);
  return Object.fromEntries(types);
}

// Constants come as rows of numbers. webasm has no short vectors: there these are arrays, which are indexed alike.
function typeFor(given: string | undefined, { gpuMode }: DeviceReport): string | undefined {
  if (given === 'Boolean') return 'Float';
  return given === 'Input' || (gpuMode === 'webasm' && VECTOR.test(given ?? '')) ? 'Array' : given;
}

const VECTOR = /^Array\(([234])\)$/;

/**
 * The kernel for a mode that writes constants into its text and has no word for NaN and Infinity there, webgpu: these
 * become arrays of one number, and the kernel reads their first.
 */
export function finiteConstants(
  source: string,
  spec: KernelSpec,
  { gpuMode }: DeviceReport,
): { readonly source: string; readonly spec: KernelSpec } {
  const { constants = {} } = spec;
  const names = Object.keys(constants).filter((name) => isEndless(constants[name]));
  if (gpuMode !== 'webgpu' || names.length === 0) return { source, spec };
  const reads = new RegExp(`\\bthis\\.constants\\.(?:${names.map(escaped).join('|')})(?![\\p{ID_Continue}$])`, 'gu');
  const indexed = (text: string) => text.replace(reads, '$&[0]');
  const arrays = names.map((name) => [name, Float32Array.of(constants[name] as number)]);
  const types = names.map((name) => [name, 'Array']);
  const functions = spec.functions.map((helper) => ({ ...helper, source: indexed(helper.source) }));
  return {
    source: indexed(source),
    spec: {
      ...spec,
      functions,
      constants: { ...constants, ...Object.fromEntries(arrays) },
      constantTypes: { ...spec.constantTypes, ...Object.fromEntries(types) },
    },
  };
}

const isEndless = (value: unknown) => typeof value === 'number' && !Number.isFinite(value);
const escaped = (name: string) => name.replaceAll('$', '\\$');

/**
 * Constants as gpu.js takes them on every context: numbers, booleans and rows of float32. They are copies on the host:
 * gpu.js takes no buffers as constants, and uploads these once per kernel.
 * @throws TypeError, ShapeError naming the constant
 */
export async function constantsOf({
  constants,
  constantTypes: types = {},
}: Pick<KernelSpec, 'constants' | 'constantTypes'>): Promise<KernelSpec['constants']> {
  if (constants === undefined) return undefined;
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(constants)) {
    found[name] = await constantOf(name, value);
    checkVector(name, found[name], types[name] ?? '');
  }
  return found;
}

function checkVector(name: string, value: unknown, type: string): void {
  const length = VECTOR.exec(type)?.[1];
  if (length === undefined || (isTypedArray(value) && value.length === Number(length))) return;
  const given = Array.isArray(value) ? 'rows' : isTypedArray(value) ? `${value.length} numbers` : String(value);
  throw new ShapeError(`constants.${name} of type ${type} is a list of ${length} numbers, not ${given}`);
}

async function constantOf(name: string, value: unknown): Promise<unknown> {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value);
  const tensor = cast(await numbersOf(name, value), 'float32');
  // gpu.js takes no empty arrays. Whatever is read from one is NaN.
  if (tensor.size === 0)
    return rowsOf(
      Float32Array.of(Number.NaN),
      tensor.shape.map(() => 1),
    );
  if (tensor.rank <= MAX_AXES) return rowsOf(tensor.data as Float32Array, tensor.shape);
  throw new ShapeError(`constants.${name} has at most ${MAX_AXES} axes, not [${tensor.shape}]: reshape it`);
}

async function numbersOf(name: string, value: unknown): Promise<Tensor> {
  try {
    return await onHost(value);
  } catch (cause) {
    throw new TypeError(`constants.${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Nested lists of rows; a number for a tensor without axes. */
function rowsOf(data: Float32Array, [length, ...inner]: Tensor['shape']): unknown {
  if (length === undefined) return data[0];
  // A copy: the namespace's own array may change.
  if (inner.length === 0) return data.slice();
  const step = inner.reduce((a, b) => a * b, 1);
  return Array.from({ length }, (_, i) => rowsOf(data.subarray(i * step, (i + 1) * step), inner));
}
