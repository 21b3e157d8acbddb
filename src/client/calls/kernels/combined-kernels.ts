import type { Tensor } from '../../../tensor/tensor.ts';
import { shown } from '../../../util/checks.ts';
import type { Mode } from '../../remote.ts';
import type { PerTargetResult } from '../../results/async-result.ts';
import type { Calls } from '../calls.ts';
import { withInto } from './kernel.ts';
import type { KernelArgument, KernelIntermediate } from './kernel-arguments.ts';
import { recorded } from './recording.ts';

/** A function that calls kernels, and gives the result of one of them. */
export type CombiningFunction = (...args: never[]) => KernelIntermediate;

/** The arguments of kernels that the function `F` combines. */
export type CombinedParameters<F> = F extends (...args: infer A) => unknown
  ? { [I in keyof A]: KernelArgument }
  : never;

/** Kernels combined by the function `F`: one task per engine and call, and one result. */
export interface CombinedKernels<M extends Mode, F> {
  (...args: CombinedParameters<F>): PerTargetResult<M, Tensor>;
  /** The same whose result stays on the engines under this name. */
  into(name: string): (...args: CombinedParameters<F>) => PerTargetResult<M, undefined>;
}

/** Combines kernels of a view's engines. See `DirectView.combineKernels`. @throws TypeError */
export function combineKernels<M extends Mode, F extends CombiningFunction>(
  view: Calls<M>,
  kernelsAndFn: readonly unknown[],
): CombinedKernels<M, F> {
  const fn = kernelsAndFn.at(-1) as (...args: unknown[]) => unknown;
  const stranger = kernelsAndFn.slice(0, -1).find((kernel) => !isKernel(kernel));
  if (stranger !== undefined || fn === undefined || isKernel(fn)) {
    throw new TypeError(
      `combineKernels takes kernels, and last the function that calls them, not ${shown(stranger ?? fn)}`,
    );
  }
  const combined = withInto('combined', undefined, (into, args) =>
    view.each<'kernel', never>('combineKernels', 'kernel', { do: 'chain', ...recorded(() => fn(...args)), into }),
  );
  return combined as never;
}

function isKernel(value: unknown): boolean {
  return typeof value === 'function' && 'destroy' in value && 'into' in value;
}
