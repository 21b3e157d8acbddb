// Every kind of picture file, made by the test with sharp, as the grey that scikit-image would make of it; and bad files.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import * as assert from 'uvu/assert';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { readPicture } from '../../../../kernels/pictures/read-picture.ts';
import { allClose, rejects } from '../../../support/assert.ts';
import { golden } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('readPicture');
const folder = temporaryFolder('directview-pictures-');
test.after(() => rmSync(folder, { recursive: true }));

const ROWS = 24;
const COLS = 32;
const SIZE = ROWS * COLS;

type Colour = readonly [red: number, green: number, blue: number];
// Smooth in both directions, so that lossy formats stay near.
const colour = (i: number): Colour => [4 * Math.floor(i / COLS) + 60, 200 - 3 * (i % COLS), 2 * (i % COLS) + 30];
const luminance = ([r, g, b]: Colour) => 0.2125 * r + 0.7154 * g + 0.0721 * b;
const EXPECTED = Float64Array.from({ length: SIZE }, (_, i) => luminance(colour(i)) / 255);
const GREY = Float64Array.from({ length: SIZE }, (_, i) => colour(i)[1] / 255);

function rgb(): Sharp {
  const bytes = Buffer.from(Array.from({ length: SIZE }, (_, i) => colour(i)).flat());
  return sharp(bytes, { raw: { width: COLS, height: ROWS, channels: 3 } });
}

function grey(): Sharp {
  const bytes = Buffer.from(Array.from({ length: SIZE }, (_, i) => colour(i)[1]));
  return sharp(bytes, { raw: { width: COLS, height: ROWS, channels: 1 } }).toColourspace('b-w');
}

// 16-bit levels that no 8-bit file can hold.
const fine = (i: number) => 257 * colour(i)[1] + 113;
const FINE = Float64Array.from({ length: SIZE }, (_, i) => fine(i) / 65535);

function wide(channels: 1 | 3): Sharp {
  const samples = Uint16Array.from({ length: SIZE * channels }, (_, i) => fine(Math.floor(i / channels)));
  const raw = { width: COLS, height: ROWS, channels };
  return sharp(samples, { raw }).toColourspace(channels === 1 ? 'grey16' : 'rgb16');
}

async function expectGrey(file: Sharp, expected: Float64Array, atol: number): Promise<void> {
  const { image, shape } = await readPicture(await file.toBuffer(), { dtype: 'float64' });
  assert.equal(shape, [ROWS, COLS]);
  assert.equal(image.shape, shape);
  allClose(image.data, expected, { rtol: 0, atol });
}

const EXACT = 1e-12;
const LOSSY = 3 / 255;
const FORMATS: readonly [name: string, file: () => Sharp, expected: Float64Array, atol: number][] = [
  ['RGB PNG', () => rgb().png(), EXPECTED, EXACT],
  ['RGBA PNG: alpha is dropped', () => rgb().ensureAlpha(0.4).png(), EXPECTED, EXACT],
  ['grey PNG', () => grey().png(), GREY, EXACT],
  ['grey PNG with alpha', () => grey().ensureAlpha(0.4).png(), GREY, EXACT],
  ['interlaced PNG', () => rgb().png({ progressive: true }), EXPECTED, EXACT],
  ['16-bit grey PNG', () => wide(1).png(), FINE, EXACT],
  ['16-bit RGB PNG', () => wide(3).png(), FINE, EXACT],
  ['16-bit grey TIFF', () => wide(1).tiff({ compression: 'lzw' }), FINE, EXACT],
  ['16-bit RGB TIFF', () => wide(3).tiff({ compression: 'none' }), FINE, EXACT],
  ['JPEG', () => rgb().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }), EXPECTED, LOSSY],
  ['progressive JPEG', () => rgb().jpeg({ quality: 100, progressive: true }), EXPECTED, LOSSY],
  ['grey JPEG', () => grey().jpeg({ quality: 100 }), GREY, LOSSY],
  // The way to CMYK and back goes through printers' profiles: near, not equal.
  ['CMYK JPEG', () => rgb().toColourspace('cmyk').jpeg({ quality: 100 }), EXPECTED, 30 / 255],
  ['WebP without loss', () => rgb().webp({ lossless: true }), EXPECTED, EXACT],
  ['WebP', () => rgb().webp({ quality: 100 }), EXPECTED, 2 * LOSSY],
  ['TIFF', () => rgb().tiff({ compression: 'deflate' }), EXPECTED, EXACT],
  ['AVIF without loss', () => grey().avif({ lossless: true }), GREY, LOSSY],
  ['GIF', () => grey().gif(), GREY, 2 * LOSSY],
];

for (const [name, file, expected, atol] of FORMATS) test(name, () => expectGrey(file(), expected, atol));

test('a 16-bit file is one: the test would notice 8 bits', async () => {
  for (const file of [
    wide(1).png(),
    wide(3).png(),
    wide(1).tiff({ compression: 'lzw' }),
    wide(3).tiff({ compression: 'none' }),
  ]) {
    assert.is((await sharp(await file.toBuffer()).metadata()).depth, 'ushort');
  }
});

test('EXIF orientation is applied: all eight', async () => {
  const [upright, turned] = [
    [ROWS, COLS],
    [COLS, ROWS],
  ];
  // Where the first pixel of the file goes: corner [row, col] as parts of the last index.
  const first: Record<number, [number, number]> = {
    1: [0, 0],
    2: [0, 1],
    3: [1, 1],
    4: [1, 0],
    5: [0, 0],
    6: [0, 1],
    7: [1, 1],
    8: [1, 0],
  };
  for (let orientation = 1; orientation <= 8; orientation++) {
    const bytes = await rgb().withMetadata({ orientation }).png().toBuffer();
    const { image, shape } = await readPicture(bytes, { dtype: 'float64' });
    assert.equal(shape, orientation < 5 ? upright : turned, `orientation ${orientation}`);
    const [row, col] = first[orientation] as [number, number];
    const [rows, cols] = shape as [number, number];
    allClose([image.at(row * (rows - 1) * cols + col * (cols - 1))], [EXPECTED[0] as number], { atol: EXACT });
  }
});

test('of an animated picture the first frame', async () => {
  const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 200), Buffer.alloc(8 * 8 * 3, 20)]);
  const raw = { width: 8, height: 16, channels: 3, pageHeight: 8 } as const;
  for (const file of [sharp(frames, { raw }).gif({ loop: 0 }), sharp(frames, { raw }).webp({ lossless: true })]) {
    const bytes = await file.toBuffer();
    assert.is((await sharp(bytes).metadata()).pages, 2);
    const { image, shape } = await readPicture(bytes);
    assert.equal(shape, [8, 8]);
    allClose(image.data, Array(64).fill(200 / 255), { atol: 1 / 255 });
  }
});

test('a picture with a colour profile gives its samples, as scikit-image reads them', async () => {
  const wanted = golden('rocket');
  assert.ok((await sharp(wanted.path).metadata()).icc);
  const { image } = await readPicture(wanted.path, { dtype: 'float64' });
  allClose([(image.data as Float64Array).reduce((a, b) => a + b, 0) / image.size], [wanted.grayMean], { rtol: 1e-9 });
});

test('resize: the longer side, never enlarged; dtype', async () => {
  const bytes = await rgb().png().toBuffer();
  assert.equal((await readPicture(bytes, { resize: 16 })).shape, [12, 16]);
  assert.equal((await readPicture(bytes, { resize: 500 })).shape, [ROWS, COLS]);
  const turned = await rgb().withMetadata({ orientation: 6 }).png().toBuffer();
  assert.equal((await readPicture(turned, { resize: 16 })).shape, [16, 12]);
  assert.is((await readPicture(bytes)).image.dtype, 'float32');
  assert.is((await readPicture(bytes, { dtype: 'float64' })).image.dtype, 'float64');
});

test('1×1 and 3×2000 pixels', async () => {
  for (const [width, height] of [
    [1, 1],
    [2000, 3],
    [3, 2000],
  ] as const) {
    const bytes = await sharp({ create: { width, height, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    const { image, shape } = await readPicture(bytes);
    assert.equal(shape, [height, width]);
    allClose(image.data, Array(width * height).fill(1), { atol: 1e-7 });
  }
});

test('bad files are named: empty, text, truncated, missing, a folder', async () => {
  const write = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const noise = Uint8Array.from({ length: 200 * 200 * 3 }, (_, i) => (i * 7919) % 251);
  const jpeg = await sharp(noise, { raw: { width: 200, height: 200, channels: 3 } })
    .jpeg()
    .toBuffer();
  const png = await sharp(noise, { raw: { width: 200, height: 200, channels: 3 } })
    .png()
    .toBuffer();
  const bad: [string, RegExp][] = [
    [write('empty.png', ''), /empty\.png is empty/],
    [write('text.png', 'dear picture'), /text\.png is no picture/],
    [write('cut.jpg', jpeg.subarray(0, jpeg.length / 2)), /cannot decode .*cut\.jpg: .*premature/i],
    [write('cut.png', png.subarray(0, png.length / 2)), /cannot decode .*cut\.png/],
    [write('header.jpg', jpeg.subarray(0, 30)), /header\.jpg/],
    [join(folder, 'none.jpg'), /cannot read .*none\.jpg: ENOENT/],
    [folder, /cannot read .*: EISDIR/],
  ];
  for (const [path, message] of bad) {
    const error = await rejects(() => readPicture(path), PictureError, message);
    assert.is(error.code, 'DV_PICTURE');
  }
  await rejects(() => readPicture(new Uint8Array(0)), PictureError, /picture of 0 bytes is empty/);
  await rejects(() => readPicture(new Uint8Array(9)), PictureError, /picture of 9 bytes is no picture/);
});

/** A little-endian TIFF of 4×2 float samples, which sharp does not write. */
function floatTiff(): Uint8Array {
  const [width, height] = [4, 2];
  // Tag, type (3: 16 bits, 4: 32 bits), value: sizes, 32 bits, no compression, black is 0, one strip, IEEE floats.
  const tags = [
    [256, 3, width],
    [257, 3, height],
    [258, 3, 32],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 3, height],
    [279, 4, 4 * width * height],
    [339, 3, 3],
  ] as const;
  const directory = 8 + 4 * width * height;
  const file = Buffer.alloc(directory + 2 + 12 * tags.length + 4);
  file.write('II*\0', 0, 'latin1');
  file.writeUInt32LE(directory, 4);
  for (const [i, value] of [0, -1.5, 3e5, 0.25, 1e-6, 7, 8, 9].entries()) file.writeFloatLE(value, 8 + 4 * i);
  file.writeUInt16LE(tags.length, directory);
  tags.forEach(([tag, type, value], i) => {
    const at = directory + 2 + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  return file;
}

test('float samples are read as they are', async () => {
  assert.is((await sharp(floatTiff()).metadata()).depth, 'float');
  const { image, float } = await readPicture(floatTiff());
  assert.equal([...image.data], [0, -1.5, 3e5, 0.25, 1e-6, 7, 8, 9].map(Math.fround));
  assert.ok(float);
});

test('a limit on pixels, with its remedy', async () => {
  const bytes = await rgb().png().toBuffer();
  await rejects(
    () => readPicture(bytes, { maxPixels: SIZE - 1 }),
    PictureError,
    /more than 767 pixels: raise maxPixels/,
  );
  assert.equal((await readPicture(bytes, { maxPixels: SIZE })).shape, [ROWS, COLS]);
  // 10 200 × 10 000 pixels compress well; the header alone must be enough to refuse them.
  const create = { width: 10_200, height: 10_000, channels: 3, background: 'black' } as const;
  const huge = await sharp({ create }).png().toBuffer();
  await rejects(() => readPicture(huge), PictureError, /more than 100000000 pixels/);
  for (const resize of [0, -1, 1.5, Number.NaN])
    await rejects(() => readPicture(bytes, { resize }), RangeError, /resize/);
  await rejects(() => readPicture(bytes, { maxPixels: 0 }), RangeError, /maxPixels/);
});

if (process.getuid?.() === 0) test.skip('a file without read permission', 'root reads everything');
else {
  test('a file without read permission', async () => {
    const path = join(folder, 'secret.png');
    writeFileSync(path, 'x', { mode: 0 });
    await rejects(() => readPicture(path), PictureError, /cannot read .*secret\.png: EACCES/);
  });
}

test.run();
