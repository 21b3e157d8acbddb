import type { TFTensorLike } from '../../tensor/convert.ts';
import type { BigTypedArray, TypedArray } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/**
 * A sequence of items of type `T` for `map`: an array, a typed array, a string (characters), a Set, a Map (keys), any
 * other iterable, or a Tensor. The items of a vector are numbers, those of a matrix are Tensors: annotate `(row: Tensor)`.
 */
export type MapInput<T> = PlainIterable<T> | ReadonlyMap<T, unknown> | TensorInput<T>;

/** An iterable that is not a Map: the items of a Map are its keys, so that the function's parameter is annotated. */
export type PlainIterable<T> = Iterable<T> & { readonly get?: never };

/**
 * A Tensor as a sequence of items of type `T`. No property of a Tensor has the type of its items: `rank`, a number that no
 * iterable has, makes `T` a number where the function leaves it open.
 */
export type TensorInput<T> = (Tensor & { readonly rank: T }) | NoInfer<T extends Tensor | TypedArray ? Tensor : never>;

/** One sequence for each parameter of a function that is mapped. */
export type MapInputs<A extends readonly unknown[]> = { [I in keyof A]: MapInput<A[I]> };

/** An input of `imap`: any iterable of items of type `T`, also an endless or asynchronous one. */
export type StreamInput<T> = PlainIterable<T> | ReadonlyMap<T, unknown> | AsyncIterable<T>;

/** One iterable for each parameter of a function that is mapped by `imap`. */
export type StreamInputs<A extends readonly unknown[]> = { [I in keyof A]: StreamInput<A[I]> };

/** A sequence whose parts have the type `P`: of an array the parts are arrays, also of any other iterable without a kind. */
export type PartInput<P> = P extends Tensor | TypedArray | BigTypedArray | string
  ? P
  : P extends readonly (infer T)[]
    ? Iterable<T>
    : unknown extends P
      ? Iterable<unknown> | Tensor
      : never;

/** One sequence for each parameter of a function that gets parts of them. */
export type PartInputs<A extends readonly unknown[]> = { [I in keyof A]: PartInput<A[I]> };

/** One sequence for each parameter of a function that gets single items, as they are or as the items of its parts. */
export type ItemInputs<A extends readonly unknown[]> = { [I in keyof A]: MapInput<A[I] | ItemOf<A[I]>> };

/** An item of a part. */
export type ItemOf<P> = P extends Iterable<infer T> ? T : never;

/** Values of type `P`, one per engine, joined as `gather` joins them: by the kind of the first. */
export type Joined<P> = unknown extends P
  ? unknown
  : P extends Tensor | TypedArray | BigTypedArray
    ? P
    : P extends readonly (infer T)[]
      ? T[]
      : P[];

/** Something with a length that `scatter` deals out. An object gives its keys, and so does a Map. */
export type Scatterable =
  | string
  | readonly unknown[]
  | TypedArray
  | BigTypedArray
  | Tensor
  | TFTensorLike
  | ReadonlySet<unknown>
  | ReadonlyMap<unknown, unknown>
  | { readonly [key: string]: unknown };
