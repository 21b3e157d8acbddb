// TIFF files as the test wants them: any sample format, byte order and number of channels, which sharp does not write.

/** The samples of a TIFF file. */
export interface TiffSamples {
  readonly width: number;
  readonly height: number;
  readonly channels?: number;
  readonly data: Float32Array | Int8Array | Int16Array | Int32Array | Uint32Array | Uint16Array;
  readonly bigEndian?: boolean;
}

const FORMATS: Readonly<Record<string, readonly [bits: number, format: number]>> = {
  Float32Array: [32, 3],
  Int8Array: [8, 2],
  Int16Array: [16, 2],
  Int32Array: [32, 2],
  Uint32Array: [32, 1],
  Uint16Array: [16, 1],
};

/** A TIFF file of one strip without compression. */
export function tiff({ width, height, channels = 1, data, bigEndian = false }: TiffSamples): Uint8Array {
  const [bits, format] = FORMATS[data.constructor.name] as [number, number];
  const little = !bigEndian;
  const pixels = Buffer.from(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
  if (bigEndian && bits === 16) pixels.swap16();
  if (bigEndian && bits === 32) pixels.swap32();
  const lists = 8 + pixels.length;
  const directory = lists + 4 * channels;
  // Tag, type (3: 16 bits, 4: 32 bits), count, values.
  const tags: [number, 3 | 4, number[]][] = [
    [256, 3, [width]],
    [257, 3, [height]],
    [258, 3, Array(channels).fill(bits)],
    [259, 3, [1]],
    [262, 3, [channels < 3 ? 1 : 2]],
    [273, 4, [8]],
    [277, 3, [channels]],
    [278, 3, [height]],
    [279, 4, [pixels.length]],
    ...(channels % 2 === 0 ? ([[338, 3, [2]]] as [number, 3, number[]][]) : []),
    [339, 3, Array(channels).fill(format)],
  ];
  const file = Buffer.alloc(directory + 2 + 12 * tags.length + 4);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  file.write(little ? 'II' : 'MM', 0, 'latin1');
  view.setUint16(2, 42, little);
  view.setUint32(4, directory, little);
  pixels.copy(file, 8);
  view.setUint16(directory, tags.length, little);
  for (const [i, [tag, type, values]] of tags.entries()) {
    const at = directory + 2 + 12 * i;
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, type, little);
    view.setUint32(at + 4, values.length, little);
    const inside = values.length <= 2;
    const list = lists + (tag === 258 ? 0 : 2 * channels);
    if (!inside) view.setUint32(at + 8, list, little);
    for (const [k, value] of values.entries()) {
      if (type === 4) view.setUint32(at + 8, value, little);
      else view.setUint16(inside ? at + 8 + 2 * k : list + 2 * k, value, little);
    }
  }
  return file;
}
