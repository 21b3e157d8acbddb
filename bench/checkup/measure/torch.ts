// PyTorch's products on the same card, by one Python that lives as long: the limit that cuBLAS sets. Started early, it
// imports torch while others measure, and waits for the word `go`.
//   node dist/bench/checkup/measure/torch.js [--sizes 4096] [--halves 4096,8192] [--now]
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type MatmulSizes, sizesOf } from '../../support/matmul-cases.ts';
import { Peer } from '../../support/peer.ts';
import { sendRow } from '../../support/rows.ts';

interface Case {
  readonly dtype: string;
  readonly tf32?: boolean;
  /** The relative error of its sums that is still right. */
  readonly bound: number;
}

const FULL: readonly Case[] = [
  { dtype: 'float32', bound: 1e-5 },
  { dtype: 'float32', tf32: true, bound: 2e-3 },
  { dtype: 'float64', bound: 1e-13 },
];
const HALVES: readonly Case[] = [
  { dtype: 'float16', bound: 2e-3 },
  { dtype: 'bfloat16', bound: 1e-2 },
];

interface Answer {
  readonly ms: number;
  readonly medianMs: number;
  readonly runs: number;
  readonly error: number;
}

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '4096' },
    halves: { type: 'string', default: '4096,8192' },
    now: { type: 'boolean', default: false },
    software: { type: 'boolean', default: false },
  },
});

/** The library, and where it computes. */
interface Config {
  readonly version: string;
  readonly device: string;
}

const asError = (error: unknown): Error => error as Error;

async function measure(peer: Peer, one: Case, shape: MatmulSizes): Promise<void> {
  const { dtype, tf32 = false, bound } = one;
  const base = { what: `torch ${dtype}${tf32 ? ' (TF32)' : ''}`, dtype, tf32, shape: shape.join('×') };
  try {
    const answer = await peer.ask<Answer>({ do: 'gemm', dtype, tf32, shape });
    const verified = answer.error <= bound ? true : `the relative error is ${answer.error}`;
    const [m, k, n] = shape;
    sendRow({ ...base, ...answer, tflops: (2e-9 * m * k * n) / answer.ms, verified });
  } catch (error) {
    sendRow({ ...base, verified: (error as Error).message });
  }
}

async function main(): Promise<void> {
  const go = values.now ? undefined : once(process, 'message');
  // Looked for, not imported: that takes long, and the script does it once.
  const found = await Peer.start({ script: 'torch_gemm.py', modules: [], heavy: ['torch'] }).catch(asError);
  await using peer = found instanceof Error ? undefined : found;
  const config = found instanceof Error ? found : await found.ask<Config>({ do: 'config' }).catch(asError);
  await go;
  if (config instanceof Error) return sendRow({ what: 'skipped', reason: `torch: ${config.message}` });
  // Figures of this machine's cores beside those of its card would be taken for the card's.
  if (config.device !== 'cuda' && !values.software) {
    return sendRow({ what: 'skipped', reason: `torch ${config.version} sees no card: it would compute on the CPU` });
  }
  sendRow({ what: 'torch', ...config });
  for (const shape of sizesOf(values.sizes)) for (const one of FULL) await measure(peer as Peer, one, shape);
  for (const shape of sizesOf(values.halves)) for (const one of HALVES) await measure(peer as Peer, one, shape);
}

await main();
if (process.connected) process.disconnect();
