import type { Tfjs } from '../context.ts';
import { attributesOf, type Backend, floats, type Info, sizeOf, type TFKernel } from './kernel.ts';
import { inside, type PoolAttributes, type PoolAxis, poolAxes } from './pool-windows.ts';

/**
 * The gradient of an average pool. tfjs's kernels divide by the whole window, where the pool divides by the part of it
 * that lies inside of the input: makes up for that beforehand, per window.
 */
export function averagePoolGradient(tf: Tfjs, backendName: string, kernel: TFKernel): TFKernel {
  return (params) => {
    const { dy, input } = params.inputs as { dy: Info; input: Info };
    const axes = poolAxes(tf, input.shape, attributesOf<PoolAttributes>(params.attrs));
    const factors = axes.map(factorsOf);
    if (factors.every((list) => list.every((factor) => factor === 1))) return kernel(params);
    const backend = params.backend as Backend;
    const scale = floats(backend, outer(factors), [1, ...axes.map(({ windows }) => windows), 1]);
    const multiply = tf.getKernel('Multiply', backendName).kernelFunc;
    const scaled = multiply({ inputs: { a: dy, b: scale }, attrs: {}, backend }) as Info;
    const made = kernel({ ...params, inputs: { ...params.inputs, dy: scaled } });
    for (const { dataId } of [scale, scaled]) backend.disposeData(dataId);
    return made;
  };
}

/** Per window of an axis: its size divided by what of it lies inside. */
function factorsOf(axis: PoolAxis): number[] {
  return Array.from({ length: axis.windows }, (_, window) => {
    const [begin, end] = inside(axis, window);
    return begin < end ? axis.size / (end - begin) : 0;
  });
}

/** All products with one factor of each list, the last list running first. */
function outer(lists: readonly (readonly number[])[]): Float32Array {
  const out = new Float32Array(sizeOf(lists.map(({ length }) => length))).fill(1);
  let repeat = out.length;
  for (const list of lists) {
    repeat /= list.length;
    for (let i = 0; i < out.length; i++) out[i]! *= list[Math.floor(i / repeat) % list.length] as number;
  }
  return out;
}
