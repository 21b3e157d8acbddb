import type { Tfjs } from '../context.ts';
import { type Backend, type Info, sizeOf, type TFKernel } from './kernel.ts';

/** `Transform` of the cpu backend, which leaves out all but the first picture, picture by picture. */
export function pictureByPicture(kernel: TFKernel): TFKernel {
  return (params) => {
    const backend = params.backend as Backend;
    const batch = Math.max(...Object.values(params.inputs).map((info) => (info as Info).shape[0] as number));
    if (batch <= 1) return kernel(params);
    const made = Array.from({ length: batch }, (_, picture) => {
      const inputs = mapped(params.inputs as Record<string, Info>, (info) => pictureOf(backend, info, picture));
      const result = kernel({ ...params, inputs }) as Info;
      for (const { dataId } of Object.values(inputs)) backend.disposeData(dataId);
      return result;
    });
    return joined(backend, made);
  };
}

const mapped = (inputs: Record<string, Info>, fn: (info: Info) => Info): Record<string, Info> =>
  Object.fromEntries(Object.entries(inputs).map(([name, info]) => [name, fn(info)]));

/** A copy of one picture; of the only one where there is one for all. */
function pictureOf(backend: Backend, { dataId, shape, dtype }: Info, picture: number): Info {
  const one = [1, ...shape.slice(1)];
  const size = sizeOf(one);
  const begin = shape[0] === 1 ? 0 : picture * size;
  const values = backend
    .readSync(dataId)
    .subarray(begin, begin + size)
    .slice();
  return { dataId: backend.write(values, one, dtype), shape: one, dtype };
}

function joined(backend: Backend, parts: readonly Info[]): Info {
  const [first] = parts as [Info];
  const lists = parts.map(({ dataId }) => backend.readSync(dataId));
  const size = sizeOf(first.shape);
  const all = first.dtype === 'float32' ? new Float32Array(size * parts.length) : new Int32Array(size * parts.length);
  for (const [i, list] of lists.entries()) all.set(list, i * size);
  for (const { dataId } of parts) backend.disposeData(dataId);
  const shape = [parts.length, ...first.shape.slice(1)];
  return { dataId: backend.write(all, shape, first.dtype), shape, dtype: first.dtype };
}

/** `Transform` of the webgpu backend, where one transform stands for all pictures: it would read beyond its end. */
export function oneTransformEach(tf: Tfjs, backendName: string, kernel: TFKernel): TFKernel {
  return (params) => {
    const { image, transforms } = params.inputs as { image: Info; transforms: Info };
    const batch = image.shape[0] as number;
    if (batch === transforms.shape[0]) return kernel(params);
    const backend = params.backend as Backend;
    const tile = tf.getKernel('Tile', backendName).kernelFunc;
    const each = tile({ inputs: { x: transforms }, attrs: { reps: [batch, 1] }, backend }) as Info;
    const made = kernel({ ...params, inputs: { image, transforms: each } });
    backend.disposeData(each.dataId);
    return made;
  };
}
