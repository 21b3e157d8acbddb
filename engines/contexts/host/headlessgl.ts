// The headlessgl context: gpu.js on WebGL 1 without a window (npm `gl`), tfjs on tensorflow or wasm. It needs a compiled
// `gl` and a display.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gpuJsProvider } from '../../../kernels/matmul/gpujs.ts';
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import { isStoredAsBits } from '../../../src/tensor/floats/stored-bits.ts';
import type { ContextOptions, ContextProbe, ContextProvider } from '../context.ts';
import { importGpuJs } from '../gpujs.ts';
import { packageFolder } from '../packages.ts';
import { hostReport } from './cpu.ts';
import { HostContext } from './host-context.ts';
import { HostMatmul } from './host-matmul.ts';
import { loadTensorflow, tensorflowProvider } from './tensorflow.ts';
import { loadWasmTF } from './wasm.ts';

const NEEDS = 'it needs X11 or EGL and OpenGL headers to compile (npm rebuild gl), and a display or xvfb-run to open';
type CreateGL = (width: number, height: number) => { getParameter(name: number): unknown; VERSION: number } | null;

function probe(): ContextProbe {
  const folder = packageFolder('gl');
  if (folder === undefined) return { ok: false, reason: `npm gl is not installed; ${NEEDS}` };
  const built = ['build/Release/webgl.node', 'build/Debug/webgl.node'].some((file) => existsSync(join(folder, file)));
  if (!built) return { ok: false, reason: `npm gl is installed without its native binding; ${NEEDS}` };
  return { ok: true };
}

/** The version string of a WebGL context of one pixel. @throws ContextError when none opens */
function glVersion(): string {
  const found = probe();
  if (!found.ok) throw new ContextError(`headlessgl: ${found.reason}`);
  const create = createRequire(import.meta.url)('gl') as CreateGL;
  const gl = create(1, 1);
  if (gl === null) throw new ContextError('headlessgl: no display opens: start under xvfb-run, or set DISPLAY');
  return String(gl.getParameter(gl.VERSION));
}

async function report({ threads }: ContextOptions): Promise<DeviceReport> {
  const tensorflow = (await tensorflowProvider.probe({ threads })).ok;
  return {
    ...hostReport(
      'headlessgl',
      {
        gpuMode: 'headlessgl',
        tfBackend: tensorflow ? 'tensorflow' : 'wasm',
        matmul: 'gpu.js',
        ...new HostMatmul({ threads }).reportOf(['float64', 'int32', 'uint32']),
        driver: glVersion(),
      },
      { threads, packages: ['gl', '@tensorflow/tfjs-core'] },
    ),
    adapter: 'WebGL 1',
    software: false,
  };
}

/** Opens the headlessgl context. */
export const headlessglProvider: ContextProvider = {
  kind: 'headlessgl',
  probe: async () => probe(),
  report,
  open: async (options) => {
    const described = await report(options);
    const { input } = await importGpuJs();
    const host = new HostMatmul({ threads: options.threads });
    return new HostContext({
      report: described,
      loadTF: () => (described.tfBackend === 'tensorflow' ? loadTensorflow(options.threads) : loadWasmTF()),
      gpuMode: 'headlessgl',
      multiply: async (a, b, tools, flags) => {
        const floats = a.dtype === 'float32' || isStoredAsBits(a.dtype);
        const provider = floats ? gpuJsProvider({ gpu: await tools.gpu(), input }, 'headlessgl') : host;
        return provider.multiply(await a.toHost(), await b.toHost(), flags);
      },
    });
  },
};
