import { extname } from 'node:path';
import { ShapeError } from '../../src/errors.ts';
import { isFloat } from '../../src/tensor/dtype.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { type Image, onHost } from '../image.ts';
import { encode, type Format } from './files/encode.ts';
import { type Depth, levelsOf } from './files/levels.ts';
import { pathOf } from './files/source.ts';
import { writeWhole } from './files/write-whole.ts';

/** Options of encodePicture. */
export interface EncodeOptions {
  /** Default `png`. */
  readonly format?: Format | undefined;
  /** 1 to 100, of JPEG and WebP. Default 80. */
  readonly quality?: number | undefined;
}

/** Options of encodePicture and writePicture with the type of the stored samples. */
export interface WriteOptions extends EncodeOptions {
  /**
   * The samples to store: 8 bits, 16 bits (PNG, TIFF) or `float` (TIFF). Floats are 0 to 1, and become whole levels for 8
   * and 16. Default of writePicture: `float` for floats in TIFF, 16 for uint16 where the format has it, else 8.
   */
  readonly depth?: Depth | undefined;
}

/** A picture to write: `[rows, cols]` or `[rows, cols, 1 to 4]`. */
export type PictureData = Image | Tensor;

const FORMATS: Readonly<Record<string, Format>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.tif': 'tiff',
  '.tiff': 'tiff',
};
const FORMAT_NAMES: readonly Format[] = ['png', 'jpeg', 'webp', 'tiff'];

/** encodePicture of the public API. @throws TypeError, ShapeError, RangeError */
export async function encodePicture(picture: PictureData, options: Format | WriteOptions = 'png'): Promise<Uint8Array> {
  const given = typeof options === 'string' ? { format: options } : options;
  const host = await onHost(picture, 'picture');
  if (given.depth === undefined && isFloat(host.dtype)) {
    const remedy = `depth 8, 16 or 'float' says how to store it`;
    throw new TypeError(`a picture to encode is uint8, not ${host.dtype}: ${remedy}`);
  }
  return encoded(host, given);
}

/** writePicture of the public API. @throws PictureError, TypeError, ShapeError, RangeError */
export async function writePicture(
  path: string | URL,
  picture: PictureData,
  options: WriteOptions = {},
): Promise<void> {
  const file = pathOf(path);
  const format = options.format ?? formatOf(file);
  const host = await onHost(picture, 'picture');
  const asFloat = format === 'tiff' && isFloat(host.dtype);
  const depth = options.depth ?? (asFloat ? 'float' : undefined);
  await writeWhole(file, await encoded(host, { ...options, format, depth }));
}

function formatOf(path: string): Format {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format !== undefined) return format;
  const known = Object.keys(FORMATS).join(' ');
  throw new RangeError(`the name ${path} says no format: end it in ${known}, or set the option format`);
}

async function encoded(picture: Tensor, { format = 'png', quality, depth }: WriteOptions): Promise<Uint8Array> {
  const [rows = 0, cols = 0, channels = 1] = picture.shape;
  const drawable = (picture.rank === 2 || picture.rank === 3) && channels >= 1 && channels <= 4 && picture.size > 0;
  if (!drawable) throw new ShapeError(`a picture is [rows, cols] or [rows, cols, 1 to 4], not [${picture.shape}]`);
  demand(FORMAT_NAMES.includes(format), `format is one of ${FORMAT_NAMES.join(', ')}, not ${format}`);
  const asked = quality === undefined || (Number.isInteger(quality) && quality >= 1 && quality <= 100);
  demand(asked, `quality is a whole number from 1 to 100, not ${quality}`);
  return encode(levelsOf(picture, rows, cols, channels, depthOf(picture, format, depth)), format, quality);
}

function depthOf({ dtype }: Tensor, format: Format, depth?: Depth): Depth {
  demand([undefined, 8, 16, 'float'].includes(depth), `depth is 8, 16 or 'float', not ${depth}`);
  const fits = depth === 16 ? format === 'png' || format === 'tiff' : depth !== 'float' || format === 'tiff';
  demand(fits, `${format} does not store depth ${depth}: TIFF stores 8, 16 and float, PNG 8 and 16, JPEG and WebP 8`);
  if (depth !== undefined) return depth;
  return dtype === 'uint16' && (format === 'png' || format === 'tiff') ? 16 : 8;
}

function demand(holds: boolean, wanted: string): void {
  if (!holds) throw new RangeError(wanted);
}
