import { encodeResult, type HostPicture, readResult } from './encode-result.ts';
import type { OperationResult } from './operation.ts';
import type { OutputStyle } from './output-style.ts';
import type { JobPicture } from './read-job-picture.ts';
import { smallCopy } from './small-copy.ts';

/** Gives the bytes of a picture file. */
export type Draw = () => Promise<Uint8Array>;

/** When the picture of a result is read: `now`, because the device may hold it, or `later`, because it never does. */
export type DrawTime = 'now' | 'later';

/** The drawings of a result. None of them needs the device any more. */
export interface Drawings {
  /** The picture of the result; undefined where none is wanted. */
  readonly draw: Draw | undefined;
  /** Its small copy, or that of the picture itself where the operation gives none. */
  readonly drawSmall: Draw | undefined;
}

/** The part of a job that says how its result is drawn. */
interface DrawWishes {
  readonly style: OutputStyle;
  readonly outputs?: unknown;
  readonly thumbnail?: number | undefined;
}

type Given = OperationResult['picture'];

/** A mark on a small copy, as a part of its side: it stays visible on the smallest one. */
const MARK_PART = 1 / 24;

/** The drawings that are wanted of the picture of a result. */
export async function drawingsOf(
  picture: JobPicture,
  given: Given,
  time: DrawTime,
  { style, outputs, thumbnail: side }: DrawWishes,
): Promise<Drawings> {
  const isWanted = outputs !== undefined && given !== undefined;
  const draw = isWanted ? await drawn(given, style, time, (host) => encodeResult(host, style)) : undefined;
  return { draw, drawSmall: side === undefined ? undefined : await small(picture, given, time, { style, side }) };
}

async function small(
  picture: JobPicture,
  given: Given,
  time: DrawTime,
  { style, side }: { readonly style: OutputStyle; readonly side: number },
): Promise<Draw> {
  const marks = { ...style.marks, markSize: side * MARK_PART };
  const wanted: OutputStyle = { format: 'jpeg', quality: 85, maxSize: side, marks };
  if (given === undefined) return () => encodeResult(picture.as({ channels: 'rgb', dtype: 'uint8' }).image, wanted);
  // An operation of the user may not heed how large its picture is to be.
  const isFree = time === 'now';
  return drawn(given, wanted, time, (host) =>
    isFree && host instanceof Uint8Array ? smallCopy(host, side) : encodeResult(host, wanted),
  );
}

async function drawn(
  given: NonNullable<Given>,
  style: OutputStyle,
  time: DrawTime,
  encode: (host: HostPicture) => Promise<Uint8Array>,
): Promise<Draw> {
  const read = async () => readResult(typeof given === 'function' ? await given(style) : given);
  if (time === 'later') return async () => encode(await read());
  try {
    const host = await read();
    return () => encode(host);
  } catch (error) {
    return () => Promise.reject(error);
  }
}
