// The conformance suite on the providers that contexts use only in part: gpu.js webasm, tf.matMul on wasm, OpenBLAS, the loops.
import { importGpuJs } from '../../../../engines/contexts/gpujs.ts';
import { openOnnx } from '../../../../engines/contexts/host/host-libraries.ts';
import { findOpenblas, openOpenblas } from '../../../../engines/contexts/host/openblas-library.ts';
import { probeContext } from '../../../../engines/contexts/index.ts';
import { blockedProvider } from '../../../../kernels/matmul/blocked.ts';
import { gpuJsProvider } from '../../../../kernels/matmul/gpujs.ts';
import { referenceProvider } from '../../../../kernels/matmul/reference.ts';
import { tfjsProvider } from '../../../../kernels/matmul/tfjs.ts';
import { declareConformance } from '../../../support/conformance.ts';
import { suite } from '../../../support/suite.ts';

const context = await (await probeContext('wasm', { threads: 1 })).open();
const { input } = await importGpuJs();
const onnx = await openOnnx(1);
const library = findOpenblas();
const providers = [
  gpuJsProvider({ gpu: await context.gpu(), input }, 'webasm'),
  tfjsProvider(await context.tf()),
  referenceProvider,
  blockedProvider,
  ...(onnx === undefined ? [] : [onnx]),
  ...('path' in library ? [await openOpenblas(library.path, 2)] : []),
];

const test = suite('conformance providers');
for (const provider of providers) declareConformance(test, () => provider, provider.dtypes);
if (onnx === undefined) test.skip('onnx', 'onnxruntime-node is not installed');
if ('missing' in library) test.skip('openblas', library.missing);
test.after(() => context.close());
test.run();
