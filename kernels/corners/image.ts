import { ShapeError } from '../../src/errors.ts';
import type { TFTensorLike } from '../../src/tensor/convert.ts';
import type { DType } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** A 2-D picture or response `[rows, cols]`. */
export type Image = Tensor | TFTensorLike;

/** A position `[row, col]`, from 0; the centre of the first pixel is [0, 0]. */
export type Corner = readonly [row: number, col: number];

/** A grey picture on the host, row-major. */
export interface FloatImage {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array | Float64Array;
}

// The value that stands for 1, as in scikit-image's img_as_float. Floats are taken as they are.
const WHITE: Readonly<Partial<Record<DType, number>>> = {
  uint8: 255,
  uint16: 65535,
  uint32: 4294967295,
  int8: 127,
  int16: 32767,
  int32: 2147483647,
};

/**
 * The picture as floats on the host. Integers are scaled to 0..1 (signed ones to −1..1) by their range. float16 and
 * bool become float32. Floats are not copied. A tf.Tensor is read asynchronously and not disposed.
 * @param what names the picture in errors
 * @throws ShapeError unless it is 2-D
 * @throws TypeError for a tf.Tensor of another dtype than float32 and bool
 * @throws RangeError naming the first pixel that is NaN or infinite
 */
export async function floatImage(image: Image, what = 'image'): Promise<FloatImage> {
  const host = image instanceof Tensor ? image : await readBack(image);
  const [rows, cols] = host.shape;
  if (host.rank !== 2 || rows === undefined || cols === undefined) {
    throw new ShapeError(`the ${what} is 2-D [rows, cols], not [${host.shape}]: make a colour picture grey first`);
  }
  const data = floats(host);
  assertFinite(data, cols, what);
  return { rows, cols, data };
}

async function readBack(image: TFTensorLike): Promise<Tensor> {
  const dtype = image.dtype;
  if (dtype !== 'float32' && dtype !== 'bool') {
    throw new TypeError(`a tf.Tensor of ${dtype} has no known range: cast to float32, scaled to 0..1`);
  }
  return new Tensor(dtype, image.shape, (await image.data?.()) ?? image.dataSync());
}

function floats(image: Tensor): Float32Array | Float64Array {
  const data = image.data;
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  const white = WHITE[image.dtype] ?? 1;
  return Float32Array.from({ length: image.size }, (_, i) => Math.max(-1, image.at(i) / white));
}

// A sum of 0 · x is 0 only if every x is finite. The slow search for the culprit runs only when it is not.
function assertFinite(data: Float32Array | Float64Array, cols: number, what: string): void {
  let zero = 0;
  for (let i = 0; i < data.length; i++) zero += 0 * (data[i] as number);
  if (zero === 0) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  throw new RangeError(`the ${what} holds ${data[at]} at [${Math.floor(at / cols)}, ${at % cols}]: finite values only`);
}
