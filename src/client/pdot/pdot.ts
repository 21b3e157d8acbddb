// pdot: C = A · B over the engines of a view. It stays the tutorial's four lines, however clever the plan:
// push B everywhere, scatter A by rows, run C = A · B, gather C.
import { type Ref, ref } from '../../protocol/values/ref.ts';
import { itemSize } from '../../tensor/dtype.ts';
import { PRODUCT_DTYPES, type ProductDType, productDType } from '../../tensor/product-dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ANYTHING, type Check, optionsOf, type Rules, shown, wordOf } from '../../util/checks.ts';
import { guarded, promises } from '../../util/signature.ts';
import type { Calls } from '../calls/calls.ts';
import { callsOf, DirectView } from '../direct-view.ts';
import { NAME } from '../names.ts';
import { CALL_OPTIONS, type CallOptions } from '../options.ts';
import type { Mode } from '../remote.ts';
import { type BlockResults, multiplyBlocks } from './blocks.ts';
import { deadline } from './deadline.ts';
import type { PdotJob } from './job.ts';
import { layoutsOf, narrowed, type Operand, type OperandValue, operandValue } from './operands.ts';
import { assertServes, PdotPlan, type Providers } from './pdot-plan.ts';
import { type PlanChoice, type Planner, plannerOf } from './plan.ts';
import { ResultMatrix } from './result-matrix.ts';
import { multiplyRing } from './ring.ts';

/** Options of `pdot.plan`. */
export interface PdotPlanOptions extends CallOptions {
  /** How the operands get to the engines. Default 'auto': the kind of plan that moves the fewest bytes. */
  readonly plan?: PlanChoice | undefined;
  /** Keep C on the engines, scattered by rows, under this name. */
  readonly into?: string | undefined;
  /**
   * Multiply in this dtype, and give C in it. Operands here are narrowed before they are sent, those on the engines
   * there. Default: NumPy's promotion of both dtypes.
   */
  readonly dtype?: ProductDType | undefined;
}

/** Options of `pdot`. */
export interface PdotOptions extends Omit<PdotPlanOptions, 'plan'> {
  /** How the operands get to the engines (default 'auto': the fewest bytes), or a plan made by `pdot.plan`. */
  readonly plan?: PlanChoice | PdotPlan | undefined;
}

/** The function `pdot` with its planner. */
export interface Pdot {
  /**
   * The matrix product C = A · B, computed block by block on the view's engines: `[M, N]` from A `[M, K]` and B `[K,
   * N]`. Two dtypes multiply in the smallest one that holds both, as NumPy promotes them (docs/semantics.md has the
   * table). float32, float16, int32 and uint32 (which wrap) are multiplied on the engines' devices, float64 in double
   * precision on their CPUs. The small integers give int32. Nested arrays are float64: `dtype: 'float32'` brings them
   * to the device.
   *
   * An operand is a value here, or `ref('A')`. Each engine holds some rows of A, as scatter deals them. It holds some
   * rows of B too, or all of it (push). Operands on the engines must not change until the promise settles. `timeout`
   * (milliseconds) is for the whole product.
   * @throws ShapeError, TypeError, RangeError (an unknown plan), NoEnginesRegistered before anything is computed;
   *   CompositeError when an engine fails; TimeoutError, AbortError
   * @example
   * const c = await pdot(engines, a, b, { dtype: 'float32' }); // Tensor
   */
  (
    view: DirectView<Mode>,
    a: Operand,
    b: Operand,
    options?: PdotOptions & { readonly into?: undefined },
  ): Promise<Tensor>;

  /**
   * The matrix product C = A · B, as without `into`, but C stays on the engines. It is scattered by rows under that
   * name, and the promise gives a ref to it.
   * @example
   * await engines.scatter('A', a);
   * await engines.push({ B: b });
   * await pdot(engines, ref('A'), ref('B'), { into: 'C' });
   * const c = await engines.gather('C');
   */
  (view: DirectView<Mode>, a: Operand, b: Operand, options: PdotOptions & { readonly into: string }): Promise<Ref>;

  /**
   * The plan by which `pdot` would multiply: its kind, the blocks with their engines, the bytes each way. It asks the
   * engines for the shapes of refs and sends nothing else. `pdot` multiplies by it, as often as you
   * like: operands of the same shapes, dtypes and places need no planning again.
   * @throws ShapeError, TypeError, RangeError, NoEnginesRegistered as pdot; TimeoutError, AbortError
   * @example
   * const plan = await pdot.plan(engines, a, b);
   * console.log(plan);
   * // pdot plan rows: 2 × 1 panels
   * //   A         float32 [512×64], at the client
   * //   B         float32 [64×512], at the client
   * //   C         float32 [512×512], comes to the client
   * //   bytes     393216 to the engines, 0 between engines, 1048576 to the client
   * //   provider  onnx
   * //   engine 0  rows 0:256    columns 0:512
   * //   engine 1  rows 256:512  columns 0:512
   * const c = await pdot(engines, a, b, { plan });
   */
  plan(view: DirectView<Mode>, a: Operand, b: Operand, options?: PdotPlanOptions): Promise<PdotPlan>;
}

const VIEW: Check = (value) => {
  if (value instanceof DirectView) return;
  throw new TypeError(
    `pdot multiplies on the engines of a view: pdot(view, A, B), and the first argument is ${shown(value)}`,
  );
};

const PDOT_OPTIONS: Rules<PdotOptions> = {
  ...CALL_OPTIONS,
  plan: ANYTHING,
  into: NAME,
  dtype: wordOf(...PRODUCT_DTYPES),
};
const PDOT = promises({ view: VIEW, a: ANYTHING, b: ANYTHING }, { options: optionsOf(PDOT_OPTIONS) });

/** The matrix product over the engines of a view. `pdot.plan` tells how it would be computed. */
export const pdot: Pdot = Object.assign(guarded('pdot', PDOT, product) as Pdot, {
  plan: guarded('pdot.plan', PDOT, planOf),
});

async function product(
  view: DirectView<Mode>,
  a: Operand,
  b: Operand,
  options: PdotOptions = {},
): Promise<Tensor | Ref> {
  return run(await prepared(view, a, b, options));
}

async function planOf(
  view: DirectView<Mode>,
  a: Operand,
  b: Operand,
  options: PdotPlanOptions = {},
): Promise<PdotPlan> {
  return (await prepared(view, a, b, options)).plan;
}

/** Checks, asks for the shapes of refs, and plans. */
async function prepared(view: DirectView<Mode>, a: Operand, b: Operand, options: PdotOptions): Promise<PdotJob> {
  const { plan: wish, into, dtype: asked = plannedDType(wish), ...call } = options;
  const planner = wish instanceof PdotPlan ? wish : plannerOf(wish);
  const calls = callsOf(view).asMany();
  const limits = deadline(call);
  const values = await Promise.all([operandValue(a), operandValue(b)]);
  const [x, y] = asked === undefined ? values : values.map((value) => narrowed(value, asked));
  const unplanned = { calls, a: x as OperandValue, b: y as OperandValue, into, limits, asked };
  return { ...unplanned, plan: await planFor(planner, unplanned) };
}

/** The dtype that a plan was asked for. */
function plannedDType(wish: PlanChoice | PdotPlan | undefined): ProductDType | undefined {
  return wish instanceof PdotPlan ? wish.asked : undefined;
}

interface Unplanned extends Omit<PdotJob, 'plan'> {
  readonly asked: ProductDType | undefined;
}

async function planFor(planner: PdotPlan | Planner, unplanned: Unplanned): Promise<PdotPlan> {
  const { calls, a, b, into, asked } = unplanned;
  if (!(planner instanceof PdotPlan)) return newPlan(planner, unplanned);
  assertServes(planner, { engines: calls.ids, a, b, keep: into !== undefined, asked });
  return planner;
}

async function newPlan(planner: Planner, { calls, a, b, into, limits, asked }: Unplanned): Promise<PdotPlan> {
  const [left, right] = await layoutsOf(calls, a, b, limits);
  const dtype = asked ?? productDType(left.dtype, right.dtype);
  const [engines, keep] = [calls.ids, into !== undefined];
  const blocks = planner({
    a: left,
    b: right,
    engines: engines.length,
    keep,
    resultItemSize: itemSize(dtype),
  });
  return new PdotPlan({ a: left, b: right, dtype, keep, engines, asked, providers: providersOf(calls), blocks });
}

/** The library or shader that multiplies in each dtype, where all engines report the same. */
function providersOf({ ids, links }: Calls<'many'>): Providers {
  const devices = ids.map((id) => links.engine(id)?.device);
  return Object.fromEntries(
    PRODUCT_DTYPES.map((dtype) => {
      const [first, ...others] = new Set(devices.map((device) => device?.matmulBy?.[dtype] ?? device?.matmul));
      return [dtype, others.length === 0 ? first : undefined];
    }),
  );
}

async function run(job: PdotJob): Promise<Tensor | Ref> {
  const { plan, into } = job;
  const c = into === undefined ? new ResultMatrix(plan) : undefined;
  const take = async (blocks: BlockResults): Promise<Tensor | Ref> => {
    if (c !== undefined) return c.take(blocks);
    await blocks.get();
    return ref(into as string);
  };
  const isRing = plan.kind === 'ring' && plan.blocks.length > 0;
  return isRing ? multiplyRing(job, take, c?.place) : take(multiplyBlocks(job, c?.place));
}
