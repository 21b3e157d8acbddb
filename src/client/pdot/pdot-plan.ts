import { inspect } from 'node:util';
import { ShapeError } from '../../errors.ts';
import type { EngineId } from '../../protocol/messages.ts';
import type { Ref } from '../../protocol/values/ref.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Range } from '../../tensor/partition.ts';
import type { ProductDType } from '../../tensor/product-dtype.ts';
import type { ProductSizes, Transposes } from '../../tensor/product-shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { Block, BlockPlan, OperandLayout, PdotTraffic, PlanKind } from './plan.ts';

/** A block of C and the engine that computes it. */
export interface PlannedBlock {
  readonly engine: EngineId;
  /** The engine's place in the view. */
  readonly place: number;
  /** Rows of A and of C, half-open. */
  readonly rows: Range;
  /** Columns of B and of C, half-open. */
  readonly columns: Range;
}

/** The library or shader that multiplies in each dtype; undefined where the engines differ. */
export type Providers = Readonly<Partial<Record<ProductDType, string | undefined>>>;

/** The parts that a plan is made of. */
export interface PdotPlanInit extends Transposes {
  readonly a: OperandLayout;
  readonly b: OperandLayout;
  readonly dtype: ProductDType;
  readonly keep: boolean;
  readonly engines: readonly EngineId[];
  readonly asked?: ProductDType | undefined;
  readonly providers: Providers;
  /** The same for each engine, in their order. */
  readonly byEngine?: readonly Providers[] | undefined;
  readonly costsIgnored?: string | undefined;
  readonly blocks: BlockPlan;
}

/**
 * A planned product A · B: what goes where before anything is sent. It holds no operands, so that one plan serves many
 * products of operands with the same shapes, dtypes and places. `console.log(plan)` shows it in aligned lines.
 */
export class PdotPlan {
  /** How the operands get to the engines. */
  readonly kind: PlanKind;
  /** A: [M, K], a vector [K], or more axes. */
  readonly a: OperandLayout;
  /** B: [K, N], a vector [K], or more axes. */
  readonly b: OperandLayout;
  /** The shape of C. */
  readonly shape: Shape;
  /** The sizes of the matrices that are multiplied. */
  readonly sizes: ProductSizes;
  /** True if A is transposed before it multiplies. */
  readonly transposeA: boolean;
  /** True if B is transposed before it multiplies. */
  readonly transposeB: boolean;
  /** The dtype of C. */
  readonly dtype: ProductDType;
  /** True if C stays on the engines, by rows (`into`); else it comes to the client. */
  readonly keep: boolean;
  /** The engines of the view, in its order; those without a block stay idle. */
  readonly engines: readonly EngineId[];
  /** The blocks of C, by engine. The engine multiplies `rows` of A and `columns` of B. */
  readonly blocks: readonly PlannedBlock[];
  /** Row panels × column panels of C. */
  readonly panels: readonly [number, number];
  /** Bytes over the wire, each way. */
  readonly traffic: PdotTraffic;
  /** The sum of the traffic. */
  readonly bytes: number;
  /** Seconds that it takes by the costs that `rc.probe()` has measured; undefined without them. */
  readonly seconds: number | undefined;
  /** Why costs that were measured do not count, such as an engine that has come since; undefined: they count, or there are none. */
  readonly costsIgnored: string | undefined;
  /** The dtype that was asked for with `dtype`; undefined: NumPy's promotion. */
  readonly asked: ProductDType | undefined;
  /** The library or shader that computes this product, as the engines report; undefined where they differ. */
  readonly provider: string | undefined;
  /** The same for each dtype. */
  readonly providers: Providers;
  /** The same for each engine of the plan, by its id. */
  readonly providersByEngine: ReadonlyMap<EngineId, Providers>;

  /** Plans are made by `pdot.plan`. */
  constructor(init: PdotPlanInit) {
    const { a, b, dtype, keep, engines, asked, providers, blocks, transposeA = false, transposeB = false } = init;
    this.providersByEngine = new Map(engines.map((id, place) => [id, init.byEngine?.[place] ?? providers]));
    this.kind = blocks.kind;
    this.sizes = blocks.sizes;
    this.transposeA = transposeA;
    this.transposeB = transposeB;
    this.a = a;
    this.b = b;
    this.shape = blocks.shape;
    this.dtype = dtype;
    this.keep = keep;
    this.engines = engines;
    this.blocks = blocks.busy.map((place) => ({
      engine: engines[place] as EngineId,
      place,
      ...(blocks.blocks[place] as Block),
    }));
    this.panels = blocks.panels;
    this.traffic = blocks.traffic;
    this.bytes = blocks.bytes;
    this.seconds = blocks.seconds;
    this.costsIgnored = init.costsIgnored;
    this.asked = asked;
    this.provider = providers[dtype];
    this.providers = providers;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  /** The plan in aligned lines. Ranges are half-open, as in views: `rows 0:128` ends before row 128. */
  toString(): string {
    const { kind, panels, traffic } = this;
    const { toEngines, betweenEngines, toClient } = traffic;
    const lines = [
      ['A', operandText(this.a, this.transposeA)],
      ['B', operandText(this.b, this.transposeB)],
      [
        'C',
        `${matrixText(this.dtype, this.shape)}, ${this.keep ? 'stays on the engines by rows' : 'comes to the client'}`,
      ],
      ['bytes', `${toEngines} to the engines, ${betweenEngines} between engines, ${toClient} to the client`],
      ...timeLine(this),
      ...providerLine(this),
      ...engineLines(this),
    ];
    return aligned(`pdot plan ${kind}: ${panels.join(' × ')} panels`, lines as [string, string][]);
  }
}

function timeLine({ seconds, costsIgnored }: PdotPlan): string[][] {
  if (seconds !== undefined) return [['time', `${milliseconds(seconds)} ms by the costs that were measured`]];
  return costsIgnored === undefined ? [] : [['time', `not known: ${costsIgnored}`]];
}

// Nested arrays are float64, and a product of them that runs on the CPU beside an idle device should not go unsaid.
function providerLine({ dtype, provider, providers }: PdotPlan): string[][] {
  if (provider === undefined) return [];
  const other = providers.float32;
  const isSlow = dtype === 'float64' && other !== undefined && other !== provider;
  return [['provider', isSlow ? `${provider}; float32 runs on ${other}: { dtype: 'float32' }` : provider]];
}

const milliseconds = (seconds: number): string => Number((1000 * seconds).toPrecision(3)).toString();

const matrixText = (dtype: DType, shape: readonly number[]): string => `${dtype} [${shape.join('×')}]`;

function operandText({ dtype, shape, held, parts }: OperandLayout, isTransposed: boolean): string {
  const place = {
    client: 'at the client',
    rows: `on the engines by rows: ${parts?.join(' + ')}`,
    replicated: 'whole on each engine',
  };
  return `${matrixText(dtype, shape)}${isTransposed ? ' transposed' : ''}, ${place[held]}`;
}

function engineLines({ engines, blocks, dtype, provider, providersByEngine }: PdotPlan): [string, string][] {
  // Where all are alike, the line above says it.
  const by = (id: EngineId) => (provider === undefined ? providersByEngine.get(id)?.[dtype] : undefined);
  const text = ({ rows, columns }: Block) => [`${rows.lo}:${rows.hi}`, `${columns.lo}:${columns.hi}`];
  const width = Math.max(0, ...blocks.map((block) => (text(block)[0] as string).length));
  return engines.map((id, place) => {
    const block = blocks.find((one) => one.place === place);
    if (block === undefined) return [`engine ${id}`, 'idle'];
    const [rows = '', columns = ''] = text(block);
    const library = by(id);
    return [
      `engine ${id}`,
      `rows ${rows.padEnd(width)}  columns ${columns}${library === undefined ? '' : `  by ${library}`}`,
    ];
  });
}

function aligned(title: string, lines: readonly [string, string][]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return [title, ...lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)].join('\n');
}

/** A product that is about to run by a plan made earlier. */
export interface PlannedProduct extends Transposes {
  readonly engines: readonly EngineId[];
  readonly a: Tensor | Ref;
  readonly b: Tensor | Ref;
  readonly keep: boolean;
  /** The dtype that is asked for. */
  readonly asked?: ProductDType | undefined;
}

/**
 * Checks that a plan serves this product. The engines check their own parts of it when they multiply.
 * @throws TypeError, ShapeError naming what differs
 */
export function assertServes(plan: PdotPlan, product: PlannedProduct): void {
  const { engines, a, b, keep, asked } = product;
  if (String(plan.engines) !== String(engines)) {
    throw new TypeError(`the plan is for the engines ${plan.engines}, and the view has ${engines}: plan again`);
  }
  if (plan.keep !== keep) {
    const given = keep
      ? 'to bring C to the client, and into is given'
      : 'to keep C on the engines, and into is not given';
    throw new TypeError(`the plan is ${given}: plan again`);
  }
  if (asked !== undefined && asked !== plan.dtype) {
    throw new TypeError(`the plan multiplies in ${plan.dtype}, and ${asked} is asked for: plan again`);
  }
  for (const flag of ['transposeA', 'transposeB'] as const) {
    if (product[flag] === undefined || product[flag] === plan[flag]) continue;
    throw new TypeError(`the plan has ${flag}: ${plan[flag]}, and ${product[flag]} is given: plan again`);
  }
  assertOperand('A', plan.a, a);
  assertOperand('B', plan.b, b);
}

function assertOperand(name: string, planned: OperandLayout, operand: Tensor | Ref): void {
  const isHere = operand instanceof Tensor;
  if (isHere !== (planned.held === 'client')) {
    const [wanted, given] = isHere ? ['on the engines', 'a value here'] : ['at the client', 'a ref'];
    throw new TypeError(`the plan is for ${name} ${wanted}, and ${name} is ${given}: plan again`);
  }
  if (!isHere || (operand.dtype === planned.dtype && String(operand.shape) === String(planned.shape))) return;
  const [wanted, given] = [planned, operand].map(({ dtype, shape }) => matrixText(dtype, shape));
  throw new ShapeError(`the plan is for ${name} ${wanted}, and ${name} is ${given}: plan again`);
}
