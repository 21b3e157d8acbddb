import { randomUUID } from 'node:crypto';
import type { KernelArguments as WireKernelArguments } from '../../protocol/methods.ts';
import { Ref } from '../../protocol/values/ref.ts';
import { type TensorLike, tensor } from '../../tensor/convert.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { guarded, promises, takes } from '../../util/signature.ts';
import { NAME } from '../names.ts';
import type { Mode } from '../remote.ts';
import type { PerTargetResult } from '../results/async-result.ts';
import type { Calls } from './calls.ts';
import { isNumbers, type KernelSettings, specOf } from './kernel-settings.ts';
import { defaultsOf, type KernelParameter, kernelText, parseKernel } from './kernel-source.ts';

/** A constant is a number, or an array that is indexed: the types cannot tell which, so it may be used as both. */
export type KernelConstant = number & { readonly [index: number]: KernelConstant };

/** The type of `this` in a kernel. */
export interface KernelScope {
  readonly thread: { readonly x: number; readonly y: number; readonly z: number };
  readonly output: { readonly x: number; readonly y: number; readonly z: number };
  readonly constants: Record<string, KernelConstant>;
}

/**
 * gpu.js kernels are JavaScript of a small kind; parameters are numbers and nested arrays of numbers. Two to four numbers
 * as result add an axis of that length.
 */
export type KernelFunction = (this: KernelScope, ...args: never[]) => number | readonly number[];

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
  const parsed = parseKernel(fn);
  const { parameters } = parsed;
  const { spec, helpers } = specOf(settings, parameters);
  const defaults = defaultsOf(parameters);
  await send({ do: 'create', id, source: kernelText(parsed, helpers), settings: spec });
  const call = (into: string | undefined, args: readonly KernelArgument[]) =>
    send({ do: 'call', id, args: completed(args, parameters, defaults), into });
  const kernel = (...args: KernelArgument[]) => call(settings.into, args);
  const into = guarded(
    'kernel.into',
    takes({ name: NAME }),
    (name: string) =>
      (...args: KernelArgument[]) =>
        call(name, args),
  );
  let destroyed: Promise<void> | undefined;
  const destroy = guarded('kernel.destroy', promises(), () => {
    destroyed ??= send({ do: 'destroy', id }).then(() => {});
    return destroyed;
  });
  return Object.assign(kernel, { into, destroy, [Symbol.asyncDispose]: destroy });
}

// Arguments that are left out, or undefined, get the default values of their parameters.
function completed(
  args: readonly KernelArgument[],
  parameters: readonly KernelParameter[],
  defaults: ReadonlyMap<string, unknown>,
): unknown[] {
  checkCount(args, parameters);
  return parameters.map(({ name }, i) => encodable(args[i] === undefined ? defaults.get(name) : args[i]));
}

function checkCount(args: readonly unknown[], parameters: readonly KernelParameter[]): void {
  const least = parameters.findLastIndex(({ initial }) => initial === undefined) + 1;
  if (args.length >= least && args.length <= parameters.length) return;
  const wanted = least === parameters.length ? least : `${least} to ${parameters.length}`;
  const names = parameters.map(({ name }) => name).join(', ');
  throw new TypeError(`the kernel takes ${wanted} arguments (${names}), not ${args.length}`);
}

// Arrays become float32 here, once for all engines, as gpu.js computes in nothing else.
function encodable(value: unknown): unknown {
  if (value instanceof Ref || value instanceof Tensor) return value;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (isNumbers(value)) return tensor(value, { dtype: 'float32' });
  throw new TypeError(
    `a kernel's argument is a number, an array, a Tensor or a ref, not ${value === null ? 'null' : typeof value}`,
  );
}
