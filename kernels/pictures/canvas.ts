import { ShapeError } from '../../src/errors.ts';
import { numbersOf } from '../../src/tensor/cast.ts';
import type { TypedArray } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { WHITE } from '../image.ts';
import { resized } from './files/encode.ts';
import { fitted } from './files/samples.ts';

/**
 * A picture to draw on: uint8 `[rows, cols, 3]`, a copy.
 * @param on `grey`: a 2-D picture, stretched to black and white. `color`: the picture as it is.
 * @throws ShapeError for another shape
 */
export function canvasOf(image: Tensor, on: 'grey' | 'color' = 'grey'): Tensor {
  const [rows, cols, channels = 1] = image.shape;
  if (on === 'grey' && image.rank !== 2) {
    const remedy = `with on: 'color' a colour picture is drawn on`;
    throw new ShapeError(`corners are drawn on a grey picture [rows, cols], not [${image.shape}]: ${remedy}`);
  }
  const known = image.rank === 2 || (image.rank === 3 && channels >= 1 && channels <= 4);
  if (!known || rows === undefined || cols === undefined) {
    throw new ShapeError(`corners are drawn on [rows, cols] or [rows, cols, 1 to 4], not [${image.shape}]`);
  }
  const out = new Uint8ClampedArray(rows * cols * 3);
  const values = decoded(image);
  const [min, scale] = on === 'grey' ? stretch(image, values) : [0, 255 / (WHITE[image.dtype] ?? 1)];
  if (channels < 3) {
    for (let i = 0, at = 0; at < out.length; i += channels, at += 3) {
      const level = ((values[i] as number) - min) * scale;
      out[at] = level;
      out[at + 1] = level;
      out[at + 2] = level;
    }
  } else {
    for (let i = 0, at = 0; at < out.length; i += channels, at += 3) {
      for (let c = 0; c < 3; c++) out[at + c] = ((values[i + c] as number) - min) * scale;
    }
  }
  return new Tensor('uint8', [rows, cols, 3], new Uint8Array(out.buffer));
}

/** The canvas, shrunk until its longer side has at most `side` pixels; itself if it is small enough. */
export async function shrunkCanvas(canvas: Tensor, side: number): Promise<Tensor> {
  if (!Number.isSafeInteger(side) || side < 1) throw new RangeError(`maxSize is a whole number ≥ 1, not ${side}`);
  const [rows, cols] = canvas.shape as [number, number];
  if (rows <= side && cols <= side) return canvas;
  return resized(canvas, fitted({ rows, cols }, side));
}

/** Elements that are stored as bits are decoded once. */
function decoded(image: Tensor): TypedArray {
  return numbersOf(image.data, image.dtype);
}

/** The value that becomes black, and levels per unit. A constant picture keeps its grey if that lies in its range. */
function stretch(image: Tensor, values: TypedArray): [min: number, scale: number] {
  const [min, max] = extremes(values);
  if (max > min) return [min, 255 / (max - min)];
  const white = WHITE[image.dtype] ?? 1;
  return max >= 0 && max <= white ? [0, 255 / white] : [min, 0];
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
