import { ShapeError } from '../../src/errors.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { type Image, onHost } from '../image.ts';
import { shrunkCanvas } from './canvas.ts';
import type { Rgb } from './color.ts';
import { type EncodeOptions, encodePicture } from './encode-picture.ts';

/** Options of plotResponse. */
export interface PlotResponseOptions extends EncodeOptions {
  /** Shrinks the map until its longer side has at most this many pixels. */
  readonly maxSize?: number | undefined;
}

const CORNER: Rgb = [202, 0, 32];
const EDGE: Rgb = [5, 113, 176];
/** Responses are fourth powers of differences of grey: the fourth root shows the differences. */
const POWER = 0.25;

/** plotResponse of the public API. @throws ShapeError, RangeError */
export async function plotResponse(response: Image, options: PlotResponseOptions = {}): Promise<Uint8Array> {
  const host = await onHost(response, 'response');
  const [rows, cols] = host.shape;
  if (host.rank !== 2 || rows === undefined || cols === undefined) {
    throw new ShapeError(`the response is 2-D [rows, cols], not [${host.shape}]`);
  }
  const canvas = new Tensor('uint8', [rows, cols, 3], colours(host));
  const { maxSize, ...encoding } = options;
  return encodePicture(maxSize === undefined ? canvas : await shrunkCanvas(canvas, maxSize), encoding);
}

/** White for 0, red for the greatest response, blue for the least; each side by its own scale. */
function colours(response: Tensor): Uint8Array {
  let [min, max] = [0, 0];
  for (let i = 0; i < response.size; i++) {
    min = Math.min(min, response.at(i));
    max = Math.max(max, response.at(i));
  }
  const out = new Uint8Array(3 * response.size);
  for (let i = 0; i < response.size; i++) {
    const value = response.at(i);
    const [strength, color] = value > 0 ? [value / max, CORNER] : [value === 0 ? 0 : value / min, EDGE];
    const cover = strength ** POWER;
    for (let c = 0; c < 3; c++) out[3 * i + c] = Math.round(255 + cover * ((color[c] as number) - 255));
  }
  return out;
}
