import type { MarkStyle, OutputStyle } from '../../kernels/batch/output-style.ts';
import type { FindPicturesOptions } from '../../kernels/pictures/find-pictures.ts';
import type { ReadPictureOptions } from '../../kernels/pictures/read-picture.ts';
import type { OutputPaths } from './output-paths.ts';
import type { BatchRecord } from './results/record.ts';

/** The state of a batch that is at work. */
export interface BatchProgress {
  /** Pictures that have ended, well or not. */
  readonly done: number;
  readonly failed: number;
  /** All pictures that are to be done. */
  readonly total: number;
  /** Milliseconds since the first picture was sent. */
  readonly elapsed: number;
}

/** Options of `batch`. */
export interface BatchOptions extends OutputPaths, FindPicturesOptions {
  /** Parameters of the operation. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** How pictures are read: `channels`, `resize`, `maxPixels`, `page`, `frame`, `lenient`. */
  readonly read?: ReadPictureOptions | undefined;
  /** The folder whose tree is mirrored below `out`. Default: the folder that was searched for a picture. */
  readonly root?: string | undefined;
  /** The format of the pictures below `out`; default `png`. */
  readonly format?: OutputStyle['format'] | undefined;
  /** 1 to 100, for the formats that lose detail. */
  readonly quality?: number | undefined;
  /** Shrinks the pictures below `out` until the longer side has at most this many pixels. */
  readonly maxSize?: number | undefined;
  /** How corners are marked. */
  readonly marks?: MarkStyle | undefined;
  /**
   * Goes on where an earlier run ended, with `json` or `out`. A picture is done when its size and its time of change,
   * the operation and the parameters are the same, and every output is there. Results are only added.
   */
  readonly skipExisting?: boolean | undefined;
  /** With `skipExisting`: tries pictures again that failed and have not changed. */
  readonly retryFailed?: boolean | undefined;
  /** Replaces files that no batch has written. */
  readonly overwrite?: boolean | undefined;
  /**
   * Milliseconds that a picture may take, from its file to its last output. One that takes longer fails; its engine is
   * started again where code of the operation may still run on it, and the other pictures go on.
   */
  readonly runTimeout?: number | undefined;
  /** Ends the batch: what is done is kept, and the summary says how to go on. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each picture, with its record. */
  readonly onRecord?: ((record: BatchRecord) => void) | undefined;
  /** Called after each picture. */
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined;
}
