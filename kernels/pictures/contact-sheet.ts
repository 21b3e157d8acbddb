import { compose, type Placed, shrink, sizeOfPicture } from './codec.ts';
import { PictureError } from './picture-error.ts';

/** A tile of a contact sheet. */
export interface SheetTile {
  /** The bytes of a picture file. Without it the tile shows its error. */
  readonly picture?: Uint8Array | undefined;
  /** Lines of text below the picture, for example its name and its number of corners. */
  readonly caption?: string | undefined;
  /** The reason why there is no picture, in red. */
  readonly error?: string | undefined;
}

/** Options of contactSheet. */
export interface ContactSheetOptions {
  /** Pictures in a row. Default: as many as make the sheet about square. */
  readonly columns?: number | undefined;
  /** The side of the square that each picture is fitted into, in pixels. Default 200. */
  readonly side?: number | undefined;
  /** Are the captions written? Default true. */
  readonly captions?: boolean | undefined;
  /** Does each picture have a thin grey frame, which shows where a white one ends? Default true. */
  readonly frames?: boolean | undefined;
}

const GAP = 8;

/** thumbnail of the public API. */
export function thumbnail(picture: Uint8Array, side = 200): Promise<Uint8Array> {
  return shrink(picture, side);
}

/** contactSheet of the public API. @throws PictureError, RangeError */
export async function contactSheet(
  tiles: Iterable<Uint8Array | SheetTile> | AsyncIterable<Uint8Array | SheetTile>,
  { columns, side = 200 }: ContactSheetOptions = {},
): Promise<Uint8Array> {
  assertCount('side', side);
  if (columns !== undefined) assertCount('columns', columns);
  const small: Uint8Array[] = [];
  for await (const tile of tiles) {
    const { picture } = tile instanceof Uint8Array ? { picture: tile } : tile;
    if (picture) small.push(await thumbnail(picture, side));
  }
  if (small.length === 0) throw new PictureError('a contact sheet of no pictures');
  const across = Math.min(columns ?? Math.ceil(Math.sqrt(small.length)), small.length);
  const down = Math.ceil(small.length / across);
  const placed = await Promise.all(small.map((bytes, i) => place(bytes, i, across, side)));
  return compose(GAP + across * (side + GAP), GAP + down * (side + GAP), placed);
}

/** The picture, in the middle of its cell. */
async function place(bytes: Uint8Array, i: number, across: number, side: number): Promise<Placed> {
  const { rows, cols } = await sizeOfPicture(bytes);
  const corner = (cell: number, size: number) => GAP + cell * (side + GAP) + Math.floor((side - size) / 2);
  return { bytes, left: corner(i % across, cols), top: corner(Math.floor(i / across), rows) };
}

function assertCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} is a whole number ≥ 1, not ${value}`);
}
