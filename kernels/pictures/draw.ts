import { tensor } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type Image, onHost } from '../image.ts';
import { canvasOf, shrunkCanvas } from './canvas.ts';
import { type Rgb, rgbOf } from './color.ts';
import { type EncodeOptions, encodePicture } from './encode-picture.ts';

/** A position `[row, col]` in pixels, with fractions; null is not drawn. */
export type Mark = readonly [row: number, col: number] | null;

/** Options of drawCorners. */
export interface DrawOptions {
  /** Length of the two bars of a mark, in pixels. Default 8, and more in pictures whose longer side is over 1000 pixels. */
  readonly markSize?: number | undefined;
  /** Colour of the marks: a name such as `red`, the default, or `#rrggbb`. */
  readonly color?: string | undefined;
  /** Refined positions, as findCorners gives them: a ring around each one, under the marks of the corners. */
  readonly refined?: readonly Mark[] | undefined;
  /** Colour of the rings. Default `cyan`. */
  readonly refinedColor?: string | undefined;
  /**
   * `grey`, the default: a picture `[rows, cols]`, its grey stretched from the minimum (black) to the maximum (white).
   * `color`: the picture as it is, also `[rows, cols, 3 or 4]`; floats are 0 to 1.
   */
  readonly on?: 'grey' | 'color' | undefined;
}

/** Options of plotCorners. */
export interface PlotOptions extends DrawOptions, EncodeOptions {
  /** Shrinks the drawing until its longer side has at most this many pixels. Marks are drawn after that. */
  readonly maxSize?: number | undefined;
}

const MARK_SIZE = 8;
/** Longer sides above this have larger marks, so that they show when the whole picture is looked at. */
const PLAIN_SIDE = 1000;
/** The width of a bar as a part of its length. */
const WIDTH = 1.5 / 8;
/** Half of the least width, in pixels. */
const THIN = 0.75;
/** Drawings keep sharp marks in JPEG and WebP. */
const QUALITY = 90;

/** drawCorners of the public API. @throws ShapeError, RangeError */
export function drawCorners(image: Image, corners: readonly Mark[], options: DrawOptions = {}): Tensor {
  const host = image instanceof Tensor ? image : tensor(image as Parameters<typeof tensor>[0]);
  return withMarks(canvasOf(host, options.on), corners, options);
}

/** plotCorners of the public API. @throws ShapeError, RangeError */
export async function plotCorners(
  image: Image,
  corners: readonly Mark[],
  options: PlotOptions = {},
): Promise<Uint8Array> {
  const { quality = QUALITY, format = 'png', maxSize } = options;
  const canvas = canvasOf(await onHost(image), options.on);
  const small = maxSize === undefined ? canvas : await shrunkCanvas(canvas, maxSize);
  const drawn = small === canvas ? withMarks(canvas, corners, options) : scaled(canvas, small, corners, options);
  return encodePicture(drawn, { quality, format });
}

/** The marks at their places in a smaller copy of the picture. */
function scaled(canvas: Tensor, small: Tensor, corners: readonly Mark[], options: DrawOptions): Tensor {
  const [down = 1, across = 1] = small.shape.map((n, axis) => n / (canvas.shape[axis] as number));
  const move = (mark: Mark): Mark => mark && [(mark[0] + 0.5) * down - 0.5, (mark[1] + 0.5) * across - 0.5];
  return withMarks(small, corners.map(move), { ...options, refined: options.refined?.map(move) });
}

/** Draws on the canvas itself. */
function withMarks(canvas: Tensor, corners: readonly Mark[], options: DrawOptions): Tensor {
  const { color = 'red', refined = [], refinedColor = 'cyan', markSize = defaultSize(canvas) } = options;
  if (!(markSize > 0 && markSize < 1e5)) throw new RangeError(`markSize is a number of pixels > 0, not ${markSize}`);
  const size = markSize / 2;
  drawAll(canvas, refined, size + widthOf(size), rgbOf(refinedColor), (y, x) => ring(y, x, size));
  drawAll(canvas, corners, size, rgbOf(color), (y, x) => plus(y, x, size));
  return canvas;
}

function defaultSize({ shape }: Tensor): number {
  return MARK_SIZE * Math.max(1, Math.max(shape[0] as number, shape[1] as number) / PLAIN_SIDE);
}

/** Draws a shape at every position. `cover` gives the part of a pixel that it covers, by the distance from its middle. */
function drawAll(
  canvas: Tensor,
  marks: readonly Mark[],
  reach: number,
  color: Rgb,
  cover: (down: number, across: number) => number,
): void {
  const [rows, cols] = canvas.shape as [number, number];
  for (const mark of marks) {
    if (mark === null) continue;
    const [row, col] = mark;
    for (let r = Math.max(0, Math.floor(row - reach)); r <= Math.min(rows - 1, row + reach + 1); r++) {
      for (let c = Math.max(0, Math.floor(col - reach)); c <= Math.min(cols - 1, col + reach + 1); c++) {
        tint(canvas.data as Uint8Array, 3 * (r * cols + c), cover(r - row, c - col), color);
      }
    }
  }
}

/** Half of the width of a line. Thin lines would be pale ones. */
function widthOf(length: number): number {
  return Math.max(THIN, length * WIDTH);
}

/** Two bars. */
function plus(down: number, across: number, length: number): number {
  const width = widthOf(length);
  const upright = overlap(down, length) * overlap(across, width);
  return Math.max(upright, overlap(down, width) * overlap(across, length));
}

/** A circle of the bars' width. */
function ring(down: number, across: number, radius: number): number {
  const distance = Math.abs(Math.hypot(down, across) - radius);
  return Math.min(1, Math.max(0, widthOf(radius) + 0.5 - distance));
}

/** The part of the pixel [d − ½, d + ½] that lies within [−half, half], which makes smooth edges. */
function overlap(d: number, half: number): number {
  return Math.max(0, Math.min(d + 0.5, half) - Math.max(d - 0.5, -half));
}

function tint(data: Uint8Array, at: number, cover: number, color: Rgb): void {
  for (let c = 0; c < 3; c++) {
    const under = data[at + c] as number;
    data[at + c] = Math.round(under + cover * ((color[c] as number) - under));
  }
}
