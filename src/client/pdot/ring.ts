import { randomUUID } from 'node:crypto';
import type { RingMultiply, RingSend } from '../../protocol/methods.ts';
import { ranges } from '../../tensor/partition.ts';
import type { PlaceOfResult } from '../calls/calls.ts';
import type { AsyncResult } from '../results/async-result.ts';
import { type BlockResults, rowsOf } from './blocks.ts';
import type { PdotJob } from './job.ts';

/**
 * Runs the plan ring. B lies on the engines by rows. Every engine sends its rows to all that multiply with them, the
 * next engine first. There are two steps. First every engine sends. When all have sent, every engine takes its mail
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
    await send(job, tag).get();
    return await take(multiply(job, tag, place));
  } catch (error) {
    forget(job, tag);
    throw error;
  }
}

function send({ calls, plan, b, limits }: PdotJob, tag: string): AsyncResult<unknown, unknown> {
  const { engines, blocks } = plan;
  const [inner, columns] = plan.b.shape as readonly [number, number];
  const dealt = ranges(inner, engines.length);
  const args = (place: number): RingSend => {
    const block = rowsOf(b, dealt[place] ?? { lo: 0, hi: 0 });
    // In the order of the ring, so that an engine does not get everything at once.
    const after = [...blocks.filter((one) => one.place > place), ...blocks.filter((one) => one.place <= place)];
    const to = after.map((one) => [one.place, one.engine] as const);
    return { step: 'send', tag, place, block, dtype: plan.b.dtype, columns, to };
  };
  return calls.each('pdot', 'ring', args, limits);
}

function multiply({ calls, plan, a, into, limits }: PdotJob, tag: string, place?: PlaceOfResult): BlockResults {
  const shape = plan.b.shape as readonly [number, number];
  const common = {
    step: 'multiply',
    tag,
    dtype: plan.b.dtype,
    product: plan.dtype,
    shape,
    from: plan.engines,
    into,
  } as const;
  const args = new Map<number, RingMultiply>(
    plan.blocks.map((block) => [block.place, { ...common, place: block.place, a: rowsOf(a, block.rows) }]),
  );
  const call = calls.open('pdot', limits);
  return calls.valuesOf(
    call,
    calls.submit(call, 'ring', (i) => args.get(i), place),
  );
}

// Not awaited: behind a task that hangs it would delay the error. It runs after all that this client has queued there.
function forget({ calls }: PdotJob, tag: string): void {
  void calls
    .each('pdot', 'ring', { step: 'forget', tag })
    .wait()
    .catch(() => {});
}
