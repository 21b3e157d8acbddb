import { hostname } from 'node:os';
import { runConformance } from '../../../kernels/matmul/conformance.ts';
import { ContextError } from '../../../src/errors.ts';
import type { GpuContext } from '../context.ts';
import { CUDA_PASSED, cudaCachePath, readWinners, writeWinners } from '../measured-cache.ts';
import type { CardFacts } from './driver/cards.ts';

const SHOWN = 3;

/** The machine, kind of card, driver and library that products depend on. */
export const machineOf = ({ name, cuda }: CardFacts, cublas: string): string =>
  `${hostname()}: ${name}, CUDA ${cuda}, ${cublas}`;

/** True if a card of this machine, kind, driver and library has passed: its twins are taken with it. */
export function hasPassedOn(machine: string, path = cudaCachePath()): boolean {
  const entries = Object.entries(readWinners(path));
  return entries.some(([key, mark]) => key.startsWith(`${machine}, `) && mark === CUDA_PASSED);
}

/**
 * Runs the conformance suite of products on this context, once per card, driver and library of a machine. It takes a
 * second or two on a card.
 * @param machine `machineOf` the card
 * @throws ContextError naming the first products that were wrong
 */
export async function assertConforms(
  context: GpuContext,
  machine: string,
  uuid: string,
  path = cudaCachePath(),
): Promise<void> {
  const key = `${machine}, ${uuid}`;
  if (readWinners(path)[key] === CUDA_PASSED) return;
  const { failures } = await runConformance({
    name: 'cuda',
    dtypes: ['float32', 'float64', 'float16', 'int32', 'uint32', 'bfloat16'],
    multiply: async (a, b, flags) => {
      const [x, y] = [context.upload(a), context.upload(b)];
      const c = await context.matmul(x, y, flags);
      const product = await c.toHost();
      for (const tensor of [x, y, c]) tensor.free();
      return product;
    },
  });
  if (failures.length === 0) return writeWinners({ [key]: CUDA_PASSED }, path);
  const first = failures.slice(0, SHOWN).join('; ');
  throw new ContextError(
    `this card's products are wrong in ${failures.length} cases of the conformance suite: ${first}`,
  );
}
