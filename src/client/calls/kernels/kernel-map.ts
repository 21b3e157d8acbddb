import { type ParsedKernel, parseKernel } from '../../../protocol/values/kernels/kernel-source.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import type { Mode } from '../../remote.ts';
import type { PerTargetResult } from '../../results/async-result.ts';
import type { Calls } from '../calls.ts';
import {
  callable,
  type KernelControls,
  type KernelFunction,
  type KernelParameters,
  type KernelResult,
} from './kernel.ts';
import { type KernelHelperFunction, type KernelSettings, namedKernel } from './kernel-settings.ts';
import { RemoteKernel } from './remote-kernel.ts';

/** Functions that a kernel map calls, and whose values are results too: by key, or in a list. */
export type KernelParts = Readonly<Record<string, KernelHelperFunction>> | readonly KernelHelperFunction[];

/** The results of a kernel map on one engine: `result`, and one of each part by its key, or by its place in the list. */
export type KernelMapResults<P> = { readonly result: Tensor } & (P extends readonly unknown[]
  ? { readonly [place: number]: Tensor }
  : { readonly [K in keyof P]: Tensor });

/** A kernel of the function `F` with the parts `P`: its calls give an object of Tensors per engine. */
export interface KernelMap<M extends Mode, P, F, S> extends KernelControls<M> {
  (...args: KernelParameters<F>): PerTargetResult<M, KernelResult<S, KernelMapResults<P>>>;
  /** The same whose results stay on the engines: `into('K')` makes them K.result, K.key and so on. */
  into(name: string): (...args: KernelParameters<F>) => PerTargetResult<M, undefined>;
}

/** Compiles a kernel map on the engines of a view. See `DirectView.kernelMap`. */
export async function createKernelMap<
  M extends Mode,
  P extends KernelParts,
  F extends KernelFunction,
  S extends KernelSettings,
>(view: Calls<M>, parts: P, fn: F, settings: S): Promise<KernelMap<M, P, F, S>> {
  const kernel = await RemoteKernel.create(view, fn, settings, partsOf(parts));
  return callable(kernel, settings.into) as never;
}

function partsOf(parts: KernelParts): [string, ParsedKernel][] {
  const entries = Object.entries<unknown>(parts);
  if (entries.length === 0) throw new TypeError('kernelMap: parts holds at least one function');
  if (entries.some(([key]) => key === 'result')) {
    throw new TypeError("kernelMap: a part cannot be 'result', which is the kernel's own");
  }
  return entries.map(([key, part]) => [key, namedKernel(parseKernel(part))]);
}
