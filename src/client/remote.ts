import type { Ref } from '../protocol/values/ref.ts';
import type { ModuleFunction } from '../util/module-function.ts';

/** A function by its source, by a name on the engine (`ref`), or from a module that the engine imports. */
export type RemoteFunction<A extends readonly unknown[], R> = ((...args: A) => R) | Ref | ModuleFunction;

/** Arguments of a remote function: each may be a `ref(…)` to what the engine holds. */
export type RemoteArgs<A extends readonly unknown[]> = { [I in keyof A]: A[I] | Ref };

/** The two kinds of views: of one target, or of a list of targets. */
export type Mode = 'one' | 'many';

/** A value per target: bare for one target, a list for several. */
export type PerTarget<M extends Mode, T> = M extends 'one' ? T : T[];
