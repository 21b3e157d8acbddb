// pdot: C = A · B over the engines of a view. However clever the plan, it stays the tutorial's four lines: push B
// everywhere, scatter A by rows, run C = A · B, gather C.
import { type Ref, ref } from '../../protocol/values/ref.ts';
import { itemSize } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { callsOf, type DirectView } from '../direct-view.ts';
import { assertName } from '../names.ts';
import { type CallOptions, checkOptions } from '../options.ts';
import type { Mode } from '../remote.ts';
import { multiplyBlocks } from './blocks.ts';
import { deadline } from './deadline.ts';
import type { Job } from './job.ts';
import { checkOperands, locate, type Operand, resultDType } from './operands.ts';
import { assertChoice, type PlanChoice, plan } from './plan.ts';
import { Product } from './product.ts';
import { multiplyRing } from './ring.ts';

export interface PdotOptions extends CallOptions {
  /** How operands get to the engines; 'auto' (default) counts bytes. */
  readonly plan?: PlanChoice;
  /** Keep C on the engines, scattered by rows, under this name. */
  readonly into?: string;
}

/**
 * The matrix product A · B, computed block by block on the view's engines. A is [M, K], B is [K, N], both of one dtype:
 * float32, float16 and int32 (wrapping) on the engines' devices, float64 in double precision on their CPUs, the small
 * integers as int32. An operand is a value here, or `ref('A')`: of A each engine holds its rows (as scatter deals them), of
 * B its rows too, or all of it (push). Operands on the engines must stay as they are until the promise settles.
 * With `into` the result stays on the engines and the promise gives a ref to it. `timeout` (milliseconds) is for the whole.
 * @throws ShapeError, TypeError, RangeError (an unknown plan), NoEnginesRegistered before anything is computed;
 *   CompositeError when an engine fails; TimeoutError, AbortError
 */
export function pdot(
  view: DirectView<Mode>,
  a: Operand,
  b: Operand,
  options: PdotOptions & { readonly into: string },
): Promise<Ref>;
export function pdot(
  view: DirectView<Mode>,
  a: Operand,
  b: Operand,
  options?: PdotOptions & { readonly into?: never },
): Promise<Tensor>;
export async function pdot(
  view: DirectView<Mode>,
  a: Operand,
  b: Operand,
  options: PdotOptions = {},
): Promise<Tensor | Ref> {
  return run(await prepare(view, a, b, options));
}

/** Checks, asks for what is on the engines, and plans. */
export async function prepare(view: DirectView<Mode>, a: Operand, b: Operand, options: PdotOptions = {}): Promise<Job> {
  const { plan: choice = 'auto', into, ...call } = checkOptions(options, 'plan', 'into');
  assertChoice(choice);
  if (into !== undefined) assertName(into);
  const engines = callsOf(view).asMany();
  const limits = deadline(call);
  const operands = await locate(engines, a, b, limits);
  checkOperands(operands);
  const [left, right] = operands;
  const dtype = left.layout.dtype;
  const result = resultDType(dtype, right.layout.dtype);
  const chosen = plan({
    a: left.layout,
    b: right.layout,
    engines: engines.ids.length,
    choice,
    keep: into !== undefined,
    itemSize: itemSize(dtype),
    resultItemSize: itemSize(result),
  });
  return { engines, plan: chosen, a: left.value, b: right.value, dtype, resultDType: result, into, limits };
}

/** Runs a plan. */
export async function run(job: Job): Promise<Tensor | Ref> {
  const { plan: chosen, into } = job;
  const take = async (blocks: ReturnType<typeof multiplyBlocks>): Promise<Tensor | Ref> => {
    if (into === undefined) return new Product(chosen, job.resultDType).take(blocks);
    await blocks.get();
    return ref(into);
  };
  if (chosen.kind === 'ring' && chosen.busy.length > 0) return multiplyRing(job, take);
  return take(multiplyBlocks(job));
}
