import type * as tfcore from '@tensorflow/tfjs-core';
import type { Tfjs } from '../../context.ts';
import { attributesOf } from '../kernel.ts';

interface MirrorPadAttributes {
  readonly paddings: readonly (readonly [number, number])[];
  readonly mode: 'reflect' | 'symmetric';
}

/** The gradient of mirrorPad: tfjs's leaves out those of the mirrored elements. */
export function mirrorPadGradient(tf: Tfjs): tfcore.GradConfig {
  return {
    kernelName: 'MirrorPad',
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attrs) => {
      const { paddings, mode } = attributesOf<MirrorPadAttributes>(attrs);
      const { shape } = saved[0] as tfcore.Tensor;
      const fold = (sum: tfcore.Tensor, padding: readonly [number, number], axis: number) =>
        folded(tf, sum, { axis, padding, length: shape[axis] as number, skipped: mode === 'reflect' ? 1 : 0 });
      return { x: () => paddings.reduce(fold, dy as tfcore.Tensor) };
    },
  };
}

interface Folding {
  readonly axis: number;
  readonly padding: readonly [number, number];
  /** Elements of the axis without padding. */
  readonly length: number;
  /** Elements at each end that are not mirrored. */
  readonly skipped: 0 | 1;
}

/** Adds the padding of one axis to the elements that it mirrors. */
function folded(tf: Tfjs, dy: tfcore.Tensor, { axis, padding: [before, after], length, skipped }: Folding) {
  const along = <T>(value: T, other: (i: number) => T): T[] => dy.shape.map((_, i) => (i === axis ? value : other(i)));
  const part = (begin: number, size: number) =>
    tf.slice(
      dy,
      along(begin, () => 0),
      along(size, (i) => dy.shape[i] as number),
    );
  const mirrored = (begin: number, size: number, at: number) => {
    const widths = along<[number, number]>([at, length - at - size], () => [0, 0]);
    return tf.pad(tf.reverse(part(begin, size), axis), widths);
  };
  const parts = [part(before, length)];
  if (before > 0) parts.push(mirrored(0, before, skipped));
  if (after > 0) parts.push(mirrored(before + length, after, length - skipped - after));
  return tf.addN(parts);
}
