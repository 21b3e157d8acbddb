import type { Tfjs } from '../context.ts';
import { attributesOf, type Backend, type Info, type TFKernel } from './kernel.ts';

/**
 * `Cumsum` and `Cumprod` of the webgpu backend from the end of an axis: its shader has the length of the first axis that it
 * was compiled for, and serves others too. Here the numbers are reversed before and after.
 */
export function cumulativeFromEnd(tf: Tfjs, backendName: string, kernel: TFKernel): TFKernel {
  return (params) => {
    const { axis, reverse } = attributesOf<{ axis: number; reverse: boolean }>(params.attrs);
    if (!reverse) return kernel(params);
    const backend = params.backend as Backend;
    const reversed = (x: Info): Info => {
      const { kernelFunc } = tf.getKernel('Reverse', backendName);
      return kernelFunc({ inputs: { x }, attrs: { dims: [axis] }, backend }) as Info;
    };
    const x = reversed(params.inputs['x'] as Info);
    const sums = kernel({ ...params, inputs: { x }, attrs: { ...params.attrs, reverse: false } }) as Info;
    const made = reversed(sums);
    for (const { dataId } of [x, sums]) backend.disposeData(dataId);
    return made;
  };
}
