import type * as tfcore from '@tensorflow/tfjs-core';

/** A kernel of a tfjs backend. */
export type TFKernel = tfcore.KernelFunc;
/** The arguments of a kernel. */
export type KernelParams = Parameters<TFKernel>[0];
/** Where the values of a tensor are, as kernels see it. */
export type Info = tfcore.TensorInfo;
/** The attributes that tfjs gives this kernel; it types them as a map. */
export const attributesOf = <T>(attrs: unknown): T => attrs as T;
/** The part of a backend that mended kernels use: values between two kernels are counted by nobody else. */
export interface Backend {
  write(values: tfcore.backend_util.BackendValues, shape: number[], dtype: tfcore.DataType): object;
  readSync(dataId: object): tfcore.TypedArray;
  disposeData(dataId: object): unknown;
}

/** The number of elements of this shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A tensor of floats between two kernels; `free` it with `disposeData`. */
export function floats(backend: Backend, values: Float32Array, shape: number[]): Info {
  return { dataId: backend.write(values, shape, 'float32'), shape, dtype: 'float32' };
}
