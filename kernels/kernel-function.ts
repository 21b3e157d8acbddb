import { KERNELS, ModuleFunction } from '../src/util/module-function.ts';

/**
 * A function that kernels/index.ts exports under its own name. A client can call it. Passed to a view, it travels as an
 * address: each engine imports its own copy, which computes on the engine's device.
 * @returns the same function, which has its address now
 */
export function kernelFunction<F extends (...args: never[]) => unknown>(fn: F): F {
  return new ModuleFunction(KERNELS, fn.name, fn) as ModuleFunction & F;
}
