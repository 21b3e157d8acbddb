import { ShapeError } from '../../errors.ts';
import type { Description } from '../../protocol/methods.ts';
import { Ref } from '../../protocol/values/ref.ts';
import { cast, isTFTensor, type TensorLike, tensor } from '../../tensor/convert.ts';
import { type DType, itemSize } from '../../tensor/dtype.ts';
import type { ProductDType } from '../../tensor/product-dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { Calls } from '../calls/calls.ts';
import type { CallOptions } from '../options.ts';
import type { OperandLayout } from './plan.ts';

/** A matrix at the client, or `ref('A')`: the value that each engine holds under that name. */
export type Operand = TensorLike | Ref;

/** An operand as tasks take it: a tensor here, or a name on the engines. */
export type OperandValue = Tensor | Ref;

/**
 * The operand as a tensor, unless it is a ref. A tf.Tensor is read asynchronously, as its webgpu backend wants it.
 * @throws TypeError, NotSerializableError for a value that does not make a tensor
 */
export async function operandValue(operand: Operand): Promise<OperandValue> {
  if (operand instanceof Ref) return operand;
  if (!isTFTensor(operand) || operand.data === undefined) return tensor(operand);
  return new Tensor(operand.dtype as DType, operand.shape, await operand.data());
}

/**
 * The operand as it is sent to multiply in `dtype`: narrowed here where that makes it smaller, a copy; else as it is,
 * and the engines widen it. Engines narrow what they hold.
 */
export function narrowed(operand: OperandValue, dtype: ProductDType): OperandValue {
  if (operand instanceof Ref || itemSize(dtype) >= itemSize(operand.dtype)) return operand;
  return cast(operand, dtype);
}

/**
 * The layouts of A and B; one round trip if any is a ref. Each engine holds some rows of A. It holds all of B if its
 * part has as many rows as A has columns; otherwise B is scattered by rows.
 * @throws TypeError for a value on an engine that is not a tensor; ShapeError for parts that do not make a matrix
 */
export async function layoutsOf(
  calls: Calls<'many'>,
  a: OperandValue,
  b: OperandValue,
  limits: CallOptions,
): Promise<readonly [OperandLayout, OperandLayout]> {
  const held = await describe(calls, [a, b], limits);
  const layoutA = layoutOf('A', a, held);
  return [layoutA, layoutOf('B', b, held, layoutA.shape[1])];
}

/** The value of a ref on one engine. */
interface Held {
  readonly engine: number;
  readonly found: Description | undefined;
}

/** The values of the refs among the operands, one per engine. */
async function describe(
  calls: Calls<'many'>,
  operands: readonly OperandValue[],
  limits: CallOptions,
): Promise<ReadonlyMap<Ref, readonly Held[]>> {
  const refs = operands.filter((operand) => operand instanceof Ref);
  if (refs.length === 0) return new Map();
  const engines = calls.ids;
  const found = await calls.each('pdot', 'describe', { values: refs }, limits).get();
  return new Map(refs.map((one, r) => [one, engines.map((engine, i) => ({ engine, found: found[i]?.[r] }))]));
}

/** @param inner the columns of A, where the operand is B */
function layoutOf(
  name: string,
  value: OperandValue,
  held: ReadonlyMap<Ref, readonly Held[]>,
  inner?: number,
): OperandLayout {
  if (value instanceof Tensor) return { shape: value.shape, dtype: value.dtype, held: 'client' };
  const parts = (held.get(value) ?? []).map((one) => matrixPart(name, value, one));
  return layoutOfParts(`${name} (${value.expression})`, parts, inner);
}

/** A part of a matrix on one engine. */
interface MatrixPart {
  readonly engine: number;
  readonly dtype: DType;
  readonly rows: number;
  readonly columns: number;
}

function matrixPart(name: string, value: Ref, { engine, found }: Held): MatrixPart {
  const what = `${name} (${value.expression}) on engine ${engine}`;
  if (found?.shape === undefined || found.dtype === undefined) {
    throw new TypeError(`${what} is ${found?.kind ?? 'not there'}, not a tensor: scatter or push a matrix first`);
  }
  const { shape, dtype } = found;
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows === undefined || columns === undefined) {
    throw new ShapeError(`pdot multiplies 2-D tensors, and ${what} is ${dtype}[${shape}]`);
  }
  return { engine, dtype, rows, columns };
}

function layoutOfParts(what: string, parts: readonly MatrixPart[], inner: number | undefined): OperandLayout {
  const { dtype, columns } = checkedAlike(what, parts);
  const rows = parts.map((part) => part.rows);
  const total = rows.reduce((a, b) => a + b, 0);
  if (inner === undefined || rows.some((n) => n !== inner)) {
    return { shape: [total, columns], dtype, held: 'rows', parts: rows };
  }
  // On one engine, or without rows, B is scattered as well.
  return { shape: [inner, columns], dtype, held: 'replicated', parts: total === inner ? rows : undefined };
}

/** The dtype and the columns that all parts have. A part without rows has the columns of its neighbours. */
function checkedAlike(what: string, parts: readonly MatrixPart[]): Pick<MatrixPart, 'dtype' | 'columns'> {
  const first = parts[0] as MatrixPart;
  const columns = (parts.find(({ rows }) => rows > 0) ?? first).columns;
  const other = parts.find((part) => part.dtype !== first.dtype || part.columns !== columns);
  if (other === undefined) return { dtype: first.dtype, columns };
  const text = ({ dtype, rows, columns: n, engine }: MatrixPart) => `${dtype}[${rows},${n}] on engine ${engine}`;
  throw new ShapeError(`the parts of ${what} do not make a matrix: ${text(first)}, ${text(other)}`);
}
