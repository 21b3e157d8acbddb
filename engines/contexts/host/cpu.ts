// The cpu context: reference loops, tfjs's JavaScript backend, gpu.js in plain JavaScript. Slow, readable, never missing.
import { cpus } from 'node:os';
import { blockedMatmul } from '../../../kernels/matmul/blocked.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import type { ContextProvider, Tfjs } from '../context.ts';
import { packageVersions } from '../packages.ts';
import { importTfjs } from '../tfjs.ts';
import { HostContext } from './host-context.ts';

/** The name of this machine's processor. */
export const processorName = (): string => cpus()[0]?.model.trim() || process.arch;

/** The report of a context without a GPU. */
export function hostReport(
  kind: DeviceReport['kind'],
  libraries: Pick<DeviceReport, 'gpuMode' | 'tfBackend' | 'matmul' | 'matmulBy' | 'without' | 'driver'>,
  options: { readonly threads: number; readonly packages: readonly string[] },
): DeviceReport {
  const versions = { node: process.versions.node, ...packageVersions('gpu.js', ...options.packages) };
  const { threads } = options;
  return { kind, adapter: processorName(), software: true, threads, limits: {}, features: [], versions, ...libraries };
}

async function loadTF(): Promise<Tfjs> {
  const tf = await importTfjs();
  await tf.setBackend('cpu');
  return tf;
}

function report(): DeviceReport {
  return hostReport(
    'cpu',
    { gpuMode: 'cpu', tfBackend: 'cpu', matmul: 'reference', driver: 'node' },
    { threads: 1, packages: ['@tensorflow/tfjs-core'] },
  );
}

/** Opens the cpu context; it can always be opened. */
export const cpuProvider: ContextProvider = {
  kind: 'cpu',
  probe: async () => ({ ok: true }),
  report,
  open: async () =>
    new HostContext({
      report: report(),
      loadTF,
      gpuMode: 'cpu',
      multiply: async (a, b, _tools, flags) => blockedMatmul(await a.toHost(), await b.toHost(), flags),
    }),
};
