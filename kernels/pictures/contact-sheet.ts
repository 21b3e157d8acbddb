// Many pictures on one sheet, small, to look over a whole batch.
import { compose, type Placed, shrink, sizeOfPicture } from './codec.ts';
import { PictureError } from './picture-error.ts';

export interface ContactSheetOptions {
  /** Pictures in a row. Default: about as many as there are rows. */
  readonly columns?: number;
  /** Side of the square that each picture is fitted into, in pixels. Default 200. */
  readonly side?: number;
}

const GAP = 8;

/** The picture fitted into a square of `side` pixels, as PNG: keep these, not the pictures, until the sheet is made. */
export function thumbnail(picture: Uint8Array, side = 200): Promise<Uint8Array> {
  return shrink(picture, side);
}

/**
 * The pictures (bytes of picture files) in their order, row by row on white, as PNG. They may come as they are made;
 * only thumbnails are held.
 * @throws PictureError when there is none; RangeError unless columns and side are whole numbers ≥ 1
 */
export async function contactSheet(
  pictures: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { columns, side = 200 }: ContactSheetOptions = {},
): Promise<Uint8Array> {
  assertCount('side', side);
  if (columns !== undefined) assertCount('columns', columns);
  const small: Uint8Array[] = [];
  for await (const picture of pictures) small.push(await thumbnail(picture, side));
  if (small.length === 0) throw new PictureError('a contact sheet of no pictures');
  const across = Math.min(columns ?? Math.ceil(Math.sqrt(small.length)), small.length);
  const down = Math.ceil(small.length / across);
  const placed = await Promise.all(small.map((bytes, i) => place(bytes, i, across, side)));
  return compose(GAP + across * (side + GAP), GAP + down * (side + GAP), placed);
}

/** In the middle of its cell. */
async function place(bytes: Uint8Array, i: number, across: number, side: number): Promise<Placed> {
  const { rows, cols } = await sizeOfPicture(bytes);
  const corner = (cell: number, size: number) => GAP + cell * (side + GAP) + Math.floor((side - size) / 2);
  return { bytes, left: corner(i % across, cols), top: corner(Math.floor(i / across), rows) };
}

function assertCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} is a whole number ≥ 1, not ${value}`);
}
