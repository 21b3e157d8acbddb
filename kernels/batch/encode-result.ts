import { isFloat } from '../../src/tensor/dtype.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { onHost } from '../image.ts';
import { canvasOf, shrunkCanvas } from '../pictures/canvas.ts';
import { encodePicture } from '../pictures/encode-picture.ts';
import type { ResultPicture } from './operation.ts';
import type { OutputStyle } from './output-style.ts';

/** A picture that no device holds: a tensor, or the bytes of a file. */
export type HostPicture = Tensor | Uint8Array;

/** The picture of a result, read from the device. @throws TypeError for a tensor of another dtype */
export async function readResult(picture: ResultPicture): Promise<HostPicture> {
  return picture instanceof Uint8Array ? picture : onHost(picture, 'picture of the result');
}

/** The bytes of a picture file. Bytes come back as they are. @throws TypeError, ShapeError for a tensor of another dtype or shape */
export async function encodeResult(picture: HostPicture, style: OutputStyle): Promise<Uint8Array> {
  if (picture instanceof Uint8Array) return picture;
  const { format, quality, maxSize } = style;
  const isWide = maxSize !== undefined && Math.max(picture.shape[0] ?? 0, picture.shape[1] ?? 0) > maxSize;
  if (isWide) return encodePicture(await shrunkCanvas(canvasOf(picture, 'color'), maxSize), { format, quality });
  const depth = isFloat(picture.dtype) ? (format === 'tiff' ? 'float' : 8) : undefined;
  return encodePicture(picture, { format, quality, depth });
}
