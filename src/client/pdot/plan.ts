// Planning of a pdot: which engine multiplies which block, how the operands get there, and how many bytes that moves.
// Shapes go in, blocks come out; nothing here sends.
import { ShapeError } from '../../errors.ts';
import { type DType, itemSize } from '../../tensor/dtype.ts';
import { type Range, ranges } from '../../tensor/partition.ts';
import { type ProductSizes, productSizes, type Transposes } from '../../tensor/product-shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { sizeOf as elementsOf } from '../../tensor/shape.ts';
import { batchItems } from './batch.ts';
import { type ClusterCosts, secondsOf } from './costs/costs.ts';
import { type CostedPlan, workOf } from './costs/work.ts';
import { type SummaGrid, summaGrid } from './summa-grid.ts';

/**
 * How the operands get to the engines. `rows`: A by rows, and all of B to every engine that has rows, as in the
 * tutorial. `grid`: row panels of A × column panels of B. `ring`: B lies on the engines by rows, and its blocks travel
 * from engine to engine. `summa`: A and B lie on the engines by rows; in a grid of engines, rows of A travel along its rows,
 * and columns of B along its columns. `batch`: many products of matrices, dealt to the engines.
 */
export type PlanKind = 'rows' | 'grid' | 'ring' | 'summa' | 'batch';

/**
 * One kind of plan, or `auto`: the kind that takes the least time by the costs that `rc.probe()` has measured; without them, the
 * kind of rows, grid and ring that moves the fewest bytes. Batches have one plan.
 */
export type PlanChoice = 'auto' | 'rows' | 'grid' | 'ring' | 'summa';

const CHOICES: readonly PlanChoice[] = ['auto', 'rows', 'grid', 'ring', 'summa'];

/** Where an operand is. */
export interface OperandLayout {
  /** The shape of the whole operand. */
  readonly shape: Shape;
  /** Its dtype as it lies on the engines or is sent to them. */
  readonly dtype: DType;
  /** At the client, scattered over the engines by rows, or whole on each engine. */
  readonly held: 'client' | 'rows' | 'replicated';
  /** The length of the first axis on each engine, where the operand is scattered. On one engine it is both, scattered and whole. */
  readonly parts?: readonly number[] | undefined;
}

/** A part of C, and the operands that make it. */
export interface Block {
  /** Rows of A and of C. C of more axes is seen as one matrix: its last axis, and all others as rows. */
  readonly rows: Range;
  /** Columns of B and of C. */
  readonly columns: Range;
}

/** Bytes that a product moves over wires. */
export interface PdotTraffic {
  /** Operands on their way from the client. */
  readonly toEngines: number;
  /** Blocks of B from engine to engine. */
  readonly betweenEngines: number;
  /** Blocks of C on their way to the client. */
  readonly toClient: number;
}

/** The blocks of a product, by engine. */
export interface BlockPlan {
  readonly kind: PlanKind;
  /** The shape of C. */
  readonly shape: Shape;
  readonly sizes: ProductSizes;
  /** One block of C per engine, by the engine's place in the view. */
  readonly blocks: readonly Block[];
  /** Places of the engines that get a task: those whose block is not empty, or all that keep their part of C. */
  readonly busy: readonly number[];
  readonly traffic: PdotTraffic;
  /** The sum of the traffic. */
  readonly bytes: number;
  /** Row panels × column panels. */
  readonly panels: readonly [number, number];
  /** Seconds that it takes by the measured costs; undefined without them. */
  readonly seconds?: number | undefined;
}

/** A product to plan. */
export interface PlanRequest extends Transposes {
  readonly a: OperandLayout;
  readonly b: OperandLayout;
  /** The number of engines. */
  readonly engines: number;
  readonly choice?: PlanChoice | undefined;
  /** C stays on the engines, by rows. */
  readonly keep?: boolean | undefined;
  /** Bytes of one element of C. */
  readonly resultItemSize: number;
  /** The costs of the cluster, if they were measured. */
  readonly costs?: ClusterCosts | undefined;
}

/** Plans one product. @throws ShapeError; TypeError for a plan that is not possible, with the reason */
export type Planner = (request: PlanRequest) => BlockPlan;

/** Mailboxes hold the blocks of a ring until the engines multiply. Beyond this size they would drop some. */
const MAX_RING_BYTES = 2 * 2 ** 30;

const sizeOf = ({ lo, hi }: Range): number => hi - lo;

/**
 * The plan of a product, by the planner of its choice.
 * @throws ShapeError, TypeError, RangeError
 */
export function plan(request: PlanRequest): BlockPlan {
  return plannerOf(request.choice)(request);
}

/**
 * The planner of a choice. `auto` (default) compares all kinds that are possible. With measured costs it takes the quickest, on
 * a tie rows before grid before ring before summa. Without them it drops summa, and those that use less than
 * three quarters of the engines that the widest one uses. It takes the one with the fewest bytes of the rest.
 *
 * Sources: the number of words that an algorithm moves is the usual measure (Irony, Toledo and Tiskin, "Communication
 * lower bounds for distributed-memory matrix multiplication", 2004). Block rows, a grid of blocks and a ring are the
 * classic distributions (Golub and Van Loan, "Matrix Computations", 3rd edition, 1996, chapter 6). The three quarters
 * are ours: bytes count for more than a few idle engines.
 * @throws RangeError that lists the choices
 */
export function plannerOf(choice: PlanChoice = 'auto'): Planner {
  if (!CHOICES.includes(choice)) {
    throw new RangeError(`unknown plan '${String(choice)}': one of ${CHOICES.join(', ')}`);
  }
  return (request) => {
    const task = sized(request);
    if (task.sizes.batch.length > 0) return batchOf(task, choice);
    return choice === 'auto' ? best(task) : forced(choice, task);
  };
}

/** A product to plan whose shapes multiply. */
interface Task extends PlanRequest {
  readonly sizes: ProductSizes;
}

function sized(request: PlanRequest): Task {
  const { a, b } = request;
  try {
    return { ...request, sizes: productSizes(a.shape, b.shape, request) };
  } catch (error) {
    if (a.held === 'client' && b.held === 'client') throw error;
    throw new ShapeError(`${(error as Error).message} (${described('A', a)}; ${described('B', b)})`);
  }
}

function described(name: string, { held, parts }: OperandLayout): string {
  if (held === 'client') return `${name} is at the client`;
  return held === 'rows' ? `${name} is scattered by rows: ${parts?.join(' + ')}` : `${name} is whole on each engine`;
}

function forced(kind: Exclude<PlanChoice, 'auto'>, request: Task): BlockPlan {
  const reason = obstacle(kind, request);
  if (reason !== undefined) throw new TypeError(`plan '${kind}' is not possible: ${reason}`);
  return MAKERS[kind](request);
}

// Where nothing was measured, bytes between engines count as much as bytes from here: summa would look cheaper than it is.
function best(request: Task): BlockPlan {
  const possible = (Object.keys(MAKERS) as (keyof typeof MAKERS)[]).filter(
    (kind) => (kind !== 'summa' || request.costs !== undefined) && obstacle(kind, request) === undefined,
  );
  if (possible.length === 0) throw new TypeError(`this product has no plan: ${obstacle('ring', request)}`);
  const plans = possible.map((kind) => MAKERS[kind](request));
  return request.costs === undefined ? smallest(plans) : quickest(plans);
}

function quickest(plans: readonly BlockPlan[]): BlockPlan {
  return plans.reduce((first, next) => ((next.seconds as number) < (first.seconds as number) ? next : first));
}

function smallest(plans: readonly BlockPlan[]): BlockPlan {
  const most = Math.max(...plans.map(({ busy }) => busy.length));
  const wide = plans.filter(({ busy }) => 4 * busy.length >= 3 * most);
  return wide.reduce((first, next) => (next.bytes < first.bytes ? next : first));
}

/** The reason why a kind is not possible; undefined when it is. */
function obstacle(kind: keyof typeof MAKERS, request: Task): string | undefined {
  const { a, b, keep } = request;
  if (kind === 'rows') {
    return b.held === 'rows' ? "B is scattered by rows and rows wants it whole on each engine: use 'ring'" : undefined;
  }
  if (kind === 'ring') return ringObstacle(request);
  if (kind === 'summa') return summaObstacle(request);
  if (a.held !== 'client' || b.held !== 'client') {
    return "an operand is on the engines already and would have to be cut anew: use 'rows' or 'ring'";
  }
  return keep ? "into keeps C on the engines by rows, and grid makes blocks: use 'rows' or 'ring'" : undefined;
}

function ringObstacle({ b, sizes, transposeB }: Task): string | undefined {
  if (transposeB && b.shape.length > 1) return "its engines send rows of B, which are columns of Bᵀ: use 'rows'";
  if (b.held === 'replicated' && b.parts === undefined) return "each engine holds all of B already: use 'rows'";
  const bytes = sizes.k * sizes.n * itemSize(b.dtype);
  return bytes > MAX_RING_BYTES
    ? `B has ${bytes} bytes, and mailboxes hold ${MAX_RING_BYTES}: replicate B with push and use 'rows'`
    : undefined;
}

function summaObstacle(request: Task): string | undefined {
  const { a, b, keep, transposeA, transposeB } = request;
  if (keep) return "into keeps C on the engines by rows, and summa makes blocks: use 'rows' or 'ring'";
  const isTurned = [transposeA && a.shape.length > 1 && a.held, transposeB && b.shape.length > 1 && b.held];
  if (isTurned.some((held) => held && held !== 'client')) {
    return "its engines send rows as they lie, and a transposed operand is on them: use 'rows'";
  }
  if (a.held === 'replicated') return "each engine holds all of A already: use 'rows'";
  if (b.held === 'replicated' && b.parts === undefined) return "each engine holds all of B already: use 'rows'";
  const { most } = summaOf(request);
  return most > MAX_RING_BYTES ? `an engine gets ${most} bytes, and mailboxes hold ${MAX_RING_BYTES}` : undefined;
}

// In the order in which ties are decided.
const MAKERS: Readonly<Record<Exclude<PlanKind, 'batch'>, (request: Task) => BlockPlan>> = { rows, grid, ring, summa };

/** The parts of a plan that its kind decides. */
type Made = Pick<BlockPlan, 'kind' | 'blocks' | 'busy' | 'panels'>;

function planned(request: Task, made: Made, traffic: PdotTraffic): BlockPlan {
  const { sizes, costs } = request;
  const bytes = traffic.toEngines + traffic.betweenEngines + traffic.toClient;
  const seconds = costs === undefined ? undefined : secondsOf(costs, workOf(asCosted(request, made, traffic)));
  return { ...made, shape: sizes.shape, sizes, traffic, bytes, seconds };
}

/** The product as the cost model sees it. */
function asCosted(request: Task, { kind, blocks, busy, panels }: Made, traffic: PdotTraffic): CostedPlan {
  const { a, b, engines, sizes } = request;
  const { k, n } = sizes;
  const bytes = [itemSize(a.dtype), itemSize(b.dtype)] as const;
  return {
    kind,
    k,
    n,
    sentA: bytesOfA(request, sizes),
    sentB: b.held === 'client' && traffic.toEngines > 0 ? k * n * bytes[1] : 0,
    sizes: bytes,
    engines,
    across: panels[1],
    transposeA: request.transposeA === true && a.shape.length > 1,
    transposeB: request.transposeB === true && b.shape.length > 1,
    blocks: busy.map((i) => {
      const { rows, columns } = blocks[i] as Block;
      return [sizeOf(rows), sizeOf(columns)] as const;
    }),
    traffic,
  };
}

// C by rows: as A lies, or dealt as scatter does. A kept C is cut between items of C's first axis.
function rowBlocks({ a, engines, keep, sizes }: Task): Block[] {
  const { m, n, batch, rowsPerItem } = sizes;
  const isHeld = a.held === 'rows' && a.parts !== undefined;
  const unit = isHeld || keep ? rowsPerItem : batch.length > 0 ? m : 1;
  const items = unit === 0 ? 0 : (elementsOf(batch) * m) / unit;
  const dealt = isHeld ? rangesOf(a.parts as readonly number[]) : ranges(items, engines);
  return dealt.map(({ lo, hi }) => ({ rows: { lo: lo * unit, hi: hi * unit }, columns: { lo: 0, hi: n } }));
}

/** Consecutive ranges of these lengths. */
function rangesOf(lengths: readonly number[]): Range[] {
  let hi = 0;
  return lengths.map((length) => {
    const lo = hi;
    hi += length;
    return { lo, hi };
  });
}

function busyOf(blocks: readonly Block[], keep: boolean | undefined): number[] {
  return blocks.flatMap((block, i) => (keep || sizeOf(block.rows) * sizeOf(block.columns) > 0 ? [i] : []));
}

function rows(request: Task): BlockPlan {
  const all = request.sizes;
  const blocks = rowBlocks(request);
  const busy = busyOf(blocks, request.keep);
  const copies = request.b.held === 'client' ? busy.length * all.k * all.n * itemSize(request.b.dtype) : 0;
  const traffic = { toEngines: bytesOfA(request, all) + copies, betweenEngines: 0, toClient: bytesOfC(request, all) };
  return planned(request, { kind: 'rows', blocks, busy, panels: [blocks.length, 1] }, traffic);
}

function grid(request: Task): BlockPlan {
  const all = request.sizes;
  const { m, k, n } = all;
  const [down, across] = bestPanels(all, request);
  const columns = ranges(n, across);
  const blocks = ranges(m, down).flatMap((range) => columns.map((column) => ({ rows: range, columns: column })));
  const busy = busyOf(blocks, false);
  const [sizeA, sizeB] = [itemSize(request.a.dtype), itemSize(request.b.dtype)];
  const operands = (block: Block) => (sizeOf(block.rows) * sizeA + sizeOf(block.columns) * sizeB) * k;
  const toEngines = busy.reduce((sum, i) => sum + operands(blocks[i] as Block), 0);
  const traffic = { toEngines, betweenEngines: 0, toClient: bytesOfC(request, all) };
  return planned(request, { kind: 'grid', blocks, busy, panels: [down, across] }, traffic);
}

// One call for each engine, with the matrices that its products need.
function batchOf(request: Task, choice: PlanChoice): BlockPlan {
  const { a, b, sizes } = request;
  if (choice !== 'auto')
    throw new TypeError(`plan '${choice}' is not possible: batches are dealt to the engines as they are`);
  if (a.held !== 'client' || b.held !== 'client') {
    throw new TypeError(
      `a batch of products takes both operands from here (${described('A', a)}; ${described('B', b)})`,
    );
  }
  const blocks = rowBlocks(request);
  const busy = busyOf(blocks, request.keep);
  const [bytesA, bytesB] = [a, b].map(({ shape, dtype }) => elementsOf(shape.slice(-2)) * itemSize(dtype)) as [
    number,
    number,
  ];
  const toEngines = busy.reduce((sum, i) => {
    const items = batchItems(sizes, a.shape, b.shape, (blocks[i] as Block).rows);
    return sum + sizeOf(items.a) * bytesA + sizeOf(items.b) * bytesB;
  }, 0);
  const traffic = { toEngines, betweenEngines: 0, toClient: bytesOfC(request, sizes) };
  return planned(request, { kind: 'batch', blocks, busy, panels: [blocks.length, 1] }, traffic);
}

function ring(request: Task): BlockPlan {
  const all = request.sizes;
  const { k, n } = all;
  const blocks = rowBlocks(request);
  const busy = busyOf(blocks, request.keep);
  const own = request.b.parts ?? ranges(k, request.engines).map(sizeOf);
  const arriving = busy.reduce((sum, i) => sum + (k - (own[i] as number)), 0) * n;
  const size = itemSize(request.b.dtype);
  const sent = request.b.held === 'client' ? k * n * size : 0;
  const traffic = {
    toEngines: bytesOfA(request, all) + sent,
    betweenEngines: arriving * size,
    toClient: bytesOfC(request, all),
  };
  return planned(request, { kind: 'ring', blocks, busy, panels: [blocks.length, 1] }, traffic);
}

/** The grid of a product: A and B lie on the engines by rows, or are sent there by rows. */
export function summaOf({
  a,
  b,
  engines,
  sizes,
  ...flags
}: Pick<Task, 'a' | 'b' | 'engines' | 'sizes' | keyof Transposes>): SummaGrid {
  const { m, k, n, rowsPerItem } = sizes;
  const scaled = ({ lo, hi }: Range) => ({ lo: lo * rowsPerItem, hi: hi * rowsPerItem });
  const held = a.held === 'rows' && a.parts !== undefined ? rangesOf(a.parts).map(scaled) : undefined;
  const rowsOfB = b.parts === undefined ? ranges(k, engines) : rangesOf(b.parts);
  const transposeA = flags.transposeA === true && a.shape.length > 1;
  const transposeB = flags.transposeB === true && b.shape.length > 1;
  const bytes = [itemSize(a.dtype), itemSize(b.dtype)] as const;
  return summaGrid({ m, k, n, engines, sizes: bytes, held, rowsOfB, transposeA, transposeB });
}

function summa(request: Task): BlockPlan {
  const all = request.sizes;
  const { rows: panels, columns, down, across, between } = summaOf(request);
  const blocks = panels.flatMap((range) => columns.map((column) => ({ rows: range, columns: column })));
  const sent = request.b.held === 'client' ? all.k * all.n * itemSize(request.b.dtype) : 0;
  const traffic = {
    toEngines: bytesOfA(request, all) + sent,
    betweenEngines: between,
    toClient: bytesOfC(request, all),
  };
  const busy = busyOf(blocks, false);
  return planned(request, { kind: 'summa', blocks, busy, panels: [down, across] }, traffic);
}

/** Bytes of A on their way to the engines. */
function bytesOfA({ a }: PlanRequest, { m, k }: ProductSizes): number {
  return a.held === 'client' ? m * k * itemSize(a.dtype) : 0;
}

/** Bytes of C on their way to the client. */
function bytesOfC({ keep, resultItemSize }: PlanRequest, { shape }: ProductSizes): number {
  return keep ? 0 : elementsOf(shape) * resultItemSize;
}

/** Row panels × column panels: at least three quarters of the engines that can have work, and then the fewest bytes. */
function bestPanels({ m, k, n }: ProductSizes, { a, b, engines }: PlanRequest): [number, number] {
  const candidates = Array.from({ length: Math.min(engines, Math.max(1, m)) }, (_, i) => {
    const down = i + 1;
    return [down, Math.min(Math.floor(engines / down), Math.max(1, n))] as [number, number];
  });
  const most = Math.max(...candidates.map(([down, across]) => down * across));
  const wide = candidates.filter(([down, across]) => 4 * down * across >= 3 * most);
  const [sizeA, sizeB] = [itemSize(a.dtype), itemSize(b.dtype)];
  const cost = ([down, across]: [number, number]) => across * m * k * sizeA + down * k * n * sizeB;
  return wide.reduce((best, next) => (cost(next) < cost(best) ? next : best));
}
