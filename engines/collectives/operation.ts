import { copied, isTypedArray, type TypedArray } from '../../src/tensor/dtype.ts';
import { isStoredAsBits } from '../../src/tensor/floats/stored-bits.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** A user's reduction of two elements or values. */
export type Combine = (a: never, b: never) => unknown;
/** `sum`, `prod`, `min`, `max`, or an associative function: of two elements, or of two values of any other kind. */
export type ReduceOp = 'sum' | 'prod' | 'min' | 'max' | Combine;

type Scalar = (a: number, b: number) => number;

// On bigints the operators are the same; Math.min is not.
const NAMED: Readonly<Record<string, Scalar>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  min: (a, b) => (b < a || Number.isNaN(b) ? b : a),
  max: (a, b) => (b > a || Number.isNaN(b) ? b : a),
};

/** The operation, checked. @throws TypeError that lists the operations */
export function checkOp(op: ReduceOp): ReduceOp {
  if (typeof op === 'function' || (typeof op === 'string' && Object.hasOwn(NAMED, op))) return op;
  throw new TypeError(`reduce by ${Object.keys(NAMED).join(', ')} or a function, not ${String(op)}`);
}

/** True for operations in which order does not matter: such a reduction may go round a ring. */
export function isCommutative(op: ReduceOp): boolean {
  return typeof op === 'string';
}

/** The elements of an array or tensor; undefined for anything else. @throws TypeError for floats of 16 bits, which are kept as bits */
export function elementsOf(value: unknown): TypedArray | undefined {
  if (value instanceof Tensor && isStoredAsBits(value.dtype)) {
    throw new TypeError(`${value.dtype} tensors cannot be reduced: make them float32 first`);
  }
  if (value instanceof Tensor) return value.data;
  return isTypedArray(value) ? value : undefined;
}

/** The same kind of value around other elements. */
export function withElements(like: unknown, data: TypedArray): Tensor | TypedArray {
  return like instanceof Tensor ? new Tensor(like.dtype, like.shape, data) : data;
}

/** The kind and shape of a value in words; they must agree between engines. */
export function describe(value: unknown): string {
  if (value instanceof Tensor) return `Tensor ${value.dtype}[${value.shape.join('×')}]`;
  if (isTypedArray(value)) return `${value.constructor.name}[${value.length}]`;
  return value === null ? 'null' : Array.isArray(value) ? `list of ${value.length}` : typeof value;
}

const SHAPE = 'directview:shape';

/** A rank with a large array sends this first: its kind and shape. `deed` completes "ranks cannot be …". */
export interface ShapeNote {
  readonly [SHAPE]: string;
  readonly deed: string;
}

/** The note of a rank that wants to agree before it sends data. */
export function shapeNote(shape: string, deed: string): ShapeNote {
  return { [SHAPE]: shape, deed };
}

function noteIn(value: unknown): ShapeNote | undefined {
  return typeof value === 'object' && value !== null && SHAPE in value ? (value as ShapeNote) : undefined;
}

/** The note of both. @throws TypeError when they differ, or when one rank has sent its value */
function agreed(a: unknown, b: unknown): ShapeNote | undefined {
  const [x, y] = [noteIn(a), noteIn(b)];
  if (x === undefined && y === undefined) return undefined;
  if (x !== undefined && y !== undefined && x[SHAPE] === y[SHAPE] && x.deed === y.deed) return x;
  const [left, right] = [x?.[SHAPE] ?? shown(a), y?.[SHAPE] ?? shown(b)];
  throw new TypeError(`ranks cannot be ${x?.deed ?? y?.deed}: ${left} and ${right}`);
}

/** A value in an error: short texts as they are. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : describe(value);
}

/**
 * The reduction of two values; numbers, typed arrays and tensors element by element.
 * @throws TypeError when the two cannot be combined: names both, and their ranks
 */
export function combine(op: ReduceOp, a: unknown, b: unknown, ranks: string): unknown {
  const note = agreed(a, b);
  if (note !== undefined) return note;
  const [left, right] = [elementsOf(a), elementsOf(b)];
  if (describe(a) !== describe(b) && (left !== undefined || right !== undefined || typeof op === 'string')) {
    throw new TypeError(`ranks ${ranks} cannot be reduced: ${shown(a)} and ${shown(b)}`);
  }
  if (left === undefined || right === undefined) return single(op, a, b);
  const out = copied(left);
  accumulate(op, out, right);
  return withElements(a, out);
}

function single(op: ReduceOp, a: unknown, b: unknown): unknown {
  if (typeof op === 'function') return op(a as never, b as never);
  if (Array.isArray(a)) return a.map((item, i) => combine(op, item, (b as unknown[])[i], 'of a list'));
  if (typeof a === 'number' || typeof a === 'bigint') return scalar(op)(a as number, b as number);
  throw new TypeError(`${op} wants numbers, arrays of them or tensors, not ${describe(a)}; or give a function`);
}

function scalar(op: ReduceOp): Scalar {
  return typeof op === 'function' ? (op as Scalar) : (NAMED[op] as Scalar);
}

/** Sets `into[i] = op(into[i], from[i])` for every i. */
export function accumulate(op: ReduceOp, into: TypedArray, from: TypedArray): void {
  if (op === 'sum') add(into, from);
  else applied(scalar(op), into, from);
}

// The usual one has a loop of its own: a call of a function for each element takes several times as long.
function add(into: TypedArray, from: TypedArray): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + (from[i] as number);
}

function applied(f: Scalar, into: TypedArray, from: TypedArray): void {
  for (let i = 0; i < into.length; i++) into[i] = f(into[i] as number, from[i] as number);
}
