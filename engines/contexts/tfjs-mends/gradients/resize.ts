import type * as tfcore from '@tensorflow/tfjs-core';
import type { Tfjs } from '../../context.ts';
import { attributesOf } from '../kernel.ts';

interface ResizeAttributes {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** The elements that one element of the result is made of, with their weights. */
type Sources = readonly (readonly [at: number, weight: number])[];

/**
 * The gradient of a resized picture: it is linear in rows and in columns, so that two products with matrices give it.
 * tfjs's leaves out halfPixelCenters, and its kernels mix up the pictures of a batch, or rows and columns.
 */
export function resizeGradient(tf: Tfjs, kernelName: 'ResizeBilinear' | 'ResizeNearestNeighbor'): tfcore.GradConfig {
  const sources = kernelName === 'ResizeBilinear' ? bilinear : nearest;
  return {
    kernelName,
    inputsToSave: ['images'],
    gradFunc: (given, saved, attrs) => {
      const dy = given as tfcore.Tensor4D;
      const [batch, height, width, channels] = (saved[0] as tfcore.Tensor4D).shape;
      const [, toHeight, toWidth] = dy.shape;
      const options = attributesOf<ResizeAttributes>(attrs);
      const matrix = (from: number, to: number) =>
        tf.tensor(weightsOf(from, to, sources, options), [1, from, to] as [number, number, number]);
      const images = () => {
        const rows = tf.matMul(
          matrix(height, toHeight),
          tf.reshape(dy, [batch, toHeight, toWidth * channels]) as tfcore.Tensor3D,
        );
        const columns = tf.reshape(rows, [batch * height, toWidth, channels]) as tfcore.Tensor3D;
        return tf.reshape(tf.matMul(matrix(width, toWidth), columns), [batch, height, width, channels]);
      };
      return { images };
    },
  };
}

/** The matrix [from, to] of the weights with which elements of an axis enter those of the result. */
function weightsOf(from: number, to: number, sources: typeof bilinear, options: ResizeAttributes): Float32Array {
  const isAligned = options.alignCorners && to > 1;
  const ratio = isAligned ? (from - 1) / (to - 1) : from / to;
  const weights = new Float32Array(from * to);
  for (let i = 0; i < to; i++)
    for (const [at, weight] of sources(i, ratio, from, options)) weights[at * to + i]! += weight;
  return weights;
}

function bilinear(i: number, ratio: number, from: number, { halfPixelCenters }: ResizeAttributes): Sources {
  const place = halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i;
  const [low, high] = [Math.max(0, Math.floor(place)), Math.min(from - 1, Math.ceil(place))];
  const part = place - low;
  return [
    [low, 1 - part],
    [Math.max(0, high), part],
  ];
}

function nearest(i: number, ratio: number, from: number, options: ResizeAttributes): Sources {
  const place = options.halfPixelCenters ? ratio * (i + 0.5) : ratio * i;
  const at = options.alignCorners ? Math.round(place) : Math.floor(place);
  return [[Math.max(0, Math.min(from - 1, at)), 1]];
}
