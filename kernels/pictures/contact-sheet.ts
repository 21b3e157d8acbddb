import { Tensor } from '../../src/tensor/tensor.ts';
import { canvasOf } from './canvas.ts';
import { compose, shrink, sizeOfPicture } from './codec.ts';
import type { Rgb } from './color.ts';
import { encodePicture } from './encode-picture.ts';
import { PictureError } from './picture-error.ts';
import { readPicture } from './read-picture.ts';
import { drawText, elided, LETTER_STEP, LINE_STEP, wrapped } from './text.ts';

/** A tile of a contact sheet. */
export interface SheetTile {
  /** The bytes of a picture file. A tile without a picture shows its error. */
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
const FRAME: Rgb = [170, 170, 170];
const INK: Rgb = [40, 40, 40];
const FAILED: Rgb = [176, 0, 32];
const FAILED_GROUND: Rgb = [253, 236, 234];

/** thumbnail of the public API. @throws PictureError, RangeError */
export async function thumbnail(picture: Uint8Array, side = 200): Promise<Uint8Array> {
  assertCount('side', side);
  return (await shrink(picture, side)) ?? rareThumbnail(picture, side);
}

/** The thumbnail of a file that the codec does not shrink. Floats have any range: their grey is stretched. */
async function rareThumbnail(bytes: Uint8Array, resize: number): Promise<Uint8Array> {
  const { image, float } = await readPicture(bytes, { channels: 'rgb', resize });
  if (!float) return encodePicture(canvasOf(image, 'color'));
  return encodePicture(canvasOf((await readPicture(bytes, { resize })).image, 'grey'));
}

/** A tile whose picture is small. */
interface Small extends SheetTile {
  readonly rows: number;
  readonly cols: number;
}

/** contactSheet of the public API. @throws PictureError, RangeError */
export async function contactSheet(
  tiles: Iterable<Uint8Array | SheetTile> | AsyncIterable<Uint8Array | SheetTile>,
  { columns, side = 200, captions = true, frames = true }: ContactSheetOptions = {},
): Promise<Uint8Array> {
  assertCount('side', side);
  if (columns !== undefined) assertCount('columns', columns);
  const small: Small[] = [];
  for await (const tile of tiles) small.push(await shrunk(tile instanceof Uint8Array ? { picture: tile } : tile, side));
  if (small.length === 0) throw new PictureError('a contact sheet of no pictures');
  const across = Math.min(columns ?? Math.ceil(Math.sqrt(small.length)), small.length);
  const lines = captions ? Math.max(...small.map(({ caption }) => linesOf(caption).length)) : 0;
  return new Sheet(small, across, side, lines).draw(frames);
}

async function shrunk(tile: SheetTile, side: number): Promise<Small> {
  if (tile.picture === undefined) return { ...tile, rows: side, cols: side };
  const picture = await thumbnail(tile.picture, side);
  return { ...tile, picture, ...(await sizeOfPicture(picture)) };
}

/** The places of the tiles, and what is drawn there. */
class Sheet {
  readonly #tiles: readonly Small[];
  readonly #across: number;
  readonly #side: number;
  /** Lines of text below each tile. */
  readonly #lines: number;

  constructor(tiles: readonly Small[], across: number, side: number, lines: number) {
    this.#tiles = tiles;
    this.#across = across;
    this.#side = side;
    this.#lines = lines;
  }

  /** The height of a cell with its text. */
  get #height(): number {
    return this.#side + (this.#lines === 0 ? 0 : 3 + this.#lines * LINE_STEP);
  }

  async draw(frames: boolean): Promise<Uint8Array> {
    const width = GAP + this.#across * (this.#side + GAP);
    const height = GAP + Math.ceil(this.#tiles.length / this.#across) * (this.#height + GAP);
    const placed = this.#tiles.flatMap(({ picture }, i) => (picture ? { bytes: picture, ...this.#corner(i) } : []));
    const canvas = new Tensor('uint8', [height, width, 3], await compose(width, height, placed));
    for (const [i, tile] of this.#tiles.entries()) {
      if (tile.picture === undefined) this.#drawError(canvas, i, tile.error ?? 'no picture');
      else if (frames) this.#drawFrame(canvas, i, FRAME);
      this.#drawCaption(canvas, i, tile.picture === undefined ? FAILED : INK);
    }
    return encodePicture(canvas);
  }

  /** The top left pixel of a cell. */
  #cell(i: number): readonly [top: number, left: number] {
    const row = Math.floor(i / this.#across);
    return [GAP + row * (this.#height + GAP), GAP + (i % this.#across) * (this.#side + GAP)];
  }

  /** The top left pixel of a picture, which is in the middle of its cell. */
  #corner(i: number): { readonly top: number; readonly left: number } {
    const [top, left] = this.#cell(i);
    const { rows, cols } = this.#tiles[i] as Small;
    return { top: top + Math.floor((this.#side - rows) / 2), left: left + Math.floor((this.#side - cols) / 2) };
  }

  #drawFrame(canvas: Tensor, i: number, color: Rgb): void {
    const { top, left } = this.#corner(i);
    const { rows, cols } = this.#tiles[i] as Small;
    fill(canvas, [top - 1, left - 1, 1, cols + 2], color);
    fill(canvas, [top + rows, left - 1, 1, cols + 2], color);
    fill(canvas, [top - 1, left - 1, rows + 2, 1], color);
    fill(canvas, [top - 1, left + cols, rows + 2, 1], color);
  }

  #drawError(canvas: Tensor, i: number, error: string): void {
    const [top, left] = this.#cell(i);
    fill(canvas, [top, left, this.#side, this.#side], FAILED_GROUND);
    this.#drawFrame(canvas, i, FAILED);
    const fitting = Math.max(1, Math.floor((this.#side - 8) / LINE_STEP));
    for (const [line, text] of wrapped(error, this.#letters(8)).slice(0, fitting).entries()) {
      drawText(canvas, text, [top + 4 + line * LINE_STEP, left + 4], FAILED);
    }
  }

  #drawCaption(canvas: Tensor, i: number, color: Rgb): void {
    if (this.#lines === 0) return;
    const [top, left] = this.#cell(i);
    for (const [line, text] of linesOf(this.#tiles[i]?.caption).entries()) {
      drawText(canvas, elided(text, this.#letters(0)), [top + this.#side + 4 + line * LINE_STEP, left], color);
    }
  }

  /** The letters that fit into a line of a cell. */
  #letters(margins: number): number {
    return Math.max(1, Math.floor((this.#side - margins + 1) / LETTER_STEP));
  }
}

function linesOf(caption: string | undefined): string[] {
  return caption === undefined || caption === '' ? [] : caption.split('\n');
}

/** Fills a rectangle. */
function fill(
  canvas: Tensor,
  [top, left, height, width]: readonly [top: number, left: number, height: number, width: number],
  color: Rgb,
): void {
  const cols = canvas.shape[1] as number;
  for (let row = top; row < top + height; row++) {
    for (let col = left; col < left + width; col++) canvas.data.set(color, 3 * (row * cols + col));
  }
}

function assertCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} is a whole number ≥ 1, not ${value}`);
}
