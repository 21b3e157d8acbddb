import { KERNELS, ModuleFunction } from '../src/util/module-function.ts';
import { guarded } from '../src/util/signature.ts';
import { PICTURE_FUNCTIONS } from './signatures.ts';

/**
 * A function that kernels/index.ts exports under its own name. It checks its arguments by the signature of that name. A
 * client can call it. Passed to a view, it travels as an address: each engine imports its own copy, which computes on the
 * engine's device.
 * @returns the same function, which has its address now
 */
export function kernelFunction<F extends (...args: never[]) => unknown>(fn: F): F {
  const signature = PICTURE_FUNCTIONS[fn.name as keyof typeof PICTURE_FUNCTIONS];
  return new ModuleFunction(KERNELS, fn.name, guarded(fn.name, signature, fn)) as ModuleFunction & F;
}
