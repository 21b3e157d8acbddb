import type { MatmulArguments } from '../../protocol/methods.ts';
import type { Ref } from '../../protocol/values/ref.ts';
import type { Range } from '../../tensor/partition.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { PlaceOfResult } from '../calls/calls.ts';
import type { AsyncResult } from '../results/async-result.ts';
import { batchItems, batchOperands } from './batch.ts';
import type { PdotJob } from './job.ts';
import type { PdotPlan, PlannedBlock } from './pdot-plan.ts';

/** The blocks of C from the engines, in the order of the plan; undefined for blocks that stay there. */
export type BlockResults = AsyncResult<unknown, Tensor | undefined>;

/**
 * Runs the plans rows, grid and batch: one task per engine, which brings its operands along or finds them on the engine.
 * The engine frees the operands of a task when the task ends, however it ends.
 */
export function multiplyBlocks(job: PdotJob, place?: PlaceOfResult): BlockResults {
  const { calls, plan, into, limits } = job;
  const { dtype, transposeA, transposeB } = plan;
  const operandsOf = plan.kind === 'batch' ? batches(job) : panels(job);
  const args = new Map<number, MatmulArguments>(
    plan.blocks.map((block) => {
      const kept = into === undefined ? undefined : keptShape(plan, block.rows);
      return [block.place, { ...operandsOf(block), dtype, transposeA, transposeB, kept, into }];
    }),
  );
  const call = calls.open('pdot', limits);
  const result = calls.valuesOf<Tensor | undefined>(
    call,
    calls.submit(call, 'matmul', (i) => args.get(i), place),
  );
  job.made(result, true);
  return result;
}

type OperandsOf = (block: PlannedBlock) => Omit<MatmulArguments, 'dtype' | 'into'>;

function batches({ plan, a, b }: PdotJob): OperandsOf {
  return ({ rows }) =>
    batchOperands(batchItems(plan.sizes, plan.a.shape, plan.b.shape, rows), a as Tensor, b as Tensor);
}

function panels({ plan, a, b }: PdotJob): OperandsOf {
  const rowsOf = rowPanels(plan, a);
  const columnsOf = columnPanels(plan, b);
  return ({ rows, columns }) => ({ a: rowsOf(rows), b: columnsOf(columns) });
}

/** Rows of A for its engines. A ref stands for the rows that the engine holds. */
export function rowPanels(
  { a: { shape, dtype }, sizes, transposeA }: PdotPlan,
  a: Tensor | Ref,
): (rows: Range) => Tensor | Ref {
  const { m, k } = sizes;
  if (!(a instanceof Tensor)) {
    // A vector is whole on every engine: those that have no row of C get none.
    return ({ lo, hi }) => (shape.length === 1 && lo === hi ? new Tensor(dtype, [0, k]) : a);
  }
  if (transposeA && shape.length > 1) return (rows) => panelOf(a, rows);
  const matrix = a.reshape([m, k]);
  return ({ lo, hi }) => matrix.rows(lo, hi);
}

/** Panels of columns of B. The engines of one column of the grid share theirs. The columns of Bᵀ are rows of B. */
function columnPanels(
  { b: { shape }, sizes, transposeB }: PdotPlan,
  b: Tensor | Ref,
): (columns: Range) => Tensor | Ref {
  if (!(b instanceof Tensor)) return () => b;
  if (transposeB && shape.length > 1) return ({ lo, hi }) => b.rows(lo, hi);
  const matrix = b.reshape([sizes.k, sizes.n]);
  const made = new Map<number, Tensor>();
  return (columns) => {
    const panel = made.get(columns.lo) ?? panelOf(matrix, columns);
    made.set(columns.lo, panel);
    return panel;
  };
}

// All columns are the matrix itself: every message has windows on its bytes. A panel is a copy, because its rows are not
// contiguous.
function panelOf(matrix: Tensor, { lo, hi }: Range): Tensor {
  const [rows, n] = matrix.shape as readonly [number, number];
  if (lo === 0 && hi === n) return matrix;
  const panel = new Tensor(matrix.dtype, [rows, hi - lo]);
  for (let i = 0; i < rows; i++) panel.data.set(matrix.data.subarray(i * n + lo, i * n + hi), i * (hi - lo));
  return panel;
}

/** The shape of the part of C that these rows make, where it stays on an engine. */
export function keptShape({ a, shape, sizes }: PdotPlan, { lo, hi }: Range): Shape {
  // A vector has its first axis alone: one engine has all of it.
  if (a.shape.length === 1 && sizes.batch.length === 0) return hi > lo ? shape : [0];
  return [sizes.rowsPerItem === 0 ? 0 : (hi - lo) / sizes.rowsPerItem, ...shape.slice(1)];
}
