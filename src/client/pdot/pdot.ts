// pdot: C = A · B over the engines of a view. It stays the tutorial's four lines, however clever the plan:
// push B everywhere, scatter A by rows, run C = A · B, gather C.
import { type Ref, ref } from '../../protocol/values/ref.ts';
import { itemSize } from '../../tensor/dtype.ts';
import { PRODUCT_DTYPES, type ProductDType, productDType } from '../../tensor/product-dtype.ts';
import type { Transposes } from '../../tensor/product-shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ANYTHING, type Check, FLAG, must, optionsOf, type Rules, shown, wordOf } from '../../util/checks.ts';
import { guarded, promises } from '../../util/signature.ts';
import type { Calls } from '../calls/calls.ts';
import { overlap } from '../calls/receiving/receive-area.ts';
import { callsOf, DirectView } from '../direct-view.ts';
import { NAME } from '../names.ts';
import { CALL_OPTIONS, type CallOptions, isReceiveBuffer } from '../options.ts';
import type { Mode } from '../remote.ts';
import { type BlockResults, multiplyBlocks } from './blocks.ts';
import { knownCosts } from './costs/known-costs.ts';
import { deadline } from './deadline.ts';
import type { PdotJob } from './job.ts';
import { layoutsOf, narrowed, type Operand, type OperandValue, operandValue } from './operands.ts';
import { assertServes, PdotPlan, type PdotPlanInit, type Providers } from './pdot-plan.ts';
import { PdotResult, type ProductLink } from './pdot-result.ts';
import { type PlanChoice, type Planner, plannerOf } from './plan.ts';
import { ResultMatrix } from './result-matrix.ts';
import { multiplyRing } from './ring.ts';

/** Engines do not stop a product that runs, and B goes to each from here. */
type ProductCallOptions = Omit<CallOptions, 'interrupt' | 'runTimeout' | 'via'>;

/** Options of `pdot.plan`. */
export interface PdotPlanOptions extends ProductCallOptions, Transposes {
  /** How the operands get to the engines. Default 'auto': the quickest by measured costs, or that of the fewest bytes. */
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
  /** How the operands get to the engines (default 'auto'), or a plan made by `pdot.plan`. */
  readonly plan?: PlanChoice | PdotPlan | undefined;
  /**
   * A Tensor of exactly the shape and dtype of C: C arrives in it, and the result gives it. It belongs to the product until
   * all tasks of the product have ended, and shares no memory with operands.
   */
  readonly out?: Tensor | undefined;
}

/** The function `pdot` with its planner. */
export interface Pdot {
  /**
   * The matrix product C = A · B by the rules of numpy.matmul, computed block by block on the view's engines: `[M, N]`
   * from A `[M, K]` and B `[K, N]`. A vector on the left is a row, on the right a column. Leading axes are broadcast.
   * `transposeA` and `transposeB` swap the last two axes of an operand, without a copy of B here. Two dtypes multiply in the smallest one that holds both, as NumPy promotes them (docs/semantics.md has the
   * table). float32, float16, bfloat16, int32 and uint32 (which wrap) are multiplied on the engines' devices, float64 in double
   * precision on their CPUs. The small integers give int32. Nested arrays are float64: `dtype: 'float32'` brings them
   * to the device.
   *
   * An operand is a value here, or `ref('A')`. Each engine holds some rows of A, as scatter deals them. It holds some
   * rows of B too, or all of it (push). A vector on the left is whole on each engine. Operands on the engines must
   * not change until the result settles. Operands here of up to 64 KiB are copied when the call is made; larger ones
   * must not change before `await result.sent`, unless `copy: true`. `timeout` (milliseconds) is for the whole product.
   * Engines do not stop a product that runs: `runTimeout`, `interrupt` and `via` are refused, also of the view.
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
  ): PdotResult<Tensor>;

  /**
   * The matrix product C = A · B, as without `into`, but C stays on the engines. It is scattered by rows under that
   * name, and the result gives a ref to it. A vector is scattered by its items, more axes by the first one.
   * @example
   * await engines.scatter('A', a);
   * await engines.push({ B: b });
   * await pdot(engines, ref('A'), ref('B'), { into: 'C' });
   * const c = await engines.gather('C');
   */
  (view: DirectView<Mode>, a: Operand, b: Operand, options: PdotOptions & { readonly into: string }): PdotResult<Ref>;

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
   * //   provider  openblas
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

const PLAN: Check = (value) => {
  if (!(value instanceof PdotPlan)) plannerOf(value as PlanChoice);
};
const { signal, timeout, label, copy } = CALL_OPTIONS;
const PDOT_OPTIONS: Rules<PdotOptions> = {
  signal,
  timeout,
  label,
  copy,
  transposeA: FLAG,
  transposeB: FLAG,
  plan: PLAN,
  into: NAME,
  out: must('a Tensor, whose buffer is here', (value) => value instanceof Tensor && isReceiveBuffer(value)),
  dtype: wordOf(...PRODUCT_DTYPES),
};
const PDOT = promises({ view: VIEW, a: ANYTHING, b: ANYTHING }, { options: optionsOf(PDOT_OPTIONS) });

/** The matrix product over the engines of a view. `pdot.plan` tells how it would be computed. */
export const pdot: Pdot = Object.assign(guarded('pdot', PDOT, product) as Pdot, {
  plan: guarded('pdot.plan', PDOT, planOf),
});

function product(view: DirectView<Mode>, a: Operand, b: Operand, options: PdotOptions = {}): PdotResult<Tensor | Ref> {
  return new PdotResult(async (link) => run(await prepared(view, { ...options, a, b }, link)));
}

async function planOf(
  view: DirectView<Mode>,
  a: Operand,
  b: Operand,
  options: PdotPlanOptions = {},
): Promise<PdotPlan> {
  return (await prepared(view, { ...options, a, b })).plan;
}

/** A product with its options. */
interface Wanted extends PdotOptions {
  readonly a: Operand;
  readonly b: Operand;
}

/** Checks, asks for the shapes of refs, and plans. */
async function prepared(view: DirectView<Mode>, wanted: Wanted, link?: ProductLink): Promise<PdotJob> {
  const { a, b, plan: wish, into, out, dtype: asked = plannedDType(wish), transposeA, transposeB, ...call } = wanted;
  if (into !== undefined && out !== undefined)
    throw new TypeError('pdot: into keeps C on the engines, and out takes it here: give one of them');
  if (out !== undefined) assertApart(wanted, out);
  const planner = wish instanceof PdotPlan ? wish : plannerOf(wish);
  const calls = callsOf(view).asMany();
  const { copy, ...own } = { ...ofView(calls.defaults), ...call };
  // Before anything is awaited: what is copied is what the operands are now.
  const reading = [operandValue(a, copy), a === b ? undefined : operandValue(b, copy)] as const;
  const signals = [own.signal, link?.signal].filter((signal) => signal !== undefined);
  const limits = deadline(signals.length === 0 ? own : { ...own, signal: AbortSignal.any(signals) });
  const [first, second] = await Promise.all(reading);
  const [x, y] = [first, second ?? first].map((value) => (asked === undefined ? value : narrowed(value, asked)));
  const operands = { a: x as OperandValue, b: y as OperandValue, transposeA, transposeB };
  const unplanned = { calls, ...operands, into, out, limits, asked, made: link?.made ?? (() => {}) };
  return { ...unplanned, plan: await planFor(planner, unplanned) };
}

/**
 * The options of a view as those of its products.
 * @throws TypeError naming one that a product cannot keep
 */
function ofView({ runTimeout, interrupt, via, ...options }: CallOptions): ProductCallOptions {
  const isLimited = runTimeout !== undefined && runTimeout !== Number.POSITIVE_INFINITY;
  const given = { runTimeout: isLimited, interrupt: interrupt === true, via: via === 'broadcast' };
  const [name] = Object.entries(given).find(([, isGiven]) => isGiven) ?? [];
  if (name === undefined) return options;
  const why = name === 'via' ? 'operands go to each engine from here' : 'engines do not stop a product that runs';
  throw new TypeError(`pdot: its view has the option '${name}', but ${why}: multiply on a view without it`);
}

/** The dtype that a plan was asked for. */
function plannedDType(wish: PlanChoice | PdotPlan | undefined): ProductDType | undefined {
  return wish instanceof PdotPlan ? wish.asked : undefined;
}

interface Unplanned extends Omit<PdotJob, 'plan'>, Transposes {
  readonly asked: ProductDType | undefined;
}

async function planFor(planner: PdotPlan | Planner, unplanned: Unplanned): Promise<PdotPlan> {
  if (!(planner instanceof PdotPlan)) return newPlan(planner, unplanned);
  assertServes(planner, { ...unplanned, engines: unplanned.calls.ids, keep: unplanned.into !== undefined });
  return planner;
}

async function newPlan(planner: Planner, unplanned: Unplanned): Promise<PdotPlan> {
  const { calls, into, limits, asked, transposeA, transposeB } = unplanned;
  const [a, b] = await layoutsOf(calls, unplanned, limits);
  const dtype = asked ?? productDType(a.dtype, b.dtype);
  const common = { a, b, keep: into !== undefined, transposeA, transposeB };
  const { costs, ignored } = knownCosts.get(calls.links)?.find(calls.links.engines) ?? {};
  const blocks = planner({ ...common, engines: calls.ids.length, resultItemSize: itemSize(dtype), costs });
  if (common.keep && blocks.shape.length === 0) {
    throw new TypeError('the product of two vectors is a number, and into keeps what is scattered: await it');
  }
  const named = { engines: calls.ids, asked, costsIgnored: ignored };
  return new PdotPlan({ ...common, ...named, dtype, ...providersOf(calls), blocks });
}

/** The library or shader that multiplies in each dtype: on each engine, and where all engines report the same. */
function providersOf({ ids, links }: Calls<'many'>): Pick<PdotPlanInit, 'providers' | 'byEngine'> {
  const byEngine = ids.map((id): Providers => {
    const device = links.engine(id)?.device;
    return Object.fromEntries(PRODUCT_DTYPES.map((dtype) => [dtype, device?.matmulBy?.[dtype] ?? device?.matmul]));
  });
  const shared = (dtype: ProductDType) => {
    const [first, ...others] = new Set(byEngine.map((one) => one[dtype]));
    return others.length === 0 ? first : undefined;
  };
  return { byEngine, providers: Object.fromEntries(PRODUCT_DTYPES.map((dtype) => [dtype, shared(dtype)])) };
}

async function run(job: PdotJob): Promise<Tensor | Ref> {
  const { plan, into, out } = job;
  const c = into === undefined ? new ResultMatrix(plan, out) : undefined;
  const take = async (blocks: BlockResults): Promise<Tensor | Ref> => {
    if (c !== undefined) return c.take(blocks);
    await blocks.get();
    return ref(into as string);
  };
  const isPassed = (plan.kind === 'ring' || plan.kind === 'summa') && plan.blocks.length > 0;
  try {
    return await (isPassed ? multiplyRing(job, take, c?.place) : take(multiplyBlocks(job, c?.place)));
  } catch (error) {
    c?.abandon();
    throw error;
  }
}

// Rows of an operand leave while rows of C arrive.
function assertApart({ a, b }: Wanted, out: Tensor): void {
  for (const [name, operand] of Object.entries({ A: a, B: b })) {
    const data: unknown = operand instanceof Tensor ? operand.data : operand;
    if (ArrayBuffer.isView(data) && overlap(data, out.data))
      throw new TypeError(`pdot: out shares memory with ${name}, which is read while C arrives`);
  }
}
