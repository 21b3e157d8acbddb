import { ShapeError } from '../../src/errors.ts';
import type { TypedArray } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { encode, type Format } from './codec.ts';

/** A position `[row, col]` in pixels, with fractions; null is not drawn. */
export type Mark = readonly [row: number, col: number] | null;

const HALF_LENGTH = 4;
const HALF_WIDTH = 0.75;

/** drawCorners of the public API. @throws ShapeError */
export function drawCorners(image: Tensor, corners: readonly Mark[]): Tensor {
  const [rows, cols] = image.shape;
  if (image.rank !== 2 || rows === undefined || cols === undefined) {
    throw new ShapeError(`corners are drawn on a grey picture [rows, cols], not [${image.shape}]`);
  }
  const canvas = new Tensor('uint8', [rows, cols, 3], stretched(image));
  for (const mark of corners) if (mark !== null) drawPlus(canvas, mark);
  return canvas;
}

/** plotCorners of the public API. @throws ShapeError */
export async function plotCorners(image: Tensor, corners: readonly Mark[]): Promise<Uint8Array> {
  return encodePicture(drawCorners(image, corners));
}

/** encodePicture of the public API. @throws TypeError, ShapeError */
export async function encodePicture(picture: Tensor, format: Format = 'png'): Promise<Uint8Array> {
  if (picture.dtype !== 'uint8') throw new TypeError(`a picture to encode is uint8, not ${picture.dtype}`);
  const [rows = 0, cols = 0, channels = 1] = picture.shape;
  const drawable = (picture.rank === 2 || picture.rank === 3) && channels >= 1 && channels <= 4 && picture.size > 0;
  if (!drawable) throw new ShapeError(`a picture is [rows, cols] or [rows, cols, 1 to 4], not [${picture.shape}]`);
  return encode({ rows, cols, channels, data: picture.data as Uint8Array, white: 255 }, format);
}

function stretched(image: Tensor): Uint8Array {
  // float16 is stored as bits, which are decoded once.
  const decoded = () => Float32Array.from({ length: image.size }, (_, i) => image.at(i));
  const values = image.dtype === 'float16' ? decoded() : image.data;
  const [min, max] = extremes(values);
  const scale = max > min ? 255 / (max - min) : 0;
  const out = new Uint8Array(values.length * 3);
  for (let i = 0, at = 0; i < values.length; i++, at += 3) {
    const level = ((values[i] as number) - min) * scale + 0.5;
    out[at] = level;
    out[at + 1] = level;
    out[at + 2] = level;
  }
  return out;
}

function extremes(values: TypedArray): [min: number, max: number] {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return [min, max];
}

function drawPlus(canvas: Tensor, [row, col]: readonly [number, number]): void {
  const [rows, cols] = canvas.shape as [number, number];
  for (let r = Math.max(0, Math.floor(row - HALF_LENGTH)); r <= Math.min(rows - 1, row + HALF_LENGTH + 1); r++) {
    for (let c = Math.max(0, Math.floor(col - HALF_LENGTH)); c <= Math.min(cols - 1, col + HALF_LENGTH + 1); c++) {
      const upright = overlap(r - row, HALF_LENGTH) * overlap(c - col, HALF_WIDTH);
      const level = overlap(r - row, HALF_WIDTH) * overlap(c - col, HALF_LENGTH);
      tint(canvas.data as Uint8Array, 3 * (r * cols + c), Math.max(upright, level));
    }
  }
}

/** The part of the pixel [d − ½, d + ½] that lies within [−half, half], which makes smooth edges. */
function overlap(d: number, half: number): number {
  return Math.max(0, Math.min(d + 0.5, half) - Math.max(d - 0.5, -half));
}

function tint(data: Uint8Array, at: number, cover: number): void {
  const blend = (under: number, over: number) => Math.round(under + cover * (over - under));
  data[at] = blend(data[at] as number, 255);
  data[at + 1] = blend(data[at + 1] as number, 0);
  data[at + 2] = blend(data[at + 2] as number, 0);
}
