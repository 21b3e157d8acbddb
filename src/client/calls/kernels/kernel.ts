import type { Tensor } from '../../../tensor/tensor.ts';
import { guarded, promises, takes } from '../../../util/signature.ts';
import { NAME } from '../../names.ts';
import type { Mode } from '../../remote.ts';
import type { PerTargetResult } from '../../results/async-result.ts';
import type { Calls } from '../calls.ts';
import type { KernelArgument } from './kernel-arguments.ts';
import type { KernelSettings } from './kernel-settings.ts';
import { RemoteKernel } from './remote-kernel.ts';

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

/** The arguments of a kernel of the function `F`. */
export type KernelParameters<F> = F extends (this: KernelScope, ...args: infer A) => unknown
  ? { [I in keyof A]: KernelArgument }
  : never;

/** The methods of kernels, besides calling them. */
export interface KernelControls<M extends Mode> extends AsyncDisposable {
  /**
   * The text that gpu.js made of it, on each engine, at its last call: WGSL on webgpu, GLSL on headlessgl, JavaScript on cpu. On
   * wasm and tensorflow gpu.js assembles bytes: there it is the JavaScript that they are made from.
   */
  source(): PerTargetResult<M, string>;
  /** Frees it on the engines; calls after it fail. Idempotent. */
  destroy(): Promise<void>;
}

/** A kernel of the function `F` under the settings `S`: with `into` its calls give undefined, else a Tensor per engine. */
export interface Kernel<M extends Mode, F, S> extends KernelControls<M> {
  (...args: KernelParameters<F>): PerTargetResult<M, KernelResult<S>>;
  /** The same kernel whose results stay on the engines under this name; `view.clear([name])` frees one. */
  into(name: string): (...args: KernelParameters<F>) => PerTargetResult<M, undefined>;
}

/** The value of a kernel's call on one engine: undefined where the result stays there. */
export type KernelResult<S, T = Tensor> = S extends { readonly into: string } ? undefined : T;

/** Compiles a kernel on the engines of a view. See `DirectView.kernel`. */
export async function createKernel<M extends Mode, F extends KernelFunction, S extends KernelSettings>(
  view: Calls<M>,
  fn: F,
  settings: S,
): Promise<Kernel<M, F, S>> {
  return callable(await RemoteKernel.create(view, fn, settings), settings.into);
}

/** A kernel that is called like a function. */
export function callable<M extends Mode>(kernel: RemoteKernel<M>, into: string | undefined): Kernel<M, never, never> {
  const destroy = guarded('kernel.destroy', promises(), () => kernel.destroy());
  const source = guarded('kernel.source', takes(), () => kernel.source());
  const controls = { source, destroy, [Symbol.asyncDispose]: destroy };
  return Object.assign(
    withInto('kernel', into, (name, args) => kernel.call(name, args)),
    controls,
  ) as never;
}

type CallInto = (into: string | undefined, args: readonly unknown[]) => unknown;

/** A function that calls, and its `into`, which keeps the result under another name. */
export function withInto(where: string, into: string | undefined, call: CallInto): (...args: unknown[]) => unknown {
  const named =
    (name: string | undefined) =>
    (...args: unknown[]) =>
      call(name, args);
  return Object.assign(named(into), { into: guarded(`${where}.into`, takes({ name: NAME }), named) });
}
