import { ShapeError } from '../../errors.ts';
import type { Description } from '../../protocol/methods.ts';
import { Ref } from '../../protocol/values/ref.ts';
import { cast, isTFTensor, type TensorLike, tensor } from '../../tensor/convert.ts';
import { copied, type DType, isTypedArray, itemSize } from '../../tensor/dtype.ts';
import type { ProductDType } from '../../tensor/product-dtype.ts';
import type { Transposes } from '../../tensor/product-shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { Calls } from '../calls/calls.ts';
import type { CallOptions } from '../options.ts';
import type { OperandLayout } from './plan.ts';

/** A matrix at the client, or `ref('A')`: the value that each engine holds under that name. */
export type Operand = TensorLike | Ref;

/** An operand as tasks take it: a tensor here, or a name on the engines. */
export type OperandValue = Tensor | Ref;

/** Arrays up to this size are copied when the call is made. */
const SMALL = 64 * 1024;

/**
 * The operand as a tensor, unless it is a ref. Small arrays are copied at once, before anything is awaited, so that they
 * may change then; with `copy` large ones are, too. A tf.Tensor is read asynchronously, as its webgpu backend wants it.
 * @throws TypeError, NotSerializableError for a value that does not make a tensor
 */
export async function operandValue(operand: Operand, copy = false): Promise<OperandValue> {
  if (operand instanceof Ref) return operand;
  if (isTFTensor(operand) && operand.data !== undefined) {
    return new Tensor(operand.dtype as DType, operand.shape, await operand.data());
  }
  const made = tensor(operand);
  const isTheirs = operand instanceof Tensor || isTypedArray(operand);
  if (!isTheirs || (!copy && made.byteLength > SMALL)) return made;
  return new Tensor(made.dtype, made.shape, copied(made.data));
}

/**
 * The operand as it is sent to multiply in `dtype`: narrowed here where that makes it smaller, a copy; else as it is,
 * and the engines widen it. Engines narrow what they hold.
 */
export function narrowed(operand: OperandValue, dtype: ProductDType): OperandValue {
  if (operand instanceof Ref || itemSize(dtype) >= itemSize(operand.dtype)) return operand;
  return cast(operand, dtype);
}

/** The operands of a product, and which of them are transposed. */
export interface Operands extends Transposes {
  readonly a: OperandValue;
  readonly b: OperandValue;
}

/**
 * The layouts of A and B; one round trip if any is a ref. Each engine holds some rows of A. It holds all of B if its
 * part has as many rows as A has columns; otherwise B is scattered by rows. A vector on the left is whole on each engine.
 * @throws TypeError for a value on an engine that is not a tensor, and for parts that can mean two things; ShapeError
 *   for parts that do not make a matrix
 */
export async function layoutsOf(
  calls: Calls<'many'>,
  { a, b, transposeA, transposeB }: Operands,
  limits: CallOptions,
): Promise<readonly [OperandLayout, OperandLayout]> {
  const held = await describe(calls, [a, b], limits);
  const [x, y] = [partsOf('A', a, held), partsOf('B', b, held)];
  const left =
    a instanceof Tensor ? atClient(a) : leftLayout(x as Parts, y ?? (b as Tensor), { transposeA, transposeB });
  if (b instanceof Tensor) return [left, atClient(b)];
  const inner = transposeA && left.shape.length > 1 ? left.shape.at(-2) : left.shape.at(-1);
  return [left, rightLayout(y as Parts, inner as number, transposeB)];
}

const atClient = ({ shape, dtype }: Tensor): OperandLayout => ({ shape, dtype, held: 'client' });

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

/** The values that the engines hold under one name. */
interface Parts {
  /** For messages: `A (x)`. */
  readonly what: string;
  readonly dtype: DType;
  /** The length of the first axis on each engine. */
  readonly lengths: readonly number[];
  readonly total: number;
  /** The other axes, alike on all engines. */
  readonly rest: Shape;
}

function partsOf(name: string, value: OperandValue, held: ReadonlyMap<Ref, readonly Held[]>): Parts | undefined {
  if (value instanceof Tensor) return undefined;
  const what = `${name} (${value.expression})`;
  const parts = (held.get(value) ?? []).map((one) => partOn(what, one));
  const lengths = parts.map(({ shape }) => shape[0] as number);
  return { what, ...checkedAlike(what, parts), lengths, total: lengths.reduce((a, b) => a + b, 0) };
}

/** A part of an operand on one engine. */
interface Part {
  readonly engine: number;
  readonly dtype: DType;
  readonly shape: Shape;
}

function partOn(name: string, { engine, found }: Held): Part {
  const what = `${name} on engine ${engine}`;
  if (found?.shape === undefined || found.dtype === undefined) {
    throw new TypeError(`${what} is ${found?.kind ?? 'not there'}, not a tensor: scatter or push a matrix first`);
  }
  if (found.shape.length > 0) return { engine, dtype: found.dtype, shape: found.shape };
  throw new ShapeError(`pdot multiplies vectors and matrices, and ${what} is a number`);
}

/** The dtype and the axes that all parts have. A part without rows has the axes of its neighbours. */
function checkedAlike(what: string, parts: readonly Part[]): Pick<Parts, 'dtype' | 'rest'> {
  const first = parts[0] as Part;
  const rest = (parts.find(({ shape }) => (shape[0] as number) > 0) ?? first).shape.slice(1);
  const other = parts.find(({ dtype, shape }) => dtype !== first.dtype || String(shape.slice(1)) !== String(rest));
  if (other === undefined) return { dtype: first.dtype, rest };
  const text = ({ dtype, shape, engine }: Part) => `${dtype}[${shape}] on engine ${engine}`;
  throw new ShapeError(`the parts of ${what} do not make a matrix: ${text(first)}, ${text(other)}`);
}

function leftLayout(parts: Parts, b: Parts | Tensor, { transposeA, transposeB }: Transposes): OperandLayout {
  const { what, dtype, lengths, total, rest } = parts;
  if (rest.length === 0) return leftVector(parts, b, transposeB);
  if (!transposeA) return { shape: [total, ...rest], dtype, held: 'rows', parts: lengths };
  if (lengths.length === 1) return { shape: [total, ...rest], dtype, held: 'replicated' };
  throw new TypeError(
    `transposeA: ${what} lies on the engines by rows, so its transpose would lie by columns: pass it from here, or scatter the transpose`,
  );
}

/** A vector on the left is needed whole: it is pushed, not scattered. */
function leftVector({ what, dtype, lengths, total }: Parts, b: Parts | Tensor, transposeB?: boolean): OperandLayout {
  const one = lengths[0] as number;
  const layout = (length: number): OperandLayout => ({ shape: [length], dtype, held: 'replicated' });
  if (lengths.length === 1) return layout(one);
  const isEqual = lengths.every((length) => length === one);
  if (isEqual && b instanceof Tensor && innerOf(b, transposeB) === one) return layout(one);
  if (!(b instanceof Tensor)) {
    if (isEqual && b.total === one && b.lengths.some((length) => length !== one)) return layout(one);
    if (isEqual && b.lengths.every((length) => length === one)) {
      throw new TypeError(
        `${what} and ${b.what} have ${one} rows on each engine, which may be all of them or a part: pass one of them from here`,
      );
    }
  }
  throw new TypeError(
    `${what} is a vector in parts of ${lengths.join(' + ')} (${total} in all); on the left it is needed whole on each engine: push it, or pass it from here`,
  );
}

function innerOf({ shape }: Tensor, transposeB: boolean | undefined): number | undefined {
  return shape.length < 2 || transposeB ? shape.at(-1) : shape.at(-2);
}

function rightLayout({ what, dtype, lengths, total, rest }: Parts, inner: number, transposeB?: boolean): OperandLayout {
  if (transposeB && rest.length > 0) {
    if (lengths.length === 1) return { shape: [total, ...rest], dtype, held: 'replicated' };
    throw new TypeError(
      `transposeB: ${what} may be whole on each engine or scattered by rows, and only its columns would tell: pass it from here, or push the transpose`,
    );
  }
  if (lengths.some((n) => n !== inner)) return { shape: [total, ...rest], dtype, held: 'rows', parts: lengths };
  // On one engine, or without rows, B is scattered as well.
  return { shape: [inner, ...rest], dtype, held: 'replicated', parts: total === inner ? lengths : undefined };
}
