import { attributesOf, type Info, type KernelParams, type TFKernel } from './kernel.ts';

/** The kernels of planes that take a padding. */
const PLANAR = /^(?:(?:Avg|Max)Pool(?:Grad)?|(?:Fused)?Conv2D(?:Backprop\w+)?|(?:Fused)?DepthwiseConv2[dD]\w*)$/;
const CONVOLUTIONS = /^(?:Fused)?(?:Conv2D|DepthwiseConv2[dD]\w*)$/;
const SPATIAL = /^(?:(?:Avg|Max)Pool3D(?:Grad)?|Conv3D(?:Backprop\w+)?)$/;

interface PaddedAttributes {
  readonly pad?: unknown;
  readonly dataFormat?: string;
  readonly strides: number | readonly number[];
  readonly dilations?: number | readonly number[];
  readonly filterSize?: number | readonly number[];
  readonly filterShape?: readonly number[];
  readonly inputShape?: readonly number[];
}

/** A kernel whose paddings are as documented; undefined for one without, or whose are. */
export function wellPadded(backend: string, name: string, kernel: TFKernel): TFKernel | undefined {
  if (PLANAR.test(name)) return perSide(backend === 'wasm' && CONVOLUTIONS.test(name), kernel);
  return SPATIAL.test(name) && backend !== 'tensorflow' ? sameInSpace(backend, name, kernel) : undefined;
}

/**
 * A padding by a number as one per side: tfjs computes both sides of the result by the rows of the window. `computesSame`:
 * 'same' too, where windows are smaller than their steps, which XNNPACK refuses without an error.
 */
function perSide(computesSame: boolean, kernel: TFKernel): TFKernel {
  return (params) => {
    const { pad, dataFormat } = attributes(params);
    if (typeof pad === 'number') return kernel(withPad(params, planar([pad, pad], [pad, pad], dataFormat)));
    if (pad !== 'same' || !computesSame) return kernel(params);
    const [rows, columns] = samePaddings(params);
    if (rows === undefined || columns === undefined || (rows.total >= 0 && columns.total >= 0)) return kernel(params);
    return kernel(withPad(params, planar(sides(rows), sides(columns), dataFormat)));
  };
}

/**
 * 'same' in space: tfjs gives windows that are smaller than their steps a negative padding, and so leaves out the first
 * elements. Without any padding that is 'valid'.
 * @throws Error where another axis has a padding
 */
function sameInSpace(backend: string, name: string, kernel: TFKernel): TFKernel {
  return (params) => {
    if (attributes(params).pad !== 'same') return kernel(params);
    const axes = samePaddings(params);
    if (axes.every(({ total }) => total >= 0)) return kernel(params);
    if (axes.every(({ total }) => total <= 0)) return kernel(withPad(params, 'valid'));
    throw new Error(
      `tf's op ${name} is wrong on the ${backend} backend for padding 'same' where one axis has steps beyond its window and another ` +
        "a padding: tf.pad the input and use 'valid', or use engines of the context tensorflow",
    );
  };
}

const attributes = (params: KernelParams) => attributesOf<PaddedAttributes>(params.attrs);
const withPad = (params: KernelParams, pad: unknown): KernelParams =>
  ({ ...params, attrs: { ...params.attrs, pad } }) as KernelParams;

type Pair = readonly [before: number, after: number];
const NONE: Pair = [0, 0];
const planar = (rows: Pair, columns: Pair, dataFormat?: string): readonly Pair[] =>
  dataFormat === 'NCHW' ? [NONE, NONE, rows, columns] : [NONE, rows, columns, NONE];

/** The elements of an axis that 'same' adds; negative where windows are smaller than their steps. */
interface SamePadding {
  readonly total: number;
}

const sides = ({ total }: SamePadding): Pair => {
  const all = Math.max(0, total);
  return [Math.floor(all / 2), all - Math.floor(all / 2)];
};

/** The paddings of the axes of windows. */
function samePaddings(params: KernelParams): SamePadding[] {
  const { strides, dilations = 1, filterSize, filterShape, inputShape } = attributes(params);
  const { x, input, filter } = params.inputs as Record<string, Info | undefined>;
  const shape = inputShape ?? (x ?? input)?.shape ?? [];
  const count = shape.length - 2;
  const at = (value: number | readonly number[], axis: number) =>
    typeof value === 'number' ? value : (value[axis] as number);
  const window = filterSize ?? filterShape ?? (filter as Info).shape;
  return Array.from({ length: count }, (_, axis) => {
    const [length, stride] = [shape[axis + 1] as number, at(strides, axis)];
    const size = (at(window, axis) - 1) * at(dilations, axis) + 1;
    return { total: (Math.ceil(length / stride) - 1) * stride + size - length };
  });
}
