import type * as tfcore from '@tensorflow/tfjs-core';
import type { Tfjs } from '../context.ts';

/** The windows of a pool along one axis. */
export interface PoolAxis {
  /** Elements of the input. */
  readonly length: number;
  /** Number of windows. */
  readonly windows: number;
  readonly size: number;
  readonly stride: number;
  /** Padding in front of the input. */
  readonly before: number;
}

type Two = [number, number];
type Three = [number, number, number];

/** The attributes of tfjs's pools. */
export interface PoolAttributes {
  readonly filterSize: number | Two | Three;
  readonly strides: number | Two | Three;
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** The axes of the windows of a pool: two of `[batch, rows, columns, channels]`, or three with a depth. */
export function poolAxes(tf: Tfjs, shape: readonly number[], attributes: PoolAttributes): PoolAxis[] {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  const { computePool2DInfo, computePool3DInfo } = tf.backend_util;
  if (shape.length === 4) {
    const [size, steps] = [filterSize, strides] as [Two, Two];
    return planar(computePool2DInfo(shape as [...Two, ...Two], size, steps, 1, pad, dimRoundingMode));
  }
  const [size, steps] = [filterSize, strides] as [Three, Three];
  const info = computePool3DInfo(shape as [...Three, ...Two], size, steps, 1, pad, dimRoundingMode);
  const { inDepth, outDepth, filterDepth, strideDepth, padInfo } = info;
  const depth = axis(inDepth, outDepth, filterDepth, strideDepth, padInfo.front);
  return [depth, ...planar(info)];
}

type Planar = Pick<
  tfcore.backend_util.Conv2DInfo,
  'inHeight' | 'inWidth' | 'outHeight' | 'outWidth' | 'filterHeight' | 'filterWidth' | 'strideHeight' | 'strideWidth'
> & { readonly padInfo: { readonly top: number; readonly left: number } };

const planar = (info: Planar): PoolAxis[] => [
  axis(info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, info.padInfo.top),
  axis(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, info.padInfo.left),
];

const axis = (length: number, windows: number, size: number, stride: number, before: number): PoolAxis => {
  return { length, windows, size, stride, before };
};

/** The part of a window that lies inside of the input, half-open; empty where begin ≥ end. */
export function inside({ length, size, stride, before }: PoolAxis, window: number): [begin: number, end: number] {
  const start = window * stride - before;
  return [Math.max(0, start), Math.min(length, start + size)];
}
