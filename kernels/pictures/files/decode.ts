import type { Metadata, Sharp as Pipeline } from 'sharp';
import { openCodec } from '../codec.ts';
import { decodeBmp } from './bmp.ts';
import { decodePnm } from './pnm.ts';
import { type Samples, shrunkByArea } from './samples.ts';
import { asUnsigned } from './signed-tiff.ts';

/** Options of decode. */
export interface DecodeOptions {
  /** Shrinks the picture until its longer side has at most this many pixels. */
  readonly resize?: number | undefined;
  /** Refuses a picture with more pixels than this, before any of them is decoded. */
  readonly maxPixels: number;
  /** The page of a TIFF or the frame of an animation, from 0. */
  readonly page: number;
  /** Also gives the alpha channel. */
  readonly alpha: boolean;
  /** Gives what can be decoded of a damaged file. */
  readonly lenient: boolean;
}

/** A decoded picture: upright, grey or RGB, and its alpha channel if asked for. */
export interface Decoded {
  readonly colour: Samples;
  /** One channel; undefined for a picture without one. */
  readonly alpha?: Samples | undefined;
  /** The picture as stored: size before turning, and EXIF orientation (1: upright). */
  readonly stored: { readonly rows: number; readonly cols: number; readonly orientation: number };
  /** Pages or frames of the file. */
  readonly pages: number;
}

type Depth = NonNullable<Metadata['depth']>;
type Open = () => Pipeline;

/** The value that stands for white in samples that are neither 8 nor 16 bits unsigned. */
const WHITE: Readonly<Partial<Record<Depth, number>>> = {
  char: 127,
  short: 32767,
  int: 2147483647,
  uint: 4294967295,
  float: 1,
  double: 1,
};

/** One page of a picture file. @throws Error from the codec, without the name of the file */
export async function decode(bytes: Uint8Array, options: DecodeOptions): Promise<Decoded> {
  const simple = decodePnm(bytes, options.maxPixels) ?? decodeBmp(bytes, options.maxPixels);
  return simple === undefined ? decodeCoded(bytes, options) : decodeSimple(simple, options);
}

/** A picture of a format that the codec lacks. */
function decodeSimple(full: Samples, { resize, page }: DecodeOptions): Decoded {
  if (page > 0) throw new Error('bad page number');
  const colour = resize === undefined ? full : shrunkByArea(full, resize);
  return { colour, stored: { rows: full.rows, cols: full.cols, orientation: 1 }, pages: 1 };
}

async function decodeCoded(bytes: Uint8Array, options: DecodeOptions): Promise<Decoded> {
  const codec = await openCodec();
  const { maxPixels, page, lenient } = options;
  const common = { failOn: lenient ? 'none' : 'error', limitInputPixels: maxPixels, pages: 1, page } as const;
  const about = await codec(bytes, common).metadata();
  // Colour profiles do not count, as in scikit-image: the same file gives the same grey. But CMYK needs its profile.
  const open = (file = bytes) => codec(file, { ...common, ignoreIcc: about.space !== 'cmyk' }).autoOrient();
  const stored = { rows: about.height, cols: about.width, orientation: about.orientation ?? 1 };
  const pages = about.pages ?? 1;
  if (about.depth !== 'uchar' && about.depth !== 'ushort') {
    return { ...(await decodeRare(open, bytes, about, options)), stored, pages };
  }
  const colour = await decodeColour(open, about, options.resize);
  const alpha = options.alpha && about.hasAlpha ? await decodeAlpha(open, about.depth, options.resize) : undefined;
  return { colour, alpha, stored, pages };
}

/** The colours of 8 or 16 bits. Alpha does not weigh them, so that resizing gives the same colours as none. */
async function decodeColour(open: Open, { space, depth, hasAlpha }: Metadata, resize?: number): Promise<Samples> {
  const wide = depth === 'ushort';
  const grey = space === 'b-w' || space === 'grey16';
  const target = wide ? (grey ? 'grey16' : 'rgb16') : grey ? 'b-w' : 'srgb';
  const picture = open().toColourspace(target).removeAlpha();
  if (resize === undefined || !hasAlpha) return raw(shrunk(picture, resize), wide);
  const plain = await raw(picture, wide);
  const codec = await openCodec();
  const layout = { width: plain.cols, height: plain.rows, channels: plain.channels as 1 | 3 };
  const data = plain.data as Uint8Array | Uint16Array;
  return raw(shrunk(codec(data, { raw: layout, limitInputPixels: false }), resize).toColourspace(target), wide);
}

async function decodeAlpha(open: Open, depth: Depth, resize?: number): Promise<Samples> {
  const wide = depth === 'ushort';
  return raw(shrunk(open().toColourspace(wide ? 'rgb16' : 'srgb'), resize).extractChannel('alpha'), wide);
}

function shrunk(picture: Pipeline, side?: number): Pipeline {
  if (side === undefined) return picture;
  return picture.resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
}

async function raw(picture: Pipeline, wide: boolean): Promise<Samples> {
  const { data, info } = await picture.raw({ depth: wide ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true });
  const samples = wide ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
  return { rows: info.height, cols: info.width, channels: info.channels, data: samples, white: wide ? 65535 : 255 };
}

/** Samples of floats, of 32 bits, or with a sign: the codec gives them as they are, and cannot resize them. */
async function decodeRare(
  open: (file?: Uint8Array) => Pipeline,
  bytes: Uint8Array,
  { space, depth }: Metadata,
  { resize, alpha }: DecodeOptions,
): Promise<Pick<Decoded, 'colour' | 'alpha'>> {
  const white = WHITE[depth as Depth];
  if (white === undefined || space === undefined) throw new Error(`its samples are ${depth}: no real numbers`);
  const unsigned = depth === 'short' && space === 'grey16' ? asUnsigned(bytes) : undefined;
  const picture = open(unsigned).toColourspace(space);
  const { data, info } = await picture.raw({ depth: 'double' }).toBuffer({ resolveWithObject: true });
  const values = new Float64Array(data.buffer, data.byteOffset, data.byteLength / 8);
  if (unsigned !== undefined) for (let i = 0; i < values.length; i++) if (values[i]! > 32767) values[i]! -= 65536;
  const all = { rows: info.height, cols: info.width, channels: info.channels, data: values, white };
  const size = (samples: Samples) => (resize === undefined ? samples : shrunkByArea(samples, resize));
  const colour = size(channelsOf(all, 0, all.channels < 3 ? 1 : 3));
  const last = all.channels === 2 || all.channels === 4 ? channelsOf(all, all.channels - 1, 1) : undefined;
  return { colour, alpha: alpha && last !== undefined ? size(last) : undefined };
}

/** Some of the channels, as a copy unless they are all. */
function channelsOf(samples: Samples, from: number, count: number): Samples {
  const { data, channels } = samples;
  if (count === channels) return samples;
  const out = new Float64Array((data.length / channels) * count);
  for (let i = 0; i < out.length; i++) out[i] = data[Math.floor(i / count) * channels + from + (i % count)] as number;
  return { ...samples, channels: count, data: out };
}
