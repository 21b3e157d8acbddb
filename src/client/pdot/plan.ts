// The plan of a pdot: which blocks which engine multiplies, by which way the operands get there, and how many bytes that
// moves. Pure: shapes in, blocks out.
import { ShapeError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { type Range, ranges } from '../../tensor/partition.ts';
import type { Shape } from '../../tensor/tensor.ts';

/**
 * `rows`: A by rows, all of B to every engine that has rows (the tutorial's way). `grid`: row panels of A × column panels
 * of B. `ring`: B lies by rows on the engines, and its blocks travel from engine to engine.
 */
export type PlanKind = 'rows' | 'grid' | 'ring';
export const PLAN_CHOICES = ['auto', 'rows', 'grid', 'ring'] as const;
export type PlanChoice = (typeof PLAN_CHOICES)[number];

/** An operand as the plan sees it. */
export interface Layout {
  /** Of the whole operand. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** Where it is: at the client, scattered over the engines by rows, or whole on each engine. */
  readonly held: 'client' | 'rows' | 'replicated';
  /** Rows that each engine holds, where it is scattered (one engine's whole operand is both). */
  readonly parts?: readonly number[];
}

export interface Block {
  /** Rows of A and of C. */
  readonly rows: Range;
  /** Columns of B and of C. */
  readonly columns: Range;
}

export interface Plan {
  readonly kind: PlanKind;
  /** C's shape: [M, N]. */
  readonly shape: readonly [number, number];
  /** The sum over A's columns: K. */
  readonly inner: number;
  /** One block of C per engine. */
  readonly blocks: readonly Block[];
  /** Engines, by their place in the view, that get a task: those with a block that is not empty, or all (`into`). */
  readonly busy: readonly number[];
  /** Bytes that cross a wire: operands, blocks between engines, and the result. */
  readonly bytes: number;
  /** Row panels × column panels. */
  readonly panels: readonly [number, number];
}

export interface PlanRequest {
  readonly a: Layout;
  readonly b: Layout;
  readonly engines: number;
  readonly choice?: PlanChoice | undefined;
  /** The result stays on the engines, as rows. */
  readonly keep?: boolean;
  /** Bytes of an element of the operands, and of the result. */
  readonly itemSize: number;
  readonly resultItemSize: number;
}

/** Engines hold the mail of a ring until they multiply; beyond this it would be dropped. */
const MAX_RING_BYTES = 2 * 2 ** 30;
const EVERYTHING = (n: number): Range => ({ lo: 0, hi: n });
const sizeOf = ({ lo, hi }: Range): number => hi - lo;

/** @throws ShapeError naming both shapes, unless both are 2-D and the inner sizes agree */
export function checkShapes(a: Shape, b: Shape): void {
  if (a.length !== 2 || b.length !== 2) throw new ShapeError(`pdot multiplies 2-D tensors, not [${a}] · [${b}]`);
  if (a[1] !== b[0]) throw new ShapeError(`shapes do not multiply: [${a}] · [${b}], inner sizes ${a[1]} and ${b[0]}`);
}

/** @throws RangeError that lists the plans */
export function assertChoice(choice: unknown): asserts choice is PlanChoice {
  if (PLAN_CHOICES.includes(choice as PlanChoice)) return;
  throw new RangeError(`unknown plan '${String(choice)}': one of ${PLAN_CHOICES.join(', ')}`);
}

/**
 * The forced plan, or the one that moves the fewest bytes among those that leave at most a quarter of the engines idle
 * (of those that any plan can use). Ties go to rows, then grid.
 * @throws ShapeError; RangeError for an unknown plan; TypeError for a forced plan that cannot be, with the reason
 */
export function plan(request: PlanRequest): Plan {
  const { a, b, choice = 'auto' } = request;
  assertChoice(choice);
  checkShapes(a.shape, b.shape);
  if (choice !== 'auto') {
    const reason = obstacle(choice, request);
    if (reason !== undefined) throw new TypeError(`plan '${choice}' cannot be: ${reason}`);
    return MAKERS[choice](request);
  }
  const possible = (Object.keys(MAKERS) as PlanKind[]).filter((kind) => obstacle(kind, request) === undefined);
  if (possible.length === 0) throw new TypeError(`no plan can be: ${obstacle('ring', request)}`);
  return cheapest(possible.map((kind) => MAKERS[kind](request)));
}

function cheapest(plans: readonly Plan[]): Plan {
  const most = Math.max(...plans.map((p) => p.busy.length));
  const wide = plans.filter((p) => 4 * p.busy.length >= 3 * most);
  return wide.reduce((best, next) => (next.bytes < best.bytes ? next : best));
}

/** Why this plan cannot be, if so. */
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

function ringObstacle({ b, itemSize }: PlanRequest): string | undefined {
  if (b.held === 'replicated' && b.parts === undefined) return "each engine holds all of B already: use 'rows'";
  const [k, n] = b.shape as readonly [number, number];
  const bytes = k * n * itemSize;
  return bytes > MAX_RING_BYTES
    ? `B has ${bytes} bytes, and mailboxes hold ${MAX_RING_BYTES}: replicate B with push and use 'rows'`
    : undefined;
}

const MAKERS: Readonly<Record<PlanKind, (request: PlanRequest) => Plan>> = { rows, grid, ring };

interface Sizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

function sizes({ a, b }: PlanRequest): Sizes {
  return { m: a.shape[0] as number, k: a.shape[1] as number, n: b.shape[1] as number };
}

// Rows of C per engine: as A lies, or dealt as scatter does.
function rowBlocks({ a, engines }: PlanRequest, { m, n }: Sizes): Block[] {
  const rows = a.held === 'rows' && a.parts !== undefined ? rangesOf(a.parts) : ranges(m, engines);
  return rows.map((range) => ({ rows: range, columns: EVERYTHING(n) }));
}

/** Consecutive ranges of these lengths. */
export function rangesOf(lengths: readonly number[]): Range[] {
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

/** Bytes of A on its way to the engines, and of C on its way back. */
function outerBytes({ a, keep, itemSize, resultItemSize }: PlanRequest, { m, k, n }: Sizes): number {
  return (a.held === 'client' ? m * k * itemSize : 0) + (keep ? 0 : m * n * resultItemSize);
}

function rows(request: PlanRequest): Plan {
  const { m, k, n } = sizes(request);
  const blocks = rowBlocks(request, { m, k, n });
  const busy = busyOf(blocks, request.keep);
  const copies = request.b.held === 'client' ? busy.length : 0;
  const bytes = outerBytes(request, { m, k, n }) + copies * k * n * request.itemSize;
  return { kind: 'rows', shape: [m, n], inner: k, blocks, busy, bytes, panels: [blocks.length, 1] };
}

function grid(request: PlanRequest): Plan {
  const { m, k, n } = sizes(request);
  const [down, across] = bestPanels(m, k, n, request.engines);
  const columns = ranges(n, across);
  const blocks = ranges(m, down).flatMap((range) => columns.map((column) => ({ rows: range, columns: column })));
  const busy = busyOf(blocks, false);
  const operand = (block: Block) => (sizeOf(block.rows) + sizeOf(block.columns)) * k * request.itemSize;
  const moved = busy.reduce((sum, i) => sum + operand(blocks[i] as Block), 0);
  const bytes = moved + m * n * request.resultItemSize;
  return { kind: 'grid', shape: [m, n], inner: k, blocks, busy, bytes, panels: [down, across] };
}

/** Row × column panels: at least three quarters of the engines that can have work, and then the fewest bytes. */
function bestPanels(m: number, k: number, n: number, engines: number): [number, number] {
  const candidates = Array.from({ length: Math.min(engines, Math.max(1, m)) }, (_, i) => {
    const down = i + 1;
    return [down, Math.min(Math.floor(engines / down), Math.max(1, n))] as [number, number];
  });
  const most = Math.max(...candidates.map(([down, across]) => down * across));
  const wide = candidates.filter(([down, across]) => 4 * down * across >= 3 * most);
  const cost = ([down, across]: [number, number]) => across * m * k + down * k * n;
  return wide.reduce((best, next) => (cost(next) < cost(best) ? next : best));
}

function ring(request: PlanRequest): Plan {
  const { m, k, n } = sizes(request);
  const blocks = rowBlocks(request, { m, k, n });
  const busy = busyOf(blocks, request.keep);
  const own = request.b.parts ?? ranges(k, request.engines).map(sizeOf);
  const arriving = busy.reduce((sum, i) => sum + (k - (own[i] as number)), 0) * n;
  const sent = request.b.held === 'client' ? k * n : 0;
  const bytes = outerBytes(request, { m, k, n }) + (arriving + sent) * request.itemSize;
  return { kind: 'ring', shape: [m, n], inner: k, blocks, busy, bytes, panels: [blocks.length, 1] };
}
