/** The samples of a picture, row-major, with interleaved channels. */
export interface Samples {
  readonly rows: number;
  readonly cols: number;
  /** 1 for grey, 3 for colour. */
  readonly channels: number;
  readonly data: Uint8Array | Uint16Array | Float32Array | Float64Array;
  /** The sample that stands for white; 1 for floats, which are taken as they are. */
  readonly white: number;
}

/** The size that fits a picture into a square of `side` pixels. It never enlarges. */
export function fitted({ rows, cols }: Pick<Samples, 'rows' | 'cols'>, side: number): { rows: number; cols: number } {
  const part = Math.min(1, side / Math.max(rows, cols));
  const length = (n: number) => Math.max(1, Math.round(n * part));
  return { rows: length(rows), cols: length(cols) };
}

/** The picture, shrunk into a square of `side` pixels: each new pixel is the mean of the area that it covers. */
export function shrunkByArea(samples: Samples, side: number): Samples {
  const { rows, cols } = fitted(samples, side);
  if (rows === samples.rows && cols === samples.cols) return samples;
  const { channels } = samples;
  const across = shrunkAlong(samples.data, samples.rows, samples.cols, channels, cols);
  const data = shrunkAlong(across, 1, samples.rows, cols * channels, rows);
  return { ...samples, rows, cols, data };
}

/** Shrinks the middle axis of [outer, n, inner] to `wanted`. */
function shrunkAlong(data: ArrayLike<number>, outer: number, n: number, inner: number, wanted: number): Float64Array {
  const out = new Float64Array(outer * wanted * inner);
  const step = n / wanted;
  for (let o = 0; o < outer; o++) {
    for (let w = 0; w < wanted; w++) {
      const [from, to] = [w * step, (w + 1) * step];
      for (let i = Math.floor(from); i < Math.min(n, to); i++) {
        const part = (Math.min(to, i + 1) - Math.max(from, i)) / step;
        for (let c = 0; c < inner; c++) {
          const at = (o * wanted + w) * inner + c;
          out[at] = (out[at] as number) + part * (data[(o * n + i) * inner + c] as number);
        }
      }
    }
  }
  return out;
}
