import { cornersIn, drawFound } from '../corners/find-corners.ts';
import type { FindCornersOptions } from '../corners/options.ts';
import type { TF } from '../device.ts';
import type { BatchPicture, OperationContext, OperationResult } from './operation.ts';
import type { JobPicture } from './read-job-picture.ts';

/** The operation of `directview corners`: the corners of a picture, and the picture with its corners. */
export async function operation(picture: BatchPicture, { tf, params }: OperationContext): Promise<OperationResult> {
  const { decoded } = picture as JobPicture;
  const found = await cornersIn(tf as TF, decoded, params as FindCornersOptions);
  const { image: _, shape: __, ...record } = found;
  return { record, picture: ({ marks, ...style }) => drawFound(decoded, found, { ...marks, ...style }) };
}
