// The tensorflow context: @tensorflow/tfjs-node (TensorFlow's C library, oneDNN) for tfjs and for products, products by OpenBLAS where it is
// installed, gpu.js on WebAssembly. Every op runs on the main thread; meanwhile the engine's control thread answers.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as tfcore from '@tensorflow/tfjs-core';
import { tfjsProvider } from '../../../kernels/matmul/tfjs.ts';
import { ContextError } from '../../../src/errors.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import type { ContextOptions, ContextProbe, ContextProvider, Tfjs } from '../context.ts';
import { packageFolder } from '../packages.ts';
import { completeBackend } from '../tfjs.ts';
import { hostReport } from './cpu.ts';
import { HostContext } from './host-context.ts';
import { HostMatmul } from './host-matmul.ts';
import type { HostTensor } from './host-tensor.ts';

const PACKAGE = '@tensorflow/tfjs-node';
const REMEDY = `npm rebuild ${PACKAGE}, or npx directview setup tensorflow where its download host is out of reach`;

function probe(): ContextProbe {
  const folder = packageFolder(PACKAGE);
  if (folder === undefined)
    return {
      ok: false,
      reason: `${PACKAGE} is not installed: npm install --ignore-scripts ${PACKAGE}, then npx directview setup tensorflow`,
    };
  if (existsSync(join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'))) return { ok: true };
  return { ok: false, reason: `the native binding of ${PACKAGE} is missing: ${REMEDY}` };
}

/** Loads tfjs-node with `threads` threads for this process. @throws ContextError when its library does not load */
export async function loadTensorflow(threads: number): Promise<Tfjs> {
  const found = probe();
  if (!found.ok) throw new ContextError(found.reason);
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
  process.env['TF_NUM_INTEROP_THREADS'] ??= '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
  restoreUtil();
  try {
    const tf = await import('@tensorflow/tfjs-node');
    await tf.setBackend('tensorflow');
    completeBackend(tf, 'tensorflow', { readsSync: true, complex: true });
    return tf;
  } catch (cause) {
    throw new ContextError(`${PACKAGE} does not load: ${REMEDY}`, { cause });
  }
}

/** Node 23 removed util.isNullOrUndefined, which almost every op of tfjs-node 4.22 calls: puts it back. */
export function restoreUtil(): void {
  const util = createRequire(import.meta.url)('node:util') as { isNullOrUndefined?: (value: unknown) => boolean };
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
}

function products({ threads }: ContextOptions, tf?: Tfjs): HostMatmul {
  const open = async () => tfjsProvider(tf ?? (await loadTensorflow(threads)));
  return new HostMatmul({ threads, tf: { place: 'before onnx', open } });
}

function report(options: ContextOptions, host = products(options)): DeviceReport {
  return hostReport(
    'tensorflow',
    { gpuMode: 'webasm', tfBackend: 'tensorflow', ...host.report, driver: 'TensorFlow C library' },
    { threads: options.threads, packages: [PACKAGE, '@tensorflow/tfjs-core', 'koffi'] },
  );
}

/** float32 operands of tf.matMul, and its products, stay in TensorFlow's memory. */
function byTF(tf: Tfjs, a: HostTensor, b: HostTensor, { transposeA, transposeB }: Transposes): tfcore.Tensor {
  const [x, y] = [a.toBackend(tf), b.toBackend(tf)] as [tfcore.Tensor2D, tfcore.Tensor2D];
  try {
    return tf.keep(tf.matMul(x, y, transposeA, transposeB));
  } finally {
    tf.dispose([x, y]);
  }
}

/** Opens the tensorflow context. */
export const tensorflowProvider: ContextProvider = {
  kind: 'tensorflow',
  probe: async () => probe(),
  report: (options) => report(options),
  open: async (options) => {
    const tf = await loadTensorflow(options.threads);
    const host = products(options, tf);
    return new HostContext({
      report: report(options, host),
      loadTF: async () => tf,
      gpuMode: 'webasm',
      multiply: async (a, b, _tools, flags) => {
        if (a.dtype === 'float32' && host.nameOf('float32') === 'tf.matMul') return byTF(tf, a, b, flags);
        return host.multiply(await a.toHost(), await b.toHost(), flags);
      },
    });
  },
};
