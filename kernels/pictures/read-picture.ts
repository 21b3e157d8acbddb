import type { Shape } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type Decoded, decode } from './files/decode.ts';
import { unreadable } from './files/file-kind.ts';
import type { Samples } from './files/samples.ts';
import { bytesOf, nameOf, type PictureSource } from './files/source.ts';
import { PictureError } from './picture-error.ts';

/** Options of readPicture. */
export interface ReadPictureOptions {
  /** `grey`, the default: `[rows, cols]`. `rgb` and `rgba`: `[rows, cols, 3]` and `[rows, cols, 4]`. */
  readonly channels?: 'grey' | 'rgb' | 'rgba' | undefined;
  /**
   * Devices compute in float32, the default. float64 keeps the grey of colour pictures exact. uint8 gives 0 to 255, as
   * encodePicture takes it.
   */
  readonly dtype?: 'float32' | 'float64' | 'uint8' | undefined;
  /** The page of a TIFF, or the frame of an animation, from 0. Default 0. */
  readonly page?: number | undefined;
  /** Shrinks the picture until its longer side has at most this many pixels. It never enlarges. */
  readonly resize?: number | undefined;
  /** The largest picture to decode, in pixels. Default 100 million, and 500 million with `resize`. */
  readonly maxPixels?: number | undefined;
  /** Takes a damaged file as far as it can be decoded, for example a JPEG that was cut short. Default false. */
  readonly lenient?: boolean | undefined;
}

/** A picture as it is stored in its file. */
export interface OriginalPicture {
  /** Rows and columns before turning and resizing. */
  readonly shape: Shape;
  /** EXIF orientation, 1 to 8; 1 is upright. */
  readonly orientation: number;
}

/** A decoded picture. */
export interface Picture {
  /**
   * Integer samples from 0 (black) to 1 (white), signed ones from −1 to 1, floats as they are in the file. Grey is
   * `[rows, cols]`; colour has a third axis.
   */
  readonly image: Tensor;
  /** Rows and columns. */
  readonly shape: Shape;
  /**
   * Pixels of the upright picture in full size per pixel of this one, down and across: [1, 1] without `resize`. The
   * centre of pixel r lies at `(r + 0.5)·scale − 0.5` there.
   */
  readonly scale: readonly [rows: number, cols: number];
  /** The picture as stored. */
  readonly original: OriginalPicture;
  /** Pages of the file, or frames of the animation. */
  readonly pages: number;
  /** True if the samples are floats, which may have any range. */
  readonly float: boolean;
  /** The damage that the decoder passed over; only with `lenient`. */
  readonly damage?: string | undefined;
}

// The weights of red, green and blue in scikit-image's rgb2gray. Without gamma; alpha does not count.
const WEIGHTS = [0.2125, 0.7154, 0.0721] as const;
const MAX_PIXELS = 100_000_000;
// The decoder shrinks while it reads, and does not keep the whole picture.
const MAX_PIXELS_RESIZED = 500_000_000;

/** readPicture of the public API. @throws PictureError, RangeError, TypeError */
export async function readPicture(source: PictureSource, options: ReadPictureOptions = {}): Promise<Picture> {
  return pictureOf(await decodeSource(source, options), options);
}

/** A picture that has been decoded, and the damage that was passed over. */
export interface DecodedSource extends Decoded {
  readonly damage?: string | undefined;
}

/** The samples of a picture. @throws PictureError, RangeError, TypeError */
export async function decodeSource(source: PictureSource, options: ReadPictureOptions): Promise<DecodedSource> {
  const { resize, page = 0, lenient = false, channels = 'grey' } = options;
  const maxPixels = options.maxPixels ?? (resize === undefined ? MAX_PIXELS : MAX_PIXELS_RESIZED);
  assertPositive('resize', resize);
  assertPositive('maxPixels', maxPixels);
  if (!Number.isSafeInteger(page) || page < 0) throw new RangeError(`page is a whole number ≥ 0, not ${page}`);
  const bytes = await bytesOf(source);
  if (bytes.byteLength === 0) throw new PictureError(`${nameOf(source)} is empty`);
  const wanted = { resize, page, maxPixels, alpha: channels === 'rgba' };
  const fail = (error: unknown): never => refuse(nameOf(source), bytes, wanted, error);
  if (!lenient) return decode(bytes, { ...wanted, lenient }).catch(fail);
  return decode(bytes, { ...wanted, lenient: false }).catch(async (damage: unknown) => {
    const decoded = await decode(bytes, { ...wanted, lenient }).catch(() => fail(damage));
    return { ...decoded, damage: message(damage) };
  });
}

function assertPositive(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw new RangeError(`${name} is a whole number of pixels ≥ 1, not ${value}`);
}

function refuse(name: string, bytes: Uint8Array, wanted: { maxPixels: number; page: number }, error: unknown): never {
  const reason = message(error);
  if (/pixel limit/i.test(reason)) {
    const limit = `${name} has more than ${wanted.maxPixels} pixels`;
    throw new PictureError(`${limit}: raise maxPixels to decode it all the same`, { cause: error });
  }
  if (/bad page number|does not contain page/i.test(reason)) {
    throw new PictureError(`${name} has no page ${wanted.page} (pages count from 0)`, { cause: error });
  }
  const kind = unreadable(bytes);
  if (kind !== undefined) throw new PictureError(`${name} is ${kind}`, { cause: error });
  const known = /unsupported image format/i.test(reason);
  throw new PictureError(known ? `${name} is no picture in a known format` : `cannot decode ${name}: ${reason}`, {
    cause: error,
  });
}

/** The reason of an error in one line: libvips repeats itself. */
function message(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return [...new Set(text.split('\n'))].join('; ');
}

/** The picture with the channels and the dtype that the options name. */
export function pictureOf(decoded: DecodedSource, options: ReadPictureOptions): Picture {
  const { channels = 'grey', dtype = 'float32' } = options;
  const { colour, stored, pages, damage } = decoded;
  const shape = [colour.rows, colour.cols];
  const full = channels === 'grey' ? shape : [...shape, channels === 'rgb' ? 3 : 4];
  const out = new Tensor(dtype, full);
  const values = out.data as Values;
  // uint8 is 0 to 255, and rounded.
  const unit = dtype === 'uint8' ? 255 : 1;
  const write = dtype === 'uint8' ? new Uint8ClampedArray(values.buffer, values.byteOffset, values.length) : values;
  if (channels === 'grey') fillGrey(colour, unit, write);
  else fillColour(decoded, channels === 'rgb' ? 3 : 4, unit, write);
  const upright = stored.orientation < 5 ? [stored.rows, stored.cols] : [stored.cols, stored.rows];
  return {
    image: out,
    shape,
    scale: [(upright[0] as number) / colour.rows, (upright[1] as number) / colour.cols],
    original: { shape: [stored.rows, stored.cols], orientation: stored.orientation },
    pages,
    float: colour.white === 1,
    damage,
  };
}

type Values = Float32Array | Float64Array | Uint8Array | Uint8ClampedArray;

/** The grey of each pixel: one channel is the grey itself, three are weighed. Alpha does not count. */
function fillGrey({ data, channels, white }: Samples, unit: number, out: Values): void {
  if (channels < 3) {
    if (white === unit) out.set(data as Uint8Array);
    else for (let i = 0; i < out.length; i++) out[i] = ((data[i * channels] as number) / white) * unit;
    return;
  }
  const [red, green, blue] = WEIGHTS.map((weight) => (weight / white) * unit) as [number, number, number];
  for (let i = 0, at = 0; i < out.length; i++, at += channels) {
    out[i] = red * (data[at] as number) + green * (data[at + 1] as number) + blue * (data[at + 2] as number);
  }
}

/** Red, green and blue of each pixel, and its alpha, which is 1 in a picture without. */
function fillColour({ colour, alpha }: Decoded, channels: 3 | 4, unit: number, out: Values): void {
  const { data, white } = colour;
  const step = colour.channels < 3 ? 0 : 1;
  const size = colour.rows * colour.cols;
  for (let i = 0, at = 0; i < size; i++, at += channels) {
    for (let c = 0; c < 3; c++) out[at + c] = ((data[i * colour.channels + c * step] as number) / white) * unit;
    if (channels === 4) out[at + 3] = alpha === undefined ? unit : ((alpha.data[i] as number) / alpha.white) * unit;
  }
}
