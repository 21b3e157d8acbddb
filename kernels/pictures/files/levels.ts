import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { Samples } from './samples.ts';

/** The type of stored samples: 8 or 16 bits without a sign, or float32. */
export type Depth = 8 | 16 | 'float';

/** The value that stands for white. tfjs has the levels 0 to 255 in int32. */
const WHITE: Readonly<Partial<Record<Tensor['dtype'], number>>> = {
  uint8: 255,
  uint16: 65535,
  int32: 255,
  bool: 1,
  float16: 1,
  float32: 1,
  float64: 1,
  bfloat16: 1,
};

/**
 * The samples of a picture as they are stored. Levels are rounded, and cut to their range.
 * @throws TypeError for a dtype without a known range, or float16
 */
export function levelsOf(picture: Tensor, rows: number, cols: number, channels: number, depth: Depth): Samples {
  const from = WHITE[picture.dtype];
  if (from === undefined)
    throw new TypeError(`a picture of ${picture.dtype} has no known range: cast to float32, 0..1`);
  const white = depth === 8 ? 255 : depth === 16 ? 65535 : 1;
  const size = { rows, cols, channels, white };
  const { data } = picture;
  if (data instanceof Uint8Array && depth === 8 && from === white) return { ...size, data };
  if (data instanceof Uint16Array && depth === 16 && picture.dtype === 'uint16') return { ...size, data };
  const out = depth === 8 ? new Uint8ClampedArray(data.length) : new Float32Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = (picture.at(i) * white) / from;
  if (depth === 8) return { ...size, data: new Uint8Array(out.buffer) };
  return { ...size, data: depth === 16 ? Uint16Array.from(out, level) : (out as Float32Array) };
}

function level(value: number): number {
  return Math.min(65535, Math.max(0, Math.round(value)));
}
