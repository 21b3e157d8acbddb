import type { TFOps } from '../../src/tensor/tf-ops.ts';
import type { PictureData } from '../pictures/encode-picture.ts';
import type { Picture, ReadPictureOptions } from '../pictures/read-picture.ts';
import type { OutputStyle } from './output-style.ts';

/** A picture of a batch, decoded. `image.toTF(tf)` is its tensor on the engine's device. */
export interface BatchPicture extends Picture {
  /** Its absolute path. */
  readonly path: string;
  /** The same picture with other channels or another dtype, without reading it again. */
  as(options: Pick<ReadPictureOptions, 'channels' | 'dtype'>): Picture;
}

/**
 * The second argument of an operation. `T` is the type of tfjs: its own, `typeof import('@tensorflow/tfjs-core')`, has every
 * op, but its declarations need types of browsers.
 */
export interface OperationContext<P = Readonly<Record<string, unknown>>, T = TFOps> {
  /** tfjs on the engine's device. */
  readonly tf: T;
  /** The parameters of the batch. */
  readonly params: P;
}

/**
 * A picture as the result of an operation: a tensor `[rows, cols]` or `[rows, cols, 1 to 4]`, floats from 0 to 1, or the
 * bytes of a picture file.
 */
export type ResultPicture = PictureData | Uint8Array;

/** The result of an operation on one picture. All of it is optional. */
export interface OperationResult {
  /**
   * Written below `out`, under the name of the picture, and shown on the contact sheet and in the report. A function that
   * gives it is called only when somebody wants it; it may heed how the picture is to be written.
   */
  readonly picture?: ResultPicture | ((style: OutputStyle) => ResultPicture | Promise<ResultPicture>) | undefined;
  /** Plain data: the picture's line in the JSON lines and in the CSV. Tensors in it become arrays. */
  readonly record?: Readonly<Record<string, unknown>> | undefined;
  /** More files below `out`: `{ '.txt': 'text' }` is written as `NAME.txt` beside the place of the picture NAME. */
  readonly files?: Readonly<Record<string, Uint8Array | string>> | undefined;
}

/**
 * An operation on one picture. A batch calls it on the engines, once for each picture. Tensors that it makes are freed
 * when it has ended, unless it keeps them by `tf.keep`.
 */
export type Operation<P = Readonly<Record<string, unknown>>, T = TFOps> = (
  picture: BatchPicture,
  context: OperationContext<P, T>,
) => OperationResult | undefined | Promise<OperationResult | undefined>;

/** A module that holds an operation. The export `operation` is taken, else the default one. */
export interface OperationModule {
  readonly operation?: Operation | undefined;
  readonly default?: Operation | undefined;
  /** How pictures are read; the options of the batch come before these. */
  readonly read?: ReadPictureOptions | undefined;
  /** Parameters that the batch may replace. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
}
