import { readFile } from 'node:fs/promises';
import { type Shape, Tensor } from '../../src/tensor/tensor.ts';
import { decode, type Samples } from './codec.ts';
import { PictureError } from './picture-error.ts';

/** Options of readPicture. */
export interface ReadPictureOptions {
  /** Shrinks the picture until its longer side has at most this many pixels. It never enlarges. */
  readonly resize?: number | undefined;
  /** Devices compute in float32, the default. float64 keeps the grey of colour pictures exact. */
  readonly dtype?: 'float32' | 'float64';
  /** The largest picture to decode, in pixels. Default 100 million. */
  readonly maxPixels?: number;
}

/** A decoded picture. */
export interface Picture {
  /** Grey from 0 (black) to 1 (white), `[rows, cols]`. */
  readonly image: Tensor;
  readonly shape: Shape;
}

// The weights of red, green and blue in scikit-image's rgb2gray. Without gamma; alpha does not count.
const WEIGHTS = [0.2125, 0.7154, 0.0721] as const;
const MAX_PIXELS = 100_000_000;

/** readPicture of the public API. @throws PictureError, RangeError */
export async function readPicture(source: string | Uint8Array, options: ReadPictureOptions = {}): Promise<Picture> {
  const { resize, dtype = 'float32', maxPixels = MAX_PIXELS } = options;
  assertPositive('resize', resize);
  assertPositive('maxPixels', maxPixels);
  const name = nameOf(source);
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  if (bytes.byteLength === 0) throw new PictureError(`${name} is empty`);
  const samples = await decode(bytes, { resize, maxPixels }).catch((error: unknown) => fail(name, maxPixels, error));
  const shape = [samples.rows, samples.cols];
  return { image: new Tensor(dtype, shape, grey(samples, dtype)), shape };
}

function assertPositive(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw new RangeError(`${name} is a whole number of pixels ≥ 1, not ${value}`);
}

function nameOf(source: string | Uint8Array): string {
  return typeof source === 'string' ? source : `picture of ${source.byteLength} bytes`;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new PictureError(`cannot read ${path}: ${message(error)}`, { cause: error });
  }
}

function fail(name: string, maxPixels: number, error: unknown): never {
  const reason = message(error);
  if (/pixel limit/i.test(reason)) {
    const limit = `${name} has more than ${maxPixels} pixels`;
    throw new PictureError(`${limit}: raise maxPixels to decode it all the same`, { cause: error });
  }
  const known = /unsupported image format/i.test(reason);
  throw new PictureError(known ? `${name} is no picture in a known format` : `cannot decode ${name}: ${reason}`, {
    cause: error,
  });
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The grey of each pixel: one channel is the grey itself, three are weighed. Alpha does not count. */
function grey({ data, channels, white }: Samples, dtype: 'float32' | 'float64'): Float32Array | Float64Array {
  const size = data.length / channels;
  const out = dtype === 'float32' ? new Float32Array(size) : new Float64Array(size);
  if (channels < 3) for (let i = 0; i < size; i++) out[i] = (data[i * channels] as number) / white;
  else weigh(data, channels, white, out);
  return out;
}

function weigh(data: Samples['data'], channels: number, white: number, out: Float32Array | Float64Array): void {
  const [red, green, blue] = [WEIGHTS[0] / white, WEIGHTS[1] / white, WEIGHTS[2] / white];
  for (let i = 0, at = 0; i < out.length; i++, at += channels) {
    out[i] = red * (data[at] as number) + green * (data[at + 1] as number) + blue * (data[at + 2] as number);
  }
}
