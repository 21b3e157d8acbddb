import { defaultsOf, type KernelParameter } from '../../../protocol/values/kernels/kernel-source.ts';
import { Ref } from '../../../protocol/values/ref.ts';
import { type TensorLike, tensor } from '../../../tensor/convert.ts';
import { Tensor } from '../../../tensor/tensor.ts';
import { shown } from '../../../util/checks.ts';
import { isThenable } from '../../../util/thenable.ts';
import type { Mode } from '../../remote.ts';
import type { PerTargetResult } from '../../results/async-result.ts';
import { isNumbers } from './kernel-settings.ts';

/** The result of one kernel as an argument of the next: inside `combineKernels`, and there alone. */
export type KernelIntermediate = PerTargetResult<Mode, Tensor | undefined>;
/** An argument: a number or boolean, anything that makes a tensor (computed with in float32), or `ref('x')`. */
export type KernelArgument = TensorLike | boolean | Ref | KernelIntermediate;

/** The signature of a kernel: its parameters and their default values. */
export class KernelSignature {
  readonly #parameters: readonly KernelParameter[];
  readonly #defaults: ReadonlyMap<string, unknown>;

  /** @throws TypeError for default values that are not made of literals */
  constructor(parameters: readonly KernelParameter[]) {
    this.#parameters = parameters;
    this.#defaults = defaultsOf(parameters);
  }

  /**
   * The arguments of a call as `encode` gives them. Those that are left out, or undefined, get their default values.
   * @throws TypeError for too few or too many
   */
  complete<T>(args: readonly unknown[], encode: (value: unknown, name: string) => T): T[] {
    this.#checkCount(args.length);
    return this.#parameters.map(({ name }, i) =>
      encode(args[i] === undefined ? this.#defaults.get(name) : args[i], name),
    );
  }

  #checkCount(count: number): void {
    const parameters = this.#parameters;
    const least = parameters.findLastIndex(({ initial }) => initial === undefined) + 1;
    if (count >= least && count <= parameters.length) return;
    const wanted = least === parameters.length ? least : `${least} to ${parameters.length}`;
    const names = parameters.map(({ name }) => name).join(', ');
    throw new TypeError(`the kernel takes ${wanted} arguments (${names}), not ${count}`);
  }
}

/**
 * An argument as it travels: arrays become float32 here, once for all engines, as gpu.js computes in nothing else.
 * @throws TypeError naming the parameter
 */
export function encodedArgument(value: unknown, name: string): unknown {
  if (value instanceof Ref || value instanceof Tensor) return value;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (isNumbers(value)) return tensor(value, { dtype: 'float32' });
  throw new TypeError(
    `a kernel's argument is a number, an array, a Tensor or a ref, and ${name} is ${given(value)}${remedy(value)}`,
  );
}

function given(value: unknown): string {
  return typeof value === 'bigint' ? `the bigint ${value}` : shown(value);
}

function remedy(value: unknown): string {
  if (typeof value === 'bigint') return `: Number(${value}n) is a number`;
  if (value instanceof BigInt64Array || value instanceof BigUint64Array)
    return ': Float64Array.from(x, Number) holds numbers';
  return isThenable(value) ? ': await it' : '';
}
