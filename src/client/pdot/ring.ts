import { randomUUID } from 'node:crypto';
import type { RingMultiply, RingSend } from '../../protocol/methods.ts';
import { ranges } from '../../tensor/partition.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { PlaceOfResult } from '../calls/calls.ts';
import type { AsyncResult } from '../results/async-result.ts';
import { type BlockResults, keptShape, rowPanels } from './blocks.ts';
import type { PdotJob } from './job.ts';
import { SummaRows } from './summa.ts';

/**
 * Runs the plans ring and summa. B lies on the engines by rows. Every engine sends its rows to all that multiply with them, the
 * next engine first; in summa it sends each of them its columns, and rows of A along the grid. There are two steps. First every engine sends. When all have sent, every engine takes its mail
 * and multiplies. A task never waits for a task that may not have run. So two clients with rings over the same engines
 * cannot block each other. After a failure the engines drop the mail that is left.
 * @param take takes the blocks of C
 */
export async function multiplyRing<T>(
  job: PdotJob,
  take: (blocks: BlockResults) => Promise<T>,
  place?: PlaceOfResult,
): Promise<T> {
  const tag = `pdot:${randomUUID()}`;
  try {
    const sent = send(job, tag);
    job.made(sent, false);
    await sent.get();
    return await take(multiply(job, tag, place));
  } catch (error) {
    forget(job, tag);
    throw error;
  }
}

function send(job: PdotJob, tag: string): AsyncResult<unknown, unknown> {
  const { calls, plan, b, limits } = job;
  const grid = plan.kind === 'summa' ? new SummaRows(job) : undefined;
  const { engines, blocks } = plan;
  const { k, n: columns } = plan.sizes;
  const matrix = b instanceof Tensor ? b.reshape([k, columns]) : b;
  const dealt = ranges(k, engines.length);
  const args = (place: number): RingSend => {
    const { lo, hi } = dealt[place] ?? { lo: 0, hi: 0 };
    // In the order of the ring, so that an engine does not get everything at once.
    const after = [...blocks.filter((one) => one.place > place), ...blocks.filter((one) => one.place <= place)];
    const to = after.map((one) => [one.place, one.engine] as const);
    const common = { step: 'send', tag, place, dtype: plan.b.dtype, columns, to } as const;
    const sent = grid?.sent(place, after);
    // Summa cuts a transposed B by other rows.
    const block = sent?.block ?? (matrix instanceof Tensor ? matrix.rows(lo, hi) : matrix);
    return { ...common, ...sent, block };
  };
  return calls.each('pdot', 'ring', args, limits);
}

function multiply(job: PdotJob, tag: string, place?: PlaceOfResult): BlockResults {
  const { calls, plan, a, into, limits } = job;
  const { dtype: product, sizes, transposeA, engines: from } = plan;
  const shape = [sizes.k, sizes.n] as const;
  const common = { step: 'multiply', tag, dtype: plan.b.dtype, product, shape, from, transposeA, into } as const;
  const rowsOf = rowPanels(plan, a);
  const grid = plan.kind === 'summa' ? new SummaRows(job) : undefined;
  const args = new Map<number, RingMultiply>(
    plan.blocks.map((block) => {
      const at = block.place;
      if (grid !== undefined) return [at, { ...common, place: at, ...grid.wanted(block) }];
      const kept = into === undefined ? undefined : keptShape(plan, block.rows);
      return [at, { ...common, place: at, a: rowsOf(block.rows), kept }];
    }),
  );
  const call = calls.open('pdot', limits);
  const result = calls.valuesOf<Tensor | undefined>(
    call,
    calls.submit(call, 'ring', (i) => args.get(i), place),
  );
  job.made(result, true);
  return result;
}

// Not awaited: behind a task that hangs it would delay the error. It runs after all that this client has queued there.
function forget({ calls }: PdotJob, tag: string): void {
  void calls
    .each('pdot', 'ring', { step: 'forget', tag })
    .wait()
    .catch(() => {});
}
