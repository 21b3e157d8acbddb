// pdot: C = A · B over the engines of a view. However clever the plan, it stays the tutorial's four lines: push B
// everywhere, scatter A by rows, run C = A · B, gather C.
import { encodeBody } from '../../protocol/codec.ts';
import { type TensorLike, tensor } from '../../tensor/convert.ts';
import { itemSize } from '../../tensor/dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { CallOptions } from '../options.ts';
import type { Mode } from '../remote.ts';
import type { DirectView } from '../view.ts';
import { type Plan, planRows } from './plan.ts';

/**
 * The matrix product A · B, computed block by block on the view's engines. A is [M, K], B is [K, N], both of one dtype:
 * float64 (nested arrays of numbers) in double precision on the CPU, float32 and int32 on the engines' devices.
 * @throws ShapeError, TypeError, NoEnginesRegistered before anything is sent; CompositeError when an engine fails
 */
export async function pdot(
  view: DirectView<Mode>,
  a: TensorLike,
  b: TensorLike,
  options: CallOptions = {},
): Promise<Tensor> {
  const [left, right] = operands(a, b);
  const engines = view.asMany();
  const plan = planRows(left.shape, right.shape, engines.length, itemSize(left.dtype));
  const blocks = engines.call<Tensor>(
    'matmul',
    'pdot',
    // Windows on A, and B as it is: nothing is copied on this side.
    (i: number) => (isEmpty(plan, i) ? undefined : encodeBody({ a: rowsOf(left, plan, i), b: right })),
    options,
  );
  return paste(plan, left, blocks);
}

function operands(a: TensorLike, b: TensorLike): readonly [Tensor, Tensor] {
  const [left, right] = [tensor(a), tensor(b)];
  if (left.dtype !== right.dtype) {
    throw new TypeError(
      `dtypes do not multiply: ${left.dtype} · ${right.dtype}; convert one with tensor(x, { dtype })`,
    );
  }
  return [left, right];
}

function isEmpty(plan: Plan, engine: number): boolean {
  const rows = plan.blocks[engine]?.rows;
  return rows === undefined || rows.hi <= rows.lo;
}

function rowsOf(a: Tensor, plan: Plan, engine: number): Tensor {
  const { lo, hi } = plan.blocks[engine]?.rows ?? { lo: 0, hi: 0 };
  return a.rows(lo, hi);
}

// Each block of C into its place as it arrives.
async function paste(plan: Plan, a: Tensor, blocks: AsyncIterable<Tensor>): Promise<Tensor> {
  const out = new Tensor(a.dtype, plan.shape);
  let offset = 0;
  for await (const block of blocks) {
    out.data.set(block.data, offset);
    offset += block.size;
  }
  return out;
}
