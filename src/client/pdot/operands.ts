// What pdot multiplies: tensors at the client, or names on the engines, whose shapes are asked for first.
import { ShapeError } from '../../errors.ts';
import type { Description } from '../../protocol/methods.ts';
import { Ref } from '../../protocol/values/ref.ts';
import { isTFTensor, type TensorLike, tensor } from '../../tensor/convert.ts';
import type { DType } from '../../tensor/dtype.ts';
import { productDTypeOf } from '../../tensor/product-dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { Calls } from '../calls/calls.ts';
import type { CallOptions } from '../options.ts';
import { checkShapes, type Layout } from './plan.ts';

/** A value at the client, or `ref('A')`: what each engine holds under that name. */
export type Operand = TensorLike | Ref;

/** An operand with its layout; `value` goes into the bodies of the tasks. */
export interface Located<V extends Tensor | Ref = Tensor | Ref> {
  readonly value: V;
  readonly layout: Layout;
}

/** The dtype of a product of these. @throws TypeError naming both, or the one that does not multiply */
export function resultDType(a: DType, b: DType): DType {
  if (a !== b) throw new TypeError(`dtypes do not multiply: ${a} · ${b}; convert one with tensor(x, { dtype })`);
  const dtype = productDTypeOf(a);
  if (dtype === undefined) throw new TypeError(`${a} does not multiply: convert to int32, float32 or float64`);
  return dtype;
}

/**
 * Both operands with their layouts; one round trip if any is a ref.
 * @throws TypeError for what is no tensor; ShapeError when parts on the engines do not make a matrix
 */
export async function locate(
  engines: Calls<'many'>,
  a: Operand,
  b: Operand,
  limits: CallOptions,
): Promise<readonly [Located, Located]> {
  const values = [await atClient(a), await atClient(b)] as const;
  const held = values.filter((value) => value instanceof Ref);
  const found = held.length === 0 ? [] : await ask(engines, held, limits);
  const left = located('A', values[0], found, engines.ids);
  const partsOfB = found.map((list) => list.at(-1));
  return [
    left,
    located(
      'B',
      values[1],
      partsOfB.map((part) => [part]),
      engines.ids,
      left.layout.shape[1],
    ),
  ];
}

async function atClient(operand: Operand): Promise<Tensor | Ref> {
  if (operand instanceof Ref) return operand;
  // The webgpu backend of tfjs has no synchronous reads.
  if (isTFTensor(operand)) {
    const data = await (operand as unknown as { data(): Promise<Tensor['data']> }).data();
    return new Tensor(operand.dtype as DType, operand.shape, data);
  }
  return tensor(operand);
}

type Found = readonly (Description | undefined)[];

/** Per engine, one description per ref. */
function ask(engines: Calls<'many'>, refs: readonly Ref[], limits: CallOptions): Promise<Found[]> {
  return engines.each('pdot', 'describe', { values: refs }, limits).get();
}

function located(
  name: string,
  value: Tensor | Ref,
  found: readonly Found[],
  ids: readonly number[],
  inner?: number,
): Located {
  if (value instanceof Tensor) return { value, layout: { shape: value.shape, dtype: value.dtype, held: 'client' } };
  const parts = found.map((list, i) => matrix(name, value, list[0], ids[i] as number));
  return { value, layout: layoutOf(name, value, parts, ids, inner) };
}

interface Part {
  readonly shape: readonly [number, number];
  readonly dtype: DType;
}

function matrix(name: string, value: Ref, found: Description | undefined, engine: number): Part {
  const what = `${name} (${value.expression}) on engine ${engine}`;
  if (found?.shape === undefined || found.dtype === undefined) {
    throw new TypeError(`${what} is ${found?.kind ?? 'not there'}, not a tensor: scatter or push a matrix first`);
  }
  if (found.shape.length !== 2) {
    throw new ShapeError(`pdot multiplies 2-D tensors, and ${what} is ${found.dtype}[${found.shape}]`);
  }
  return found as unknown as Part;
}

// What each engine holds of A is its rows. B is whole on each engine when it has as many rows as A has columns, and
// scattered when all parts together have.
function layoutOf(
  name: string,
  value: Ref,
  parts: readonly Part[],
  ids: readonly number[],
  inner: number | undefined,
): Layout {
  const { dtype, shape } = parts[0] as Part;
  const columns = parts.find((part) => part.shape[0] > 0)?.shape[1] ?? shape[1];
  checkAlike(name, value, parts, ids, columns);
  const rows = parts.map((part) => part.shape[0]);
  const total = rows.reduce((a, b) => a + b, 0);
  if (inner === undefined || rows.some((n) => n !== inner)) {
    return { shape: [total, columns], dtype, held: 'rows', parts: rows };
  }
  // On one engine, or without rows, it is scattered as well.
  return { shape: [inner, columns], dtype, held: 'replicated', ...(total === inner ? { parts: rows } : {}) };
}

function checkAlike(name: string, value: Ref, parts: readonly Part[], ids: readonly number[], columns: number): void {
  const first = parts[0] as Part;
  parts.forEach((part, i) => {
    if (part.dtype === first.dtype && part.shape[1] === columns) return;
    const both = `${first.dtype}[${first.shape}] on engine ${ids[0]}, ${part.dtype}[${part.shape}] on engine ${ids[i]}`;
    throw new ShapeError(`the parts of ${name} (${value.expression}) are no matrix: ${both}`);
  });
}

/** @throws ShapeError that also says how the operands lie on the engines */
export function checkOperands([a, b]: readonly [Located, Located]): void {
  resultDType(a.layout.dtype, b.layout.dtype);
  try {
    checkShapes(a.layout.shape, b.layout.shape);
  } catch (error) {
    if (a.layout.held === 'client' && b.layout.held === 'client') throw error;
    const text = `${(error as Error).message} (${described('A', a.layout)}; ${described('B', b.layout)})`;
    throw new ShapeError(text, { cause: error });
  }
}

function described(name: string, { held, parts }: Layout): string {
  if (held === 'client') return `${name} is at the client`;
  return held === 'rows' ? `${name} is scattered by rows: ${parts?.join(' + ')}` : `${name} is whole on each engine`;
}
