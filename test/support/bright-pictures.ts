// Pale pictures: contrast 0.3 at any brightness, as photographs of brick walls and stained tissue have.
import sharp from 'sharp';
import { Tensor } from '../../src/tensor/tensor.ts';

const CONTRAST = 0.3;

/** Grey levels from 0 to 255 at a row and a column. */
type Levels = (row: number, col: number) => number;

/** The same numbers each time. */
function random(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return x - Math.floor(x);
}

/** Bricks of 36×12 with joints, each of its own grey. */
const brick: Levels = (row, col) => {
  const course = Math.floor(row / 14);
  const along = col + (course % 2) * 19;
  const joint = row % 14 < 2 || along % 38 < 2;
  return joint ? 40 : 110 + 120 * random(course * 97 + Math.floor(along / 38)) + 6 * random(row * 1009 + col);
};

/** Dark cells on a light ground, as stained tissue has. */
const cells: Levels = (row, col) => {
  const [r, c] = [Math.floor(row / 18), Math.floor(col / 18)];
  const [dr, dc] = [(row % 18) - 9 - 4 * random(r * 31 + c), (col % 18) - 9 - 4 * random(r * 57 + c * 3)];
  const inside = dr * dr * (1 + random(r + c * 7)) + dc * dc < 22 + 20 * random(c * 11 + r);
  return (inside ? 60 + 90 * random(r * 13 + c * 5) : 215) + 5 * random(row * 733 + col * 3);
};

/** Pale pictures of `side` pixels, by kind: each gives its uint8 picture at an offset of 0 to 175. */
export function bright(side: number): Record<'brick' | 'cells', (offset: number) => Tensor> {
  const picture = (levels: Levels) => (offset: number) =>
    new Tensor(
      'uint8',
      [side, side],
      Uint8Array.from({ length: side * side }, (_, i) =>
        Math.round(offset + CONTRAST * levels(Math.floor(i / side), i % side)),
      ),
    );
  return { brick: picture(brick), cells: picture(cells) };
}

/** A grey picture file with contrast 0.3 and an offset, as the bytes of a PNG file. */
export async function paled(path: string, offset: number): Promise<Uint8Array> {
  const { data, info } = await sharp(path).greyscale().raw().toBuffer({ resolveWithObject: true });
  const pale = Uint8Array.from(data, (level) => Math.round(offset + CONTRAST * level));
  return sharp(pale, { raw: { width: info.width, height: info.height, channels: 1 } })
    .png()
    .toBuffer();
}
