import type * as tfcore from '@tensorflow/tfjs-core';
import type { Tfjs } from '../../context.ts';
import { attributesOf } from '../kernel.ts';
import { mirrorPadGradient } from './mirror-pad.ts';
import { resizeGradient } from './resize.ts';

/** Replaces the gradients of tfjs that are wrong on every backend. */
export function mendGradients(tf: Tfjs): void {
  const mended = [
    mirrorPadGradient(tf),
    cumsumGradient(tf),
    resizeGradient(tf, 'ResizeBilinear'),
    resizeGradient(tf, 'ResizeNearestNeighbor'),
  ];
  for (const config of mended) {
    if (tf.getGradient(config.kernelName) !== undefined) tf.unregisterGradient(config.kernelName);
    tf.registerGradient(config);
  }
}

/** tfjs's transposes the result, unless the axis is the last one. */
function cumsumGradient(tf: Tfjs): tfcore.GradConfig {
  return {
    kernelName: 'Cumsum',
    gradFunc: (dy, _saved, attrs) => {
      const { axis, exclusive, reverse } = attributesOf<{ axis: number; exclusive: boolean; reverse: boolean }>(attrs);
      return { x: () => tf.cumsum(dy as tfcore.Tensor, axis, exclusive, !reverse) };
    },
  };
}
