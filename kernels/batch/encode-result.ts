import { onHost } from '../image.ts';
import { canvasOf, shrunkCanvas } from '../pictures/canvas.ts';
import { encodePicture } from '../pictures/encode-picture.ts';
import type { OperationResult, ResultPicture } from './operation.ts';
import type { OutputStyle } from './output-style.ts';

/** The bytes of a picture file with the picture of a result. @throws TypeError, ShapeError for a tensor of another shape or dtype */
export async function encodeResult(picture: OperationResult['picture'], style: OutputStyle): Promise<Uint8Array> {
  const given = (typeof picture === 'function' ? await picture(style) : picture) as ResultPicture;
  if (given instanceof Uint8Array) return given;
  const { format, quality, maxSize } = style;
  const host = await onHost(given, 'picture of the result');
  const isWide = maxSize !== undefined && Math.max(host.shape[0] ?? 0, host.shape[1] ?? 0) > maxSize;
  if (isWide) return encodePicture(await shrunkCanvas(canvasOf(host, 'color'), maxSize), { format, quality });
  const isFloat = host.dtype.startsWith('float');
  const depth = isFloat ? (format === 'tiff' ? 'float' : 8) : undefined;
  return encodePicture(host, { format, quality, depth });
}
