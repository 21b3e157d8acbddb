// The only file that loads sharp. Pictures put together; files/ has the ways from bytes to samples and back.
import type sharp from 'sharp';
import { currentDevice } from '../device.ts';

/** The codec: sharp, which is libvips. */
export type Sharp = typeof sharp;
let loading: Promise<Sharp> | undefined;

/** Loads the codec at the first call. It uses as many threads as the engine of this process may. */
export function openCodec(): Promise<Sharp> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Sharp> {
  const { default: library } = await import('sharp');
  // The cache of decoded files would only take memory: a batch opens every picture once.
  library.cache(false);
  // The engines of a host share its cores.
  const threads = currentDevice()?.threads;
  if (threads !== undefined) library.concurrency(threads);
  return library;
}

/**
 * The picture, upright, shrunk into a square of `side` pixels, as the bytes of a PNG file. Undefined for a file that the
 * codec does not read, or whose samples have another range than 8 and 16 bits without a sign.
 */
export async function shrink(bytes: Uint8Array, side: number): Promise<Uint8Array | undefined> {
  const open = await openCodec();
  const picture = open(bytes, { limitInputPixels: false });
  const about = await picture.metadata().catch(() => undefined);
  if (about?.depth !== 'uchar' && about?.depth !== 'ushort') return undefined;
  picture.autoOrient().resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
  return picture.png().toBuffer();
}

/** A picture file at its place on a sheet, in pixels. */
export interface Placed {
  readonly bytes: Uint8Array;
  readonly left: number;
  readonly top: number;
}

/** The samples of a white sheet with the pictures at their places: red, green and blue, row by row. */
export async function compose(width: number, height: number, pictures: readonly Placed[]): Promise<Uint8Array> {
  const open = await openCodec();
  const sheet = open({ create: { width, height, channels: 3, background: 'white' }, limitInputPixels: false });
  const layers = pictures.map(({ bytes, left, top }) => ({ input: Buffer.from(bytes), left, top }));
  // Composition adds an alpha channel that is opaque everywhere.
  return sheet.composite(layers).removeAlpha().raw().toBuffer();
}

/** The size of a picture file in pixels. */
export async function sizeOfPicture(bytes: Uint8Array): Promise<{ readonly rows: number; readonly cols: number }> {
  const { width, height } = await (await openCodec())(bytes, { limitInputPixels: false }).metadata();
  return { rows: height, cols: width };
}
