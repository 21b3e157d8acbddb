// Tells the check-up which adapter this environment gives: run as its child, because loaders read variables at the start.
import { cudaProvider } from '../../engines/contexts/cuda/cuda.ts';
import { adapterName, findAdapter } from '../../engines/contexts/webgpu/dawn.ts';
import { sendRow } from '../support/rows.ts';

/** An adapter as the check-up prints it. */
export interface ProbedAdapter {
  readonly adapter: string;
  readonly software: boolean;
  readonly driver: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly matrixConfigs: readonly unknown[];
}

function plain(object: object): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key in object) {
    const value = (object as Record<string, unknown>)[key];
    if (['string', 'number', 'boolean'].includes(typeof value)) out[key] = value;
  }
  return out;
}

async function probe(): Promise<ProbedAdapter> {
  const { adapter, software } = await findAdapter({ threads: 1, softwareGpu: true });
  const { info } = adapter;
  const configs = (info as { subgroupMatrixConfigs?: Iterable<object> }).subgroupMatrixConfigs ?? [];
  return {
    adapter: adapterName(adapter),
    software,
    driver: info.description,
    info: plain(info),
    features: [...adapter.features].sort(),
    limits: plain(adapter.limits) as Record<string, number>,
    matrixConfigs: [...configs].map(plain),
  };
}

try {
  sendRow({ probed: await probe() });
} catch (error) {
  sendRow({ fault: (error as Error).message });
}
// After it: what CUDA does to this process costs no adapter.
const cuda = await cudaProvider.probe({ threads: 1 }).catch((error: unknown) => ({ reason: (error as Error).message }));
sendRow({ cuda: 'reason' in cuda ? cuda.reason : true });
