import type { Tfjs } from '../context.ts';
import { attributesOf, type Backend, floats, type Info, sizeOf, type TFKernel } from './kernel.ts';
import { inside, type PoolAttributes, type PoolAxis, poolAxes } from './pool-windows.ts';

/**
 * The gradient of maxPool3d for the cpu backend: each window's goes to its first largest element. tfjs's own mixes up the
 * sides of oblong windows.
 */
export function maxPool3dGradient(tf: Tfjs): TFKernel {
  return ({ inputs, attrs, backend: given }) => {
    const { dy, input } = inputs as { dy: Info; input: Info };
    const backend = given as Backend;
    const [x, gradients] = [backend.readSync(input.dataId), backend.readSync(dy.dataId)];
    const axes = poolAxes(tf, input.shape, attributesOf<PoolAttributes>(attrs)) as [PoolAxis, PoolAxis, PoolAxis];
    const out = new Float32Array(sizeOf(input.shape));
    const channels = input.shape[4] as number;
    for (let i = 0; i < gradients.length; i++) {
      const at = largest(x, axes, placeOf(i, axes, channels));
      if (at >= 0) out[at]! += gradients[i] as number;
    }
    return floats(backend, out, [...input.shape]);
  };
}

/** One window of one channel. */
interface Place {
  readonly batch: number;
  readonly windows: readonly [number, number, number];
  readonly channel: number;
  readonly channels: number;
}

function placeOf(i: number, [depth, height, width]: readonly PoolAxis[], channels: number): Place {
  const [d, h, w] = [depth, height, width].map((axis) => (axis as PoolAxis).windows) as [number, number, number];
  const window = Math.floor(i / channels);
  const windows = [Math.floor(window / (h * w)) % d, Math.floor(window / w) % h, window % w] as const;
  return { batch: Math.floor(window / (d * h * w)), windows, channel: i % channels, channels };
}

/** The flat index of the first largest element of a window; −1 where the window lies outside. NaN is the largest. */
function largest(x: ArrayLike<number>, axes: readonly [PoolAxis, PoolAxis, PoolAxis], place: Place): number {
  const [[d0, d1], [h0, h1], [w0, w1]] = axes.map((axis, i) => inside(axis, place.windows[i] as number)) as [
    [number, number],
    [number, number],
    [number, number],
  ];
  const [depth, height, width] = axes.map(({ length }) => length) as [number, number, number];
  let found = -1;
  for (let d = d0; d < d1; d++)
    for (let h = h0; h < h1; h++)
      for (let w = w0; w < w1; w++) {
        const at = (((place.batch * depth + d) * height + h) * width + w) * place.channels + place.channel;
        if (found < 0 || !((x[at] as number) <= (x[found] as number))) found = at;
      }
  return found;
}
