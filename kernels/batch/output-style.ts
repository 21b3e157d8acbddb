import type { Format } from '../pictures/files/encode.ts';

/** How corners are marked in a picture. */
export interface MarkStyle {
  /** Pixels across. Default: larger on a larger picture. */
  readonly markSize?: number | undefined;
  /** The name of a colour, or `#rrggbb`. */
  readonly color?: string | undefined;
  /** Are marks drawn on the grey picture, or on the picture in its colours? */
  readonly on?: 'grey' | 'color' | undefined;
}

/** How the pictures that a batch makes are written. */
export interface OutputStyle {
  readonly format: Format;
  /** 1 to 100, for the formats that lose detail. Default: that of the codec. */
  readonly quality?: number | undefined;
  /** Shrinks the picture until its longer side has at most this many pixels. */
  readonly maxSize?: number | undefined;
  /** For operations that mark corners. */
  readonly marks?: MarkStyle | undefined;
}
