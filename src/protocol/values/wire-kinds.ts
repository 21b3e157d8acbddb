// The small numbers that tell objects of a body apart. Their order is part of the wire format.

/** The kinds of host objects in a blob. */
export const KIND = {
  view: 0,
  tensor: 1,
  function: 2,
  ref: 3,
  module: 4,
  error: 5,
  buffer: 6,
  url: 7,
  query: 8,
} as const;

/** A constructor of array views, and the bytes of one item (1 for DataView). */
export interface ViewKind {
  readonly name: string;
  readonly itemBytes: number;
  view(buffer: ArrayBufferLike, offset: number, length: number): ArrayBufferView;
}

type ArrayClass = {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): ArrayBufferView;
};

function arrayKind(type: ArrayClass): ViewKind {
  return {
    name: type.name,
    itemBytes: type.BYTES_PER_ELEMENT,
    view: (buffer, offset, length) => new type(buffer, offset, length),
  };
}

/** The views that travel; their places in this list are their numbers on the wire. */
export const VIEW_KINDS: readonly ViewKind[] = [
  ...[Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Int16Array, Uint32Array, Int32Array].map(arrayKind),
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array].map(arrayKind),
  { name: 'DataView', itemBytes: 1, view: (buffer, offset, length) => new DataView(buffer, offset, length) },
  { name: 'Buffer', itemBytes: 1, view: (buffer, offset, length) => Buffer.from(buffer, offset, length) },
];

const viewIndex = new Map(VIEW_KINDS.map(({ name }, index) => [name, index]));

/** Index in VIEW_KINDS, or undefined for a view of a newer kind or of a user's class. */
export function viewKind(view: ArrayBufferView): number | undefined {
  return viewIndex.get(view.constructor.name);
}

/** The error classes that survive as classes; others become the nearest of these and keep their name. */
export const ERROR_CLASSES = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
] as const;

/** Index in ERROR_CLASSES. */
export function errorKind(error: Error): number {
  return Math.max(
    0,
    ERROR_CLASSES.findLastIndex((type) => error instanceof type),
  );
}
