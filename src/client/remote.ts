// The types of functions that run on engines, and of what may stand for an argument.
import type { ModuleFunction } from '../protocol/values/module-function.ts';
import type { Ref } from '../protocol/values/ref.ts';

/** A function by its source, by a name on the engine (`ref`), or from a module that the engine imports. */
export type RemoteFunction<A extends readonly unknown[], R> = ((...args: A) => R) | Ref | ModuleFunction;

/** Each argument may be a `ref(…)` to what the engine holds. */
export type RemoteArgs<A extends readonly unknown[]> = { [I in keyof A]: A[I] | Ref };

export type Mode = 'one' | 'many';

/** One target: the bare value; a list of targets: one value each. */
export type PerTarget<M extends Mode, T> = M extends 'one' ? T : T[];
