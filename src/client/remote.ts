import type { Ref } from '../protocol/values/ref.ts';
import type { TFTensorLike } from '../tensor/convert.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ModuleFunction } from '../util/module-function.ts';

/** A function by its source, by a name on the engine (`ref`), or from a module that the engine imports. */
export type RemoteFunction<A extends readonly unknown[], R> = ((...args: A) => R) | Ref | ModuleFunction;

/**
 * RemoteFunction as a parameter. A conditional type makes the compiler decide on `A` before it reads the function's own
 * parameters: without it `(a, b = 3) => a + b` gets no type for `b`. Both branches are the same, so that a RemoteFunction
 * of an open `A` fits too.
 */
export type InferredFunction<A extends readonly unknown[], R> = [A] extends [readonly unknown[]]
  ? RemoteFunction<A, R>
  : RemoteFunction<A, R>;

/** Arguments of a remote function. A `ref(…)` to a value that the engine holds may stand for each, and for anything inside. */
export type RemoteArgs<A extends readonly unknown[]> = { [I in keyof A]: A[I] | Ref | NoInfer<WithRefs<A[I]>> };

/** A value in which `ref(…)` stands for items, properties, or values of a Map, at any depth. */
export type WithRefs<T> = T extends IndivisibleValue
  ? never
  : T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<K | Ref, V | Ref | WithRefs<V>>
    : T extends ReadonlySet<infer V>
      ? ReadonlySet<V | Ref | WithRefs<V>>
      : T extends object
        ? { [K in keyof T]: T[K] | Ref | WithRefs<T[K]> }
        : never;

/** Values that have no places for references inside. */
export type IndivisibleValue =
  | ((...args: never[]) => unknown)
  | ArrayBufferLike
  | ArrayBufferView
  | Date
  | Error
  | Ref
  | RegExp
  | Tensor
  | TFTensorLike;

/** The two kinds of views: of one target, or of a list of targets. */
export type Mode = 'one' | 'many';

/** A value per target: bare for one target, a list for several. */
export type PerTarget<M extends Mode, T> = M extends 'one' ? T : T[];
