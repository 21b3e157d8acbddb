import { ShapeError } from '../../errors.ts';
import { isBigArray, isTypedArray } from '../../tensor/dtype.ts';

/** The form of an array or tensor. */
export interface ValueLayout {
  /** `Tensor`, or the class of a typed array; a Buffer counts as Uint8Array. */
  readonly kind: string;
  /** Only a Tensor has one. */
  readonly dtype?: string | undefined;
  /** The lengths of the axes; null where any length will do. */
  readonly shape: readonly (number | null)[];
}

/** The layout of a typed array or of a tensor, wherever its data are; undefined for other values. */
export function layoutOf(value: unknown): ValueLayout | undefined {
  if (isTypedArray(value) || isBigArray(value)) return { kind: value[Symbol.toStringTag], shape: [value.length] };
  if (typeof value !== 'object' || value === null) return undefined;
  const { dtype, shape } = value as { readonly dtype?: unknown; readonly shape?: unknown };
  return typeof dtype === 'string' && Array.isArray(shape) ? { kind: 'Tensor', dtype, shape: [...shape] } : undefined;
}

/** A layout in messages: `Tensor float32[*,3]`, `Float64Array[5]`. */
export function layoutText({ kind, dtype, shape }: ValueLayout): string {
  return `${kind}${dtype === undefined ? '' : ` ${dtype}`}[${shape.map((n) => n ?? '*')}]`;
}

/**
 * Checks that a value fits into the memory that waits for it. `what` begins the sentence: "the value of 'a'".
 * @throws TypeError for another kind or dtype, ShapeError for another shape
 */
export function assertLayout(value: unknown, wanted: ValueLayout, what: string): void {
  const given = layoutOf(value);
  if (given === undefined)
    throw new TypeError(`${what} is neither a Tensor nor a typed array, and into is a ${layoutText(wanted)}`);
  const text = `${what} is a ${layoutText(given)}, and into takes a ${layoutText(wanted)}`;
  if (given.kind !== wanted.kind || given.dtype !== wanted.dtype) throw new TypeError(text);
  const { shape } = given;
  const isSame = shape.length === wanted.shape.length && wanted.shape.every((n, i) => n === null || n === shape[i]);
  if (!isSame) throw new ShapeError(text);
}
