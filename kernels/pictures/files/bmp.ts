import type { Samples } from './samples.ts';

/** The mask of one colour in a pixel of 16 or 32 bits. */
interface Mask {
  readonly shift: number;
  readonly most: number;
}

const FILE_HEADER = 14;
const CORE_HEADER = 12;
const PLAIN = 0;
const BITFIELDS = 3;
const MASKS: Readonly<Record<number, readonly number[]>> = {
  16: [0x7c00, 0x03e0, 0x001f],
  32: [0xff0000, 0xff00, 0xff],
};

/**
 * The picture of a BMP file, as colour without alpha: 1, 4, 8, 16, 24 and 32 bits, not compressed; undefined for another
 * file.
 * @throws Error for a file that is compressed, cut short or has no proper header
 */
export function decodeBmp(bytes: Uint8Array, maxPixels: number): Samples | undefined {
  if (bytes[0] !== 0x42 || bytes[1] !== 0x4d || bytes.length < FILE_HEADER + CORE_HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = view.getUint32(FILE_HEADER, true);
  const core = header === CORE_HEADER;
  if (!core && (header < 40 || bytes.length < FILE_HEADER + header)) return undefined;
  const cols = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const height = core ? view.getInt16(20, true) : view.getInt32(22, true);
  const depth = view.getUint16(core ? 24 : 28, true);
  const coding = core ? PLAIN : view.getUint32(30, true);
  const rows = Math.abs(height);
  if (cols < 1 || rows < 1 || ![1, 4, 8, 16, 24, 32].includes(depth)) throw new Error('its header is damaged');
  if (cols * rows > maxPixels) throw new Error('exceeds pixel limit');
  if (coding !== PLAIN && coding !== BITFIELDS) throw new Error('it is compressed: only plain BMP files are read');
  const start = view.getUint32(10, true);
  const stride = Math.ceil((cols * depth) / 32) * 4;
  if (bytes.length < start + stride * rows) throw new Error('it is cut short');
  const pixel = pixelReader(view, { header, depth, coding, start });
  const data = new Uint8Array(rows * cols * 3);
  for (let row = 0, at = 0; row < rows; row++) {
    // Rows run from the bottom to the top, unless the height is negative.
    const line = start + (height > 0 ? rows - 1 - row : row) * stride;
    for (let col = 0; col < cols; col++, at += 3) data.set(pixel(line, col), at);
  }
  return { rows, cols, channels: 3, data, white: 255 };
}

interface Layout {
  readonly header: number;
  readonly depth: number;
  readonly coding: number;
  readonly start: number;
}

type PixelReader = (line: number, col: number) => readonly [red: number, green: number, blue: number];

function pixelReader(view: DataView, layout: Layout): PixelReader {
  const { depth } = layout;
  if (depth === 24) {
    return (line, col) => {
      const at = line + 3 * col;
      return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)];
    };
  }
  return depth < 16 ? paletteReader(view, layout) : maskReader(view, layout);
}

function paletteReader(view: DataView, { header, depth, start }: Layout): PixelReader {
  const palette = FILE_HEADER + header;
  const size = header === CORE_HEADER ? 3 : 4;
  const entries = Math.floor((start - palette) / size);
  return (line, col) => {
    const bit = col * depth;
    const index = (view.getUint8(line + (bit >> 3)) >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    if (index >= entries) throw new Error('it has a colour that its palette lacks');
    const at = palette + size * index;
    return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)];
  };
}

function maskReader(view: DataView, { depth, coding }: Layout): PixelReader {
  const given = [0, 4, 8].map((offset) => view.getUint32(FILE_HEADER + 40 + offset, true));
  const [red, green, blue] = (coding === BITFIELDS ? given : (MASKS[depth] as number[])).map(maskOf) as [
    Mask,
    Mask,
    Mask,
  ];
  return (line, col) => {
    const value = depth === 16 ? view.getUint16(line + 2 * col, true) : view.getUint32(line + 4 * col, true);
    return [level(value, red), level(value, green), level(value, blue)];
  };
}

function maskOf(bits: number): Mask {
  const shift = bits === 0 ? 0 : 31 - Math.clz32(bits & -bits);
  return { shift, most: bits >>> shift };
}

function level(value: number, { shift, most }: Mask): number {
  return most === 0 ? 0 : Math.round((((value >>> shift) & most) * 255) / most);
}
