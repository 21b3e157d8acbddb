import type { MatmulArguments } from '../../protocol/methods.ts';
import type { Ref } from '../../protocol/values/ref.ts';
import type { Range } from '../../tensor/partition.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { PlaceOfResult } from '../calls/calls.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { PdotJob } from './job.ts';

/** The blocks of C from the engines, in the order of the plan; undefined for blocks that stay there. */
export type BlockResults = AsyncResult<unknown, Tensor | undefined>;

/**
 * Runs the plans rows and grid: one task per block, which brings its operands along or finds them on the engine. The
 * engine frees the operands of a task when the task ends, however it ends.
 */
export function multiplyBlocks({ calls, plan, a, b, into, limits }: PdotJob, place?: PlaceOfResult): BlockResults {
  const panelOf = columnPanels(b);
  const args = new Map<number, MatmulArguments>(
    plan.blocks.map((block) => [
      block.place,
      { a: rowsOf(a, block.rows), b: panelOf(block.columns), dtype: plan.dtype, into },
    ]),
  );
  const call = calls.open('pdot', limits);
  return calls.valuesOf(
    call,
    calls.submit(call, 'matmul', (i) => args.get(i), place),
  );
}

/** These rows, as a window on the operand. A ref stands for the rows that the engine holds. */
export function rowsOf(operand: Tensor | Ref, { lo, hi }: Range): Tensor | Ref {
  return operand instanceof Tensor ? operand.rows(lo, hi) : operand;
}

/** Panels of columns of B. The engines of one column of the grid share theirs. */
function columnPanels(b: Tensor | Ref): (columns: Range) => Tensor | Ref {
  const panels = new Map<number, Tensor | Ref>();
  return (columns) => {
    const made = panels.get(columns.lo) ?? columnsOf(b, columns);
    panels.set(columns.lo, made);
    return made;
  };
}

// All of B is B itself: every message has windows on its bytes. A panel is a copy, because its rows are not contiguous.
function columnsOf(operand: Tensor | Ref, { lo, hi }: Range): Tensor | Ref {
  if (!(operand instanceof Tensor) || (lo === 0 && hi === operand.shape[1])) return operand;
  const [k, n] = operand.shape as readonly [number, number];
  const panel = new Tensor(operand.dtype, [k, hi - lo]);
  for (let i = 0; i < k; i++) panel.data.set(operand.data.subarray(i * n + lo, i * n + hi), i * (hi - lo));
  return panel;
}
