import { encodePicture } from '../pictures/encode-picture.ts';
import { readPicture } from '../pictures/read-picture.ts';

/** A picture file, fitted into a square of `side` pixels, as the bytes of a JPEG file. @throws PictureError */
export async function smallCopy(file: Uint8Array, side: number): Promise<Uint8Array> {
  const { image } = await readPicture(file, { channels: 'rgb', dtype: 'uint8', resize: side });
  return encodePicture(image, { format: 'jpeg', quality: 85 });
}
