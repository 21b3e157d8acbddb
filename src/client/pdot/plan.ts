// Planning of a pdot: which engine multiplies which block, how the operands get there, and how many bytes that moves.
// Shapes go in, blocks come out; nothing here sends.
import { ShapeError } from '../../errors.ts';
import { type DType, itemSize } from '../../tensor/dtype.ts';
import { type Range, ranges } from '../../tensor/partition.ts';
import type { Shape } from '../../tensor/tensor.ts';

/**
 * How the operands get to the engines. `rows`: A by rows, and all of B to every engine that has rows, as in the
 * tutorial. `grid`: row panels of A × column panels of B. `ring`: B lies on the engines by rows, and its blocks travel
 * from engine to engine.
 */
export type PlanKind = 'rows' | 'grid' | 'ring';

/** One kind of plan, or `auto`: the kind that moves the fewest bytes. */
export type PlanChoice = 'auto' | PlanKind;

const CHOICES: readonly PlanChoice[] = ['auto', 'rows', 'grid', 'ring'];

/** Where an operand is. */
export interface OperandLayout {
  /** The shape of the whole operand. */
  readonly shape: Shape;
  /** Its dtype as it lies on the engines or is sent to them. */
  readonly dtype: DType;
  /** At the client, scattered over the engines by rows, or whole on each engine. */
  readonly held: 'client' | 'rows' | 'replicated';
  /** The number of rows on each engine, where the operand is scattered. On one engine it is both, scattered and whole. */
  readonly parts?: readonly number[] | undefined;
}

/** A part of C, and the operands that make it. */
export interface Block {
  /** Rows of A and of C. */
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
  /** The shape of C: [M, N]. */
  readonly shape: readonly [number, number];
  /** K: columns of A, rows of B. */
  readonly inner: number;
  /** One block of C per engine, by the engine's place in the view. */
  readonly blocks: readonly Block[];
  /** Places of the engines that get a task: those whose block is not empty, or all that keep their part of C. */
  readonly busy: readonly number[];
  readonly traffic: PdotTraffic;
  /** The sum of the traffic. */
  readonly bytes: number;
  /** Row panels × column panels. */
  readonly panels: readonly [number, number];
}

/** A product to plan. */
export interface PlanRequest {
  readonly a: OperandLayout;
  readonly b: OperandLayout;
  /** The number of engines. */
  readonly engines: number;
  readonly choice?: PlanChoice | undefined;
  /** C stays on the engines, by rows. */
  readonly keep?: boolean | undefined;
  /** Bytes of one element of C. */
  readonly resultItemSize: number;
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
 * The planner of a choice. `auto` (default) compares all kinds that are possible. It drops those that use less than
 * three quarters of the engines that the widest one uses. It takes the one with the fewest bytes of the rest, on a tie
 * rows before grid before ring.
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
  const make = choice === 'auto' ? cheapest : (request: PlanRequest) => forced(choice, request);
  return (request) => {
    checkShapes(request.a, request.b);
    return make(request);
  };
}

function checkShapes(a: OperandLayout, b: OperandLayout): void {
  const wrong = shapeFault(a.shape, b.shape);
  if (wrong === undefined) return;
  const isHere = a.held === 'client' && b.held === 'client';
  throw new ShapeError(isHere ? wrong : `${wrong} (${described('A', a)}; ${described('B', b)})`);
}

function shapeFault(a: Shape, b: Shape): string | undefined {
  if (a.length !== 2 || b.length !== 2) return `pdot multiplies 2-D tensors, not [${a}] · [${b}]`;
  if (a[1] === b[0]) return undefined;
  return `shapes do not multiply: [${a}] · [${b}], inner sizes ${a[1]} and ${b[0]}`;
}

function described(name: string, { held, parts }: OperandLayout): string {
  if (held === 'client') return `${name} is at the client`;
  return held === 'rows' ? `${name} is scattered by rows: ${parts?.join(' + ')}` : `${name} is whole on each engine`;
}

function forced(kind: PlanKind, request: PlanRequest): BlockPlan {
  const reason = obstacle(kind, request);
  if (reason !== undefined) throw new TypeError(`plan '${kind}' is not possible: ${reason}`);
  return MAKERS[kind](request);
}

function cheapest(request: PlanRequest): BlockPlan {
  const possible = (Object.keys(MAKERS) as PlanKind[]).filter((kind) => obstacle(kind, request) === undefined);
  if (possible.length === 0) throw new TypeError(`this product has no plan: ${obstacle('ring', request)}`);
  const plans = possible.map((kind) => MAKERS[kind](request));
  const most = Math.max(...plans.map(({ busy }) => busy.length));
  const wide = plans.filter(({ busy }) => 4 * busy.length >= 3 * most);
  return wide.reduce((best, next) => (next.bytes < best.bytes ? next : best));
}

/** The reason why a kind is not possible; undefined when it is. */
function obstacle(kind: PlanKind, request: PlanRequest): string | undefined {
  const { a, b, keep } = request;
  if (kind === 'rows') {
    return b.held === 'rows' ? "B is scattered by rows and rows wants it whole on each engine: use 'ring'" : undefined;
  }
  if (kind === 'ring') return ringObstacle(request);
  if (a.held !== 'client' || b.held !== 'client') {
    return "an operand is on the engines already and would have to be cut anew: use 'rows' or 'ring'";
  }
  return keep ? "into keeps C on the engines by rows, and grid makes blocks: use 'rows' or 'ring'" : undefined;
}

function ringObstacle({ b }: PlanRequest): string | undefined {
  if (b.held === 'replicated' && b.parts === undefined) return "each engine holds all of B already: use 'rows'";
  const [k, n] = b.shape as readonly [number, number];
  const bytes = k * n * itemSize(b.dtype);
  return bytes > MAX_RING_BYTES
    ? `B has ${bytes} bytes, and mailboxes hold ${MAX_RING_BYTES}: replicate B with push and use 'rows'`
    : undefined;
}

// In the order in which ties are decided.
const MAKERS: Readonly<Record<PlanKind, (request: PlanRequest) => BlockPlan>> = { rows, grid, ring };

interface Sizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

function sizes({ a, b }: PlanRequest): Sizes {
  return { m: a.shape[0] as number, k: a.shape[1] as number, n: b.shape[1] as number };
}

/** The parts of a plan that its kind decides. */
type Made = Pick<BlockPlan, 'kind' | 'blocks' | 'busy' | 'panels'>;

function planned({ m, k, n }: Sizes, made: Made, traffic: PdotTraffic): BlockPlan {
  const bytes = traffic.toEngines + traffic.betweenEngines + traffic.toClient;
  return { ...made, shape: [m, n], inner: k, traffic, bytes };
}

// C by rows: as A lies, or dealt as scatter does.
function rowBlocks({ a, engines }: PlanRequest, { m, n }: Sizes): Block[] {
  const rows = a.held === 'rows' && a.parts !== undefined ? rangesOf(a.parts) : ranges(m, engines);
  return rows.map((range) => ({ rows: range, columns: { lo: 0, hi: n } }));
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

function rows(request: PlanRequest): BlockPlan {
  const all = sizes(request);
  const blocks = rowBlocks(request, all);
  const busy = busyOf(blocks, request.keep);
  const copies = request.b.held === 'client' ? busy.length * all.k * all.n * itemSize(request.b.dtype) : 0;
  const traffic = { toEngines: bytesOfA(request, all) + copies, betweenEngines: 0, toClient: bytesOfC(request, all) };
  return planned(all, { kind: 'rows', blocks, busy, panels: [blocks.length, 1] }, traffic);
}

function grid(request: PlanRequest): BlockPlan {
  const all = sizes(request);
  const { m, k, n } = all;
  const [down, across] = bestPanels(all, request);
  const columns = ranges(n, across);
  const blocks = ranges(m, down).flatMap((range) => columns.map((column) => ({ rows: range, columns: column })));
  const busy = busyOf(blocks, false);
  const [sizeA, sizeB] = [itemSize(request.a.dtype), itemSize(request.b.dtype)];
  const operands = (block: Block) => (sizeOf(block.rows) * sizeA + sizeOf(block.columns) * sizeB) * k;
  const toEngines = busy.reduce((sum, i) => sum + operands(blocks[i] as Block), 0);
  const traffic = { toEngines, betweenEngines: 0, toClient: bytesOfC(request, all) };
  return planned(all, { kind: 'grid', blocks, busy, panels: [down, across] }, traffic);
}

function ring(request: PlanRequest): BlockPlan {
  const all = sizes(request);
  const { k, n } = all;
  const blocks = rowBlocks(request, all);
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
  return planned(all, { kind: 'ring', blocks, busy, panels: [blocks.length, 1] }, traffic);
}

/** Bytes of A on their way to the engines. */
function bytesOfA({ a }: PlanRequest, { m, k }: Sizes): number {
  return a.held === 'client' ? m * k * itemSize(a.dtype) : 0;
}

/** Bytes of C on their way to the client. */
function bytesOfC({ keep, resultItemSize }: PlanRequest, { m, n }: Sizes): number {
  return keep ? 0 : m * n * resultItemSize;
}

/** Row panels × column panels: at least three quarters of the engines that can have work, and then the fewest bytes. */
function bestPanels({ m, k, n }: Sizes, { a, b, engines }: PlanRequest): [number, number] {
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
