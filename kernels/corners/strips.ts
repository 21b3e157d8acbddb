// A tall picture goes to the device in strips of rows, each with the rows around it that its filters reach: the result
// is the same as in one piece, and neither device nor wasm memory bounds the size of a picture.

/** Rows `lo` to `hi` are computed, rows `from` to `to` are loaded (both half-open). */
export interface Strip {
  readonly lo: number;
  readonly hi: number;
  readonly from: number;
  readonly to: number;
}

/** About 4 megapixels: 16 MB a map. */
const STRIP_PIXELS = 1 << 22;

/** Strips of at most `pixels` pixels (one row at least), each loaded with `halo` rows on both sides. */
export function strips(rows: number, cols: number, halo: number, pixels = STRIP_PIXELS): Strip[] {
  const height = Math.max(1, Math.floor(pixels / Math.max(1, cols)), Math.min(halo, rows));
  return Array.from({ length: Math.ceil(rows / height) }, (_, i) => {
    const lo = i * height;
    const hi = Math.min(rows, lo + height);
    return { lo, hi, from: Math.max(0, lo - halo), to: Math.min(rows, hi + halo) };
  });
}
