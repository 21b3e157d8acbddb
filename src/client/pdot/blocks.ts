// The plans rows and grid: one task per block, which brings its operands along or finds them on the engine. The engine
// frees what came along when the task ends, whatever the end.
import type { Ref } from '../../protocol/values/ref.ts';
import type { Range } from '../../tensor/partition.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { Job } from './job.ts';
import type { Block } from './plan.ts';

export function multiplyBlocks({ engines, plan, a, b, into, limits }: Job): AsyncResult<unknown, Tensor | undefined> {
  const panels = new Map<number, Tensor | Ref>();
  const panelOf = (columns: Range): Tensor | Ref => {
    const made = panels.get(columns.lo) ?? columnsOf(b, columns);
    panels.set(columns.lo, made);
    return made;
  };
  const argumentsOf = (block: Block) => ({ a: rowsOf(a, block.rows), b: panelOf(block.columns), into });
  const args = (i: number) => (plan.busy.includes(i) ? argumentsOf(plan.blocks[i] as Block) : undefined);
  return engines.each('pdot', 'matmul', args, limits);
}

/** A window on A; what lies on the engine is its part already. */
export function rowsOf(operand: Tensor | Ref, { lo, hi }: Range): Tensor | Ref {
  return operand instanceof Tensor ? operand.rows(lo, hi) : operand;
}

// All of B is B itself: its bytes are windows in every engine's message, never copied. A panel of columns is a copy,
// because its rows are not contiguous; the engines of one column share it.
function columnsOf(operand: Tensor | Ref, { lo, hi }: Range): Tensor | Ref {
  if (!(operand instanceof Tensor) || (lo === 0 && hi === operand.shape[1])) return operand;
  const [k, n] = operand.shape as readonly [number, number];
  const panel = new Tensor(operand.dtype, [k, hi - lo]);
  for (let i = 0; i < k; i++) panel.data.set(operand.data.subarray(i * n + lo, i * n + hi), i * (hi - lo));
  return panel;
}
