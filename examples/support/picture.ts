// Reading a grey picture as a float32 Tensor of values 0..1.
import { readFile } from 'node:fs/promises';
import { Tensor } from 'directview';
import sharp from 'sharp';

export async function readGrey(file: URL): Promise<Tensor> {
  const { data, info } = await sharp(await readFile(file))
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return new Tensor(
    'float32',
    [info.height, info.width],
    Float32Array.from(data, (value) => value / 255),
  );
}
