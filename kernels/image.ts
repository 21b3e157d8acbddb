import { ShapeError } from '../src/errors.ts';
import { isTFTensor, type TFTensorLike, tensor } from '../src/tensor/convert.ts';
import { type DType, isTypedArray } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';

/** A 2-D picture or response `[rows, cols]`: a Tensor, a tf.Tensor, or rows of numbers. */
export type Image = Tensor | TFTensorLike | readonly (readonly number[])[];

/** The value that stands for 1, as in scikit-image's img_as_float. Floats are taken as they are. */
export const WHITE: Readonly<Partial<Record<DType, number>>> = {
  uint8: 255,
  uint16: 65535,
  uint32: 4294967295,
  int8: 127,
  int16: 32767,
  int32: 2147483647,
};

/**
 * The picture as a Tensor. A tf.Tensor is read asynchronously and not disposed.
 * @throws TypeError naming the kind of any other value
 */
export async function onHost(image: Image, what = 'image'): Promise<Tensor> {
  if (image instanceof Tensor) return image;
  const value: unknown = image;
  if (isTFTensor(value)) return readBack(value);
  if (Array.isArray(value) || isTypedArray(value)) return tensor(value);
  throw new TypeError(`the ${what} is a Tensor, a tf.Tensor or nested arrays [rows, cols], not ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return value.constructor?.name ?? 'an object';
}

async function readBack(image: TFTensorLike): Promise<Tensor> {
  const { dtype } = image;
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new TypeError(`a tf.Tensor of ${dtype} holds no picture`);
  }
  return new Tensor(dtype, image.shape, (await image.data?.()) ?? image.dataSync());
}

/** A position `[row, col]`, from 0; the centre of the first pixel is [0, 0]. */
export type Corner = readonly [row: number, col: number];

/** A grey picture on the host, row-major. */
export interface FloatImage {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array | Float64Array;
}

/**
 * The picture as floats on the host. Integers are scaled to 0..1 (signed ones to −1..1) by their range. bool and
 * floats of 16 bits become float32. Floats are not copied. A tf.Tensor is read asynchronously and not disposed.
 * @param what names the picture in errors
 * @throws ShapeError unless it is 2-D
 * @throws TypeError for a tf.Tensor of another dtype than float32 and bool
 * @throws RangeError naming the first pixel that is NaN or infinite
 */
export async function floatImage(image: Image, what = 'image'): Promise<FloatImage> {
  if (!(image instanceof Tensor) && 'dtype' in Object(image) && (image as TFTensorLike).dtype === 'int32') {
    throw new TypeError('a tf.Tensor of int32 has no known range: cast to float32, scaled to 0..1');
  }
  const host = await onHost(image, what);
  const [rows, cols] = host.shape;
  if (host.rank !== 2 || rows === undefined || cols === undefined) {
    throw new ShapeError(`the ${what} is 2-D [rows, cols], not [${host.shape}]: make a colour picture grey first`);
  }
  const grey = { rows, cols, data: floats(host) };
  assertFinite(grey, what);
  return grey;
}

function floats(image: Tensor): Float32Array | Float64Array {
  const data = image.data;
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  const white = WHITE[image.dtype] ?? 1;
  return Float32Array.from({ length: image.size }, (_, i) => Math.max(-1, image.at(i) / white));
}

/** Checks every pixel. @throws RangeError naming the first one that is NaN or infinite */
export function assertFinite({ data, cols }: FloatImage, what: string): void {
  // A sum of 0 · x is 0 only if every x is finite. The slow search for the culprit runs only when it is not.
  let zero = 0;
  for (let i = 0; i < data.length; i++) zero += 0 * (data[i] as number);
  if (zero === 0) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  throw new RangeError(`the ${what} holds ${data[at]} at [${Math.floor(at / cols)}, ${at % cols}]: finite values only`);
}

// A response holds fourth powers of the picture, and float32 holds 1e-38 to 3e38.
const LARGEST = 1e9;
const SMALLEST = 1e-9;

/**
 * Checks that the response of a picture fits float32.
 * @throws RangeError that tells to scale the picture
 */
export function assertScale({ data }: FloatImage): void {
  let most = 0;
  for (let i = 0; i < data.length; i++) most = Math.max(most, Math.abs(data[i] as number));
  if (most === 0 || (most >= SMALLEST && most <= LARGEST)) return;
  const value = most.toPrecision(3);
  throw new RangeError(
    `the largest value of the image is ${value}: its response does not fit float32. Scale the image to 0..1`,
  );
}
