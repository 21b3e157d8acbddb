// The wasm context: tfjs on WebAssembly (XNNPACK, SIMD), gpu.js on WebAssembly, products by OpenBLAS or onnxruntime-node
// where they are installed, else by tf.matMul. It needs nothing but npm packages.
import { join } from 'node:path';
import { tfjsProvider } from '../../../kernels/matmul/tfjs.ts';
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import type { ContextOptions, ContextProbe, ContextProvider, Tfjs } from '../context.ts';
import { packageFolder } from '../packages.ts';
import { completeBackend, importTfjs } from '../tfjs.ts';
import { hostReport } from './cpu.ts';
import { HostContext } from './host-context.ts';
import { HostMatmul } from './host-matmul.ts';
import { guardWasmMemory } from './wasm-memory.ts';

const BACKEND = '@tensorflow/tfjs-backend-wasm';

/** Loads tfjs on the wasm backend. @throws ContextError when the module does not start */
export async function loadWasmTF(): Promise<Tfjs> {
  const tf = await importTfjs();
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${join(packageFolder(BACKEND) as string, 'wasm-out')}/`);
  if (!(await tf.setBackend('wasm'))) throw new ContextError(`${BACKEND} does not start: npm install it again`);
  guardWasmMemory(tf);
  completeBackend(tf, 'wasm', { readsSync: true, complex: false });
  return tf;
}

function probe(): ContextProbe {
  if (packageFolder(BACKEND) !== undefined) return { ok: true };
  return { ok: false, reason: `${BACKEND} is not installed: npm install ${BACKEND}` };
}

/** Products on the host: floats by tf.matMul where neither OpenBLAS nor onnxruntime-node is there. */
function products({ threads }: ContextOptions, openTF = notOpened): HostMatmul {
  return new HostMatmul({ threads, tf: { place: 'behind onnx', open: async () => tfjsProvider(await openTF()) } });
}

/** For a report, which multiplies nothing. */
const notOpened = (): Promise<Tfjs> => Promise.reject(new ContextError('the wasm context is not open'));

function report(options: ContextOptions, host = products(options)): DeviceReport {
  return hostReport(
    'wasm',
    { gpuMode: 'webasm', tfBackend: 'wasm', ...host.report, driver: 'WebAssembly SIMD' },
    { threads: options.threads, packages: ['@tensorflow/tfjs-core', BACKEND, 'onnxruntime-node', 'koffi'] },
  );
}

/** Opens the wasm context. */
export const wasmProvider: ContextProvider = {
  kind: 'wasm',
  probe: async () => probe(),
  report: (options) => report(options),
  open: async (options) => {
    const host = products(options, () => context.tf());
    const context: HostContext = new HostContext({
      report: report(options, host),
      loadTF: loadWasmTF,
      gpuMode: 'webasm',
      multiply: async (a, b, _tools, flags) => host.multiply(await a.toHost(), await b.toHost(), flags),
    });
    return context;
  },
};
