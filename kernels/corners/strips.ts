/**
 * A part of a tall picture. The device loads the rows `from` to `to` and computes the rows `lo` to `hi`, both
 * half-open. The result is the same as in one piece, and the memory of the device does not bound the size of a
 * picture.
 */
export interface Strip {
  readonly lo: number;
  readonly hi: number;
  readonly from: number;
  readonly to: number;
}

/** About 4 megapixels: a map has 16 MB. */
const STRIP_PIXELS = 1 << 22;

/** Strips of at most `pixels` pixels, but of one row at least, each with `halo` rows more on both sides. */
export function strips(rows: number, cols: number, halo: number, pixels = STRIP_PIXELS): Strip[] {
  const height = Math.max(1, Math.floor(pixels / Math.max(1, cols)), Math.min(halo, rows));
  return Array.from({ length: Math.ceil(rows / height) }, (_, i) => {
    const lo = i * height;
    const hi = Math.min(rows, lo + height);
    return { lo, hi, from: Math.max(0, lo - halo), to: Math.min(rows, hi + halo) };
  });
}
