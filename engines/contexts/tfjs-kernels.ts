// Kernels and gradients of tfjs 4.22 that give wrong values, mended where they are: bench/tf-table.ts and finite differences
// found them.
import type { Tfjs } from './context.ts';
import { averagePoolGradient } from './tfjs-mends/average-pool.ts';
import { oneTransformEach, pictureByPicture } from './tfjs-mends/batches.ts';
import { cumulativeFromEnd } from './tfjs-mends/cumulative.ts';
import { mendGradients } from './tfjs-mends/gradients/index.ts';
import type { Info, TFKernel } from './tfjs-mends/kernel.ts';
import { maxPool3dGradient } from './tfjs-mends/max-pool-3d.ts';
import { wellPadded } from './tfjs-mends/padding.ts';

/** The parts of tfjs's backends that are used here. */
interface WasmBackend {
  makeOutput(...args: unknown[]): Info;
  typedArrayFromHeap(info: Info): Float32Array;
}
interface ReadingBackend {
  readSync(dataId: object): unknown;
}

/** Replaces the kernels of this backend that are wrong, and wrong gradients. A backend is mended once. */
export function mendKernels(tf: Tfjs, backend: string): void {
  if (backend === 'webgpu') explainReads(tf, backend);
  mendGradients(tf);
  for (const { kernelName, kernelFunc, ...rest } of tf.getKernelsForBackend(backend)) {
    const right = mendedKernel(tf, backend, kernelName, kernelFunc);
    const mended = wellPadded(backend, kernelName, right ?? kernelFunc) ?? right;
    if (mended === undefined) continue;
    tf.unregisterKernel(kernelName, backend);
    tf.registerKernel({ ...rest, kernelName, backendName: backend, kernelFunc: mended });
  }
}

const COMPLEX = ['FFT', 'IFFT', 'Real', 'Imag'];

function mendedKernel(tf: Tfjs, backend: string, name: string, kernel: TFKernel): TFKernel | undefined {
  const isAverage = name === 'AvgPoolGrad' || name === 'AvgPool3DGrad';
  if (isAverage && backend !== 'tensorflow') {
    return averagePoolGradient(tf, backend, backend === 'wasm' ? fromZeros(kernel) : kernel);
  }
  if (backend === 'cpu' && name === 'MaxPool3DGrad') return maxPool3dGradient(tf);
  if (backend === 'cpu' && name === 'Transform') return pictureByPicture(kernel);
  if (backend === 'webgpu' && (name === 'Cumsum' || name === 'Cumprod')) return cumulativeFromEnd(tf, backend, kernel);
  if (backend === 'webgpu' && name === 'Transform') return oneTransformEach(tf, backend, kernel);
  if (name === 'Bincount' && (backend === 'wasm' || backend === 'webgpu')) return ofOneAxis(kernel);
  if (backend === 'wasm' && /Grad$|Backprop/.test(name)) return fromZeros(kernel);
  return backend === 'webgpu' && COMPLEX.includes(name) ? inShape(kernel) : undefined;
}

// It counts along the last axis, where all of x is meant: tf.image.threshold(…, 'otsu') had no threshold.
function ofOneAxis(kernel: TFKernel): TFKernel {
  return ({ inputs, ...rest }) => {
    const x = inputs['x'] as Info;
    const size = x.shape.reduce((a, b) => a * b, 1);
    return kernel({ ...rest, inputs: { ...inputs, x: { dataId: x.dataId, dtype: x.dtype, shape: [size] } } });
  };
}

// They add to their output, which is memory that others have used.
function fromZeros(kernel: TFKernel): TFKernel {
  return (params) => {
    const backend = params.backend as WasmBackend;
    const { makeOutput } = backend;
    backend.makeOutput = (...args) => {
      const made = makeOutput.apply(backend, args);
      backend.typedArrayFromHeap(made).fill(0);
      return made;
    };
    try {
      return kernel(params);
    } finally {
      backend.makeOutput = makeOutput;
    }
  };
}

// Complex numbers of one axis came back with two, and their parts had the shape from before a reshape.
function inShape(kernel: TFKernel): TFKernel {
  return (params) => ({ ...(kernel(params) as Info), shape: [...(params.inputs['input'] as Info).shape] });
}

/** Has a backend without synchronous reads say so: tfjs would look for a canvas. */
function explainReads(tf: Tfjs, backend: string): void {
  const instance = tf.findBackend(backend) as ReadingBackend | null;
  if (instance === null) return;
  const { readSync } = instance;
  instance.readSync = (dataId) => {
    try {
      return readSync.call(instance, dataId);
    } catch (cause) {
      if (!(cause instanceof ReferenceError)) throw cause;
      throw new Error(
        `a synchronous read (dataSync, arraySync) does not exist on the ${backend} backend: await x.data(), or use ` +
          'engines of the contexts cpu, wasm and tensorflow',
        { cause },
      );
    }
  };
}
