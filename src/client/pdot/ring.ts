// The plan ring: B lies by rows on the engines, and each block goes from its owner to whoever multiplies with it, the next
// engine first, then the one after. First every engine sends; when all have, every engine takes what has come and
// multiplies. No task waits for a task that may not have run: two clients that run rings over the same engines in different
// order cannot block each other.
import { randomUUID } from 'node:crypto';
import type { RingMultiply, RingSend } from '../../protocol/methods.ts';
import { ranges } from '../../tensor/partition.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { AsyncResult } from '../results/async-result.ts';
import { rowsOf } from './blocks.ts';
import type { Job } from './job.ts';
import type { Block } from './plan.ts';

/** Runs both steps; `take` gets the blocks of C. What a failure leaves in mailboxes is dropped. */
export async function multiplyRing<T>(
  job: Job,
  take: (blocks: AsyncResult<unknown, Tensor | undefined>) => Promise<T>,
): Promise<T> {
  const tag = `pdot:${randomUUID()}`;
  try {
    await send(job, tag).get();
    return await take(multiply(job, tag));
  } catch (error) {
    forget(job, tag);
    throw error;
  }
}

function send({ engines, plan, b, dtype, limits }: Job, tag: string): AsyncResult<unknown, unknown> {
  const ids = engines.ids;
  const dealt = ranges(plan.inner, ids.length);
  const args = (i: number): RingSend => {
    const block = rowsOf(b, dealt[i] ?? { lo: 0, hi: 0 });
    // In ring order, so that no engine gets everything at once.
    const after = [...plan.busy.filter((place) => place > i), ...plan.busy.filter((place) => place <= i)];
    const to = after.map((place) => [place, ids[place] as number] as const);
    return { step: 'send', tag, place: i, block, dtype, columns: plan.shape[1], to };
  };
  return engines.each('pdot', 'ring', args, limits);
}

function multiply(
  { engines, plan, a, dtype, into, limits }: Job,
  tag: string,
): AsyncResult<unknown, Tensor | undefined> {
  const from = engines.ids;
  const shape = [plan.inner, plan.shape[1]] as const;
  const args = (i: number): RingMultiply | undefined => {
    if (!plan.busy.includes(i)) return undefined;
    const rows = rowsOf(a, (plan.blocks[i] as Block).rows);
    return { step: 'multiply', tag, place: i, a: rows, dtype, shape, from, into };
  };
  return engines.each('pdot', 'ring', args, limits);
}

// Not awaited: behind a task that hangs it would hold up the error. It runs after whatever this client has queued there.
function forget({ engines }: Job, tag: string): void {
  void engines
    .each('pdot', 'ring', { step: 'forget', tag })
    .wait()
    .catch(() => {});
}
