import type { Samples } from './samples.ts';

/** Tag, type (3: 16 bits, 4: 32 bits), value. */
type Entry = readonly [tag: number, type: 3 | 4, value: number];

const SHORT = 3;
const LONG = 4;
const MOST = 0xffff_ffff;

/**
 * A TIFF file of float32 samples, which the codec does not write: little-endian, one strip, no compression.
 * @throws RangeError for 4 GB of samples and more
 */
export function floatTiff({ rows, cols, channels }: Samples, data: Float32Array): Uint8Array {
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const lists = 8 + pixels.length;
  if (lists + 1024 > MOST) throw new RangeError('a TIFF file holds less than 4 GB');
  // A value for each channel; up to two lie in the entry itself.
  const list = (value: number) => (channels === 1 ? value : value * 0x1_0001);
  const inside = channels <= 2;
  const bits = inside ? list(32) : lists;
  const formats = inside ? list(3) : lists + 2 * channels;
  const directory = inside ? lists : lists + 4 * channels;
  const entries: Entry[] = [
    [256, LONG, cols],
    [257, LONG, rows],
    [258, SHORT, bits],
    [259, SHORT, 1],
    [262, SHORT, channels < 3 ? 1 : 2],
    [273, LONG, 8],
    [277, SHORT, channels],
    [278, LONG, rows],
    [279, LONG, pixels.length],
    ...(channels % 2 === 0 ? ([[338, SHORT, 2]] as const) : []),
    [339, SHORT, formats],
  ];
  const file = new Uint8Array(directory + 2 + 12 * entries.length + 4);
  const view = new DataView(file.buffer);
  file.set([0x49, 0x49, 42, 0]);
  view.setUint32(4, directory, true);
  // A copy: the file is one piece of memory.
  file.set(pixels, 8);
  for (let c = 0; !inside && c < channels; c++) {
    view.setUint16(bits + 2 * c, 32, true);
    view.setUint16(formats + 2 * c, 3, true);
  }
  view.setUint16(directory, entries.length, true);
  for (const [i, [tag, type, value]] of entries.entries()) {
    const at = directory + 2 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, tag === 258 || tag === 339 ? channels : 1, true);
    view.setUint32(at + 8, value, true);
  }
  return file;
}
