// The wasm context: tfjs on WebAssembly (XNNPACK, SIMD), gpu.js on WebAssembly, products by onnxruntime-node where it is
// installed, else by tf.matMul. It needs nothing but npm packages.
import { join } from 'node:path';
import { tfjsProvider } from '../../../kernels/matmul/tfjs.ts';
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { ContextOptions, ContextProbe, ContextProvider, Tfjs } from '../context.ts';
import { packageFolder } from '../packages.ts';
import { completeBackend, importTfjs } from '../tfjs.ts';
import { hostReport } from './cpu.ts';
import { HostContext, type HostTools } from './host-context.ts';
import { hostMatmul, hostMatmulName, openOnnx } from './host-matmul.ts';
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

function report({ threads }: ContextOptions): DeviceReport {
  const onnx = packageFolder('onnxruntime-node') !== undefined;
  return hostReport(
    'wasm',
    {
      gpuMode: 'webasm',
      tfBackend: 'wasm',
      matmul: onnx ? 'onnx' : 'tf.matMul',
      matmulBy: onnx ? undefined : exactByHost(),
      driver: 'WebAssembly SIMD',
    },
    { threads, packages: ['@tensorflow/tfjs-core', BACKEND, 'onnxruntime-node'] },
  );
}

/** The library for the dtypes that tf.matMul does not compute exactly. */
export function exactByHost(): Record<string, string> {
  const name = hostMatmulName();
  return { float64: name, int32: name, uint32: name };
}

/** Multiplies float32 and float16 by tf.matMul, the other dtypes on the host. */
export function multiplyByTF(
  threads: number,
): (a: Tensor, b: Tensor, tools: HostTools, flags: Transposes) => Promise<Tensor> {
  const host = hostMatmul(threads);
  return async (a, b, tools, flags) => {
    const floats = a.dtype === 'float32' || a.dtype === 'float16';
    return (floats ? tfjsProvider(await tools.tf()) : host).multiply(a, b, flags);
  };
}

/** Opens the wasm context. */
export const wasmProvider: ContextProvider = {
  kind: 'wasm',
  probe: async () => probe(),
  report,
  open: async (options) => {
    const onnx = await openOnnx(options.threads);
    const byTF = multiplyByTF(options.threads);
    const described = report(options);
    return new HostContext({
      report: onnx === undefined ? { ...described, matmul: 'tf.matMul', matmulBy: exactByHost() } : described,
      loadTF: loadWasmTF,
      gpuMode: 'webasm',
      multiply: async (a, b, tools, flags) => {
        const [x, y] = [await a.toHost(), await b.toHost()];
        return onnx === undefined ? byTF(x, y, tools, flags) : onnx.multiply(x, y, flags);
      },
    });
  },
};
