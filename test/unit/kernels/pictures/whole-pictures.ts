// Pictures in every channel, sample type and page; damaged files; the way back to the stored picture; formats by name.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { writePicture } from '../../../../kernels/pictures/encode-picture.ts';
import { PictureError } from '../../../../kernels/pictures/picture-error.ts';
import { readPicture } from '../../../../kernels/pictures/read-picture.ts';
import { nameOfBytes } from '../../../../src/util/byte-names.ts';
import { allClose, rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { tiff } from '../../../support/tiff.ts';

const test = suite('whole pictures');
const folder = temporaryFolder('directview-whole-');
test.after(() => rmSync(folder, { recursive: true }));

const near = (got: ArrayLike<number>, wanted: readonly number[], atol = 1e-6) =>
  allClose(Array.from(got), [...wanted], { rtol: 0, atol });
/** Two pixels, the second half transparent. */
const RGBA = Uint8Array.of(255, 0, 51, 255, 0, 102, 204, 128);
const raw = (width: number, height: number, channels: 1 | 2 | 3 | 4) => ({ raw: { width, height, channels } });

test('channels and dtypes of colour, grey and alpha', async () => {
  const colour = await sharp(RGBA, raw(2, 1, 4))
    .png()
    .toBuffer();
  const { image, shape } = await readPicture(colour, { channels: 'rgb' });
  assert.equal([image.shape, shape, image.dtype], [[1, 2, 3], [1, 2], 'float32']);
  near(image.data, [1, 0, 0.2, 0, 0.4, 0.8]);
  const bytes = await readPicture(colour, { channels: 'rgba', dtype: 'uint8' });
  assert.equal([bytes.image.shape, bytes.image.dtype, [...bytes.image.data]], [[1, 2, 4], 'uint8', [...RGBA]]);
  assert.is((await readPicture(colour, { dtype: 'uint8' })).image.data[0], Math.round(0.2125 * 255 + 0.0721 * 51));
  const grey = await sharp(Uint8Array.of(10, 200), raw(2, 1, 1))
    .toColourspace('b-w')
    .png()
    .toBuffer();
  const three = await readPicture(grey, { channels: 'rgba', dtype: 'uint8' });
  assert.equal([...three.image.data], [10, 10, 10, 255, 200, 200, 200, 255]);
  assert.equal([...(await readPicture(grey, { dtype: 'uint8' })).image.data], [10, 200]);
  const veiled = await sharp(grey).ensureAlpha(0.4).png().toBuffer();
  const four = await readPicture(veiled, { channels: 'rgba', dtype: 'uint8' });
  assert.equal([...four.image.data], [10, 10, 10, 102, 200, 200, 200, 102]);
  const wide = await sharp(Uint16Array.of(65535, 0, 257, 514), raw(2, 1, 2))
    .toColourspace('grey16')
    .png()
    .toBuffer();
  assert.is((await sharp(wide).metadata()).depth, 'ushort');
  near((await readPicture(wide, { channels: 'rgba', dtype: 'float64' })).image.data.subarray(4), [
    1 / 255,
    1 / 255,
    1 / 255,
    2 / 255,
  ]);
});

const SIGNED = [-32768, -1, 0, 1, 300, 32767];
const TIFFS: readonly [string, Parameters<typeof tiff>[0], readonly number[]][] = [
  ['float', { width: 3, height: 2, data: Float32Array.of(-1.5, 0, 1e-7, 0.5, 7e8, 1) }, [-1.5, 0, 1e-7, 0.5, 7e8, 1]],
  ['int16', { width: 3, height: 2, data: Int16Array.from(SIGNED) }, SIGNED.map((v) => v / 32767)],
  ['int8', { width: 3, height: 1, data: Int8Array.of(-128, 0, 127) }, [-128 / 127, 0, 1]],
  ['int32', { width: 3, height: 1, data: Int32Array.of(-2147483647, 5, 2147483647) }, [-1, 5 / 2147483647, 1]],
  ['uint32', { width: 3, height: 1, data: Uint32Array.of(0, 4294967295, 2147483648) }, [0, 1, 2147483648 / 4294967295]],
  ['uint16', { width: 3, height: 1, data: Uint16Array.of(0, 65535, 40000) }, [0, 1, 40000 / 65535]],
];
for (const [name, samples, wanted] of TIFFS) {
  for (const bigEndian of [false, true]) {
    test(`${name} TIFF, ${bigEndian ? 'big' : 'little'}-endian`, async () => {
      const { image, float } = await readPicture(tiff({ ...samples, bigEndian }), { dtype: 'float64' });
      for (const [i, value] of wanted.entries()) near([image.at(i)], [value], Math.abs(value) * 1e-6 + 1e-12);
      assert.is(float, name === 'float');
    });
  }
}

test('colour and alpha of floats and signed samples', async () => {
  const data = Float32Array.of(1, 2, 3, 0.5, -4, 5, 6, 1);
  const file = tiff({ width: 2, height: 1, channels: 4, data });
  assert.equal([...(await readPicture(file, { channels: 'rgba' })).image.data], [...data]);
  near((await readPicture(file)).image.data, [0.2125 + 2 * 0.7154 + 3 * 0.0721, -4 * 0.2125 + 5 * 0.7154 + 6 * 0.0721]);
  const short = tiff({ width: 1, height: 1, channels: 3, data: Int16Array.of(-32767, 0, 32767) });
  near((await readPicture(short, { channels: 'rgb' })).image.data, [-1, 0, 1]);
  const pair = tiff({ width: 2, height: 1, channels: 2, data: Int16Array.of(-32767, 32767, 5, 0) });
  near((await readPicture(pair, { channels: 'rgba' })).image.data.subarray(0, 4), [-1, -1, -1, 1]);
});

test('floats shrink to the means of the areas that they cover', async () => {
  const data = Float32Array.from({ length: 24 }, (_, i) => i - 1000);
  const { image, shape, scale } = await readPicture(tiff({ width: 6, height: 4, data }), { resize: 3 });
  assert.equal(
    [shape, scale],
    [
      [2, 3],
      [2, 2],
    ],
  );
  near(
    image.data,
    [3.5, 5.5, 7.5, 15.5, 17.5, 19.5].map((v) => v - 1000),
  );
  const signed = tiff({ width: 2, height: 1, data: Int16Array.of(-32767, 32767) });
  near((await readPicture(signed, { resize: 1 })).image.data, [0]);
});

test('alpha counts as little with resize as without', async () => {
  // Dark squares in a transparent sea of bright pixels: weighed by alpha, the sea would turn black.
  const side = 64;
  const inside = (i: number) => Math.floor(i / side) % 32 < 16 && i % 32 < 16;
  const pixels = Uint8Array.from({ length: side * side * 4 }, (_, i) =>
    i % 4 === 3 ? (inside(i >> 2) ? 255 : 0) : inside(i >> 2) ? 60 : 200,
  );
  for (const format of ['png', 'webp'] as const) {
    const file = await sharp(pixels, raw(side, side, 4))
      .toFormat(format, { lossless: true, exact: true })
      .toBuffer();
    const mean = async (options: object) => {
      const { image } = await readPicture(file, { dtype: 'float64', ...options });
      return (image.data as Float64Array).reduce((a, b) => a + b, 0) / image.size;
    };
    allClose([await mean({ resize: 31 })], [await mean({})], { rtol: 0.02 });
    const { image } = await readPicture(file, { resize: 16, channels: 'rgba', dtype: 'uint8' });
    const sea = 4 * (1 * 16 + 6);
    near(image.data.subarray(sea, sea + 4), [200, 200, 200, 0], 4);
    near([image.data[4 * 17 + 3] as number], [255], 4);
  }
});

test('pages and frames by number; how many there are', async () => {
  const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 200), Buffer.alloc(8 * 8 * 3, 20)]);
  const layout = { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } } as const;
  const files = {
    gif: sharp(frames, layout).gif({ loop: 0 }),
    webp: sharp(frames, layout).webp({ lossless: true }),
    tiff: sharp(frames, layout).tiff({ compression: 'lzw' }),
  };
  for (const [name, file] of Object.entries(files)) {
    const bytes = await file.toBuffer();
    const second = await readPicture(bytes, { page: 1 });
    assert.equal([second.shape, second.pages, second.original.shape], [[8, 8], 2, [8, 8]], name);
    near(second.image.data, Array(64).fill(20 / 255), 1 / 255);
    await rejects(() => readPicture(bytes, { page: 2 }), PictureError, /picture of \d+ bytes has no page 2/);
  }
  const one = await sharp(RGBA, raw(2, 1, 4))
    .png()
    .toBuffer();
  assert.is((await readPicture(one)).pages, 1);
  for (const page of [-1, 0.5]) await rejects(() => readPicture(one, { page }), RangeError, /page is a whole number/);
});

test('scale and stored size lead back to the file: turned and shrunk', async () => {
  const file = await sharp({ create: { width: 400, height: 200, channels: 3, background: 'white' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  const { shape, scale, original } = await readPicture(file, { resize: 50 });
  assert.equal([shape, original], [[50, 25], { shape: [200, 400], orientation: 6 }]);
  assert.equal(scale, [8, 8]);
  const plain = await readPicture(file);
  assert.equal([plain.shape, plain.scale, plain.original.orientation], [[400, 200], [1, 1], 6]);
});

test('a JPEG that is cut short: refused, or read with its damage', async () => {
  const noise = Uint8Array.from({ length: 200 * 200 * 3 }, (_, i) => (i * 7919) % 251);
  const jpeg = await sharp(noise, raw(200, 200, 3))
    .jpeg()
    .toBuffer();
  for (const cut of [jpeg.length - 10, jpeg.length >> 1]) {
    const file = jpeg.subarray(0, cut);
    await rejects(() => readPicture(file), PictureError, /premature end/);
    const { shape, image, damage } = await readPicture(file, { lenient: true });
    assert.equal(shape, [200, 200]);
    assert.match(damage ?? '', /premature end/);
    allClose(image.data.subarray(0, 200), (await readPicture(jpeg)).image.data.subarray(0, 200), { atol: 1e-6 });
  }
  assert.is((await readPicture(jpeg, { lenient: true })).damage, undefined);
  await rejects(() => readPicture(jpeg.subarray(0, 200), { lenient: true }), PictureError, /cannot decode/);
  await rejects(() => readPicture(Uint8Array.of(1, 2, 3), { lenient: true }), PictureError, /no picture/);
});

test('a reason of several lines becomes one', async () => {
  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
  const jpeg = await sharp(noise, raw(64, 64, 3))
    .jpeg()
    .toBuffer();
  const cut = jpeg.subarray(0, 200);
  const plain = await sharp(cut)
    .raw()
    .toBuffer()
    .catch((error: Error) => error.message);
  assert.match(String(plain), /\n/, 'the codec has several lines to say');
  const { message } = await rejects(() => readPicture(cut), PictureError, /cannot decode picture of 200 bytes/);
  assert.not.match(message, /\n/);
});

const head = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(64)]);
const UNREAD: readonly [string, Uint8Array, RegExp][] = [
  [
    'a.heic',
    head('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
    /a HEIC file, which is not read: its HEVC coding needs a licence/,
  ],
  ['b.heif', head('\0\0\0\x18ftypmif1\0\0\0\0mif1heic'), /a HEIC file/],
  ['c.jp2', head('\0\0\0\x0cjP  \r\n\x87\n'), /a JPEG 2000 file, which is not read: .*convert it to PNG/],
  ['d.j2k', head('\xff\x4f\xff\x51'), /a JPEG 2000 file/],
  ['e.jxl', head('\xff\x0a'), /a JPEG XL file/],
  ['f.psd', head('8BPS'), /a Photoshop file/],
  ['g.exr', head('\x76\x2f\x31\x01'), /an OpenEXR file/],
  ['h.fits', head('SIMPLE  =                    T'), /a FITS file/],
  ['i.dcm', Buffer.concat([Buffer.alloc(128), head('DICM')]), /a DICOM file/],
  ['j.pdf', head('%PDF-1.7'), /a PDF file, which is not read: it is a document/],
  ['k.mp4', head('\0\0\0\x18ftypisom'), /a video file, which is not read: extract its frames/],
  ['l.npy', head('\x93NUMPY'), /a NumPy file/],
  ['m.zip', head('PK\x03\x04'), /a zip file/],
  ['n.avif', head('\0\0\0\x18ftypavis'), /an AVIF sequence file/],
];
for (const [name, bytes, message] of UNREAD) {
  test(`${name} is refused by the name of its format`, async () => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const error = await rejects(() => readPicture(path), PictureError, message);
    assert.ok(error.message.startsWith(`${path} is a`), error.message);
    assert.not.match(error.message, /\n/);
  });
}

test('file URLs, as objects and as text; other URLs and values are refused', async () => {
  const path = join(folder, 'a b%20ü.png');
  writeFileSync(
    path,
    await sharp(RGBA, raw(2, 1, 4))
      .png()
      .toBuffer(),
  );
  const url = pathToFileURL(path);
  for (const source of [path, url, url.href]) assert.equal((await readPicture(source)).shape, [1, 2]);
  await rejects(() => readPicture(new URL('file:///nowhere/x.png')), PictureError, /cannot read file:.*x\.png: ENOENT/);
  await rejects(() => readPicture('https://example.org/x.png'), PictureError, /only file: URLs .*pass its bytes/);
  await rejects(() => readPicture(5 as never), TypeError, /a path, a file: URL or a Uint8Array, not 5/);
  await rejects(() => readPicture(undefined as never), TypeError, /not undefined/);
});

test('names that are not UTF-8: escaped as findPictures gives them, and in a URL', async () => {
  const bytes = Buffer.concat([Buffer.from(folder), Buffer.from('/caf\xe9.png', 'latin1')]);
  writeFileSync(
    bytes,
    await sharp(RGBA, raw(2, 1, 4))
      .png()
      .toBuffer(),
  );
  assert.equal((await readPicture(nameOfBytes(bytes))).shape, [1, 2]);
  assert.equal((await readPicture(`file://${folder}/caf%E9.png`)).shape, [1, 2]);
  await rejects(() => readPicture(`${nameOfBytes(bytes)}.gone`), PictureError, /cannot read .*caf\\xe9\.png\.gone/);
  const copy = join(folder, 'deep', nameOfBytes(Buffer.from('\xe9', 'latin1')), 'x.png');
  await writePicture(copy, (await readPicture(nameOfBytes(bytes))).image);
  assert.equal((await readPicture(copy)).shape, [1, 2]);
});

test('a shrunk picture may be larger than one in full size', async () => {
  const create = { width: 10_200, height: 10_000, channels: 3, background: '#808080' } as const;
  const huge = await sharp({ create }).png().toBuffer();
  const { shape, scale } = await readPicture(huge, { resize: 102 });
  assert.equal(
    [shape, scale],
    [
      [100, 102],
      [100, 100],
    ],
  );
  await rejects(() => readPicture(huge, { resize: 102, maxPixels: 1000 }), PictureError, /more than 1000 pixels/);
});

const ascii = (text: string) => Buffer.from(text, 'latin1');
const PNMS: readonly [string, Uint8Array, readonly number[]][] = [
  ['PGM in text', ascii('P2\n# a comment\n3 1\n4\n0 2\n4\n'), [0, 0.5, 1]],
  ['PGM', Buffer.concat([ascii('P5 3 1 255\n'), Buffer.from([0, 51, 255])]), [0, 0.2, 1]],
  ['PGM of 16 bits', Buffer.concat([ascii('P5\n2 1\n65535\n'), Buffer.from([0xff, 0xff, 0x33, 0x33])]), [1, 0.2]],
  ['PBM in text', ascii('P1\n3 2\n101\n0 1 0'), [0, 1, 0, 1, 0, 1]],
  [
    'PBM',
    Buffer.concat([ascii('P4\n9 2\n'), Buffer.from([0x80, 0x80, 0, 0])]),
    [0, ...Array(7).fill(1), 0, ...Array(9).fill(1)],
  ],
  ['PPM', Buffer.concat([ascii('P6\n1 1\n255\n'), Buffer.from([255, 0, 0])]), [0.2125]],
  ['PPM in text', ascii('P3 1 1 255 0 255 0'), [0.7154]],
];
for (const [name, bytes, wanted] of PNMS) test(name, async () => near((await readPicture(bytes)).image.data, wanted));

/** A BMP file of 3×2 pixels. */
function bmp(
  depth: number,
  height: number,
  extra: readonly number[],
  rows: readonly (readonly number[])[],
  coding = 0,
) {
  const start = 54 + extra.length;
  const file = Buffer.alloc(start);
  file.write('BM', 0, 'latin1');
  file.writeUInt32LE(start, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(3, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(depth, 28);
  file.writeUInt32LE(coding, 30);
  file.set(extra, 54);
  return Buffer.concat([file, ...rows.map((row) => Buffer.from(row))]);
}
const TOP = [255, 0, 0, 0, 255, 0, 0, 0, 255];
const BOTTOM = [0, 0, 0, 255, 255, 255, 255, 255, 0];
const BLUE_FIRST_TOP = [0, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 0];
const BLUE_FIRST_BOTTOM = [0, 0, 0, 255, 255, 255, 0, 255, 255, 0, 0, 0];
const PALETTE = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 0, 0, 255, 255, 0];
const BMPS: readonly [string, Uint8Array][] = [
  ['BMP of 24 bits', bmp(24, 2, [], [BLUE_FIRST_BOTTOM, BLUE_FIRST_TOP])],
  ['BMP from the top', bmp(24, -2, [], [BLUE_FIRST_TOP, BLUE_FIRST_BOTTOM])],
  [
    'BMP of 8 bits',
    bmp(8, 2, PALETTE, [
      [3, 4, 5, 0],
      [0, 1, 2, 0],
    ]),
  ],
  [
    'BMP of 4 bits',
    bmp(4, 2, PALETTE, [
      [0x34, 0x50, 0, 0],
      [0x01, 0x20, 0, 0],
    ]),
  ],
  [
    'BMP of 32 bits',
    bmp(
      32,
      2,
      [],
      [
        [0, 0, 0, 9, 255, 255, 255, 9, 0, 255, 255, 9],
        [0, 0, 255, 9, 0, 255, 0, 9, 255, 0, 0, 9],
      ],
    ),
  ],
  [
    'BMP of 16 bits',
    bmp(
      16,
      2,
      [],
      [
        [0, 0, 0xff, 0x7f, 0xe0, 0x7f, 0, 0],
        [0, 0x7c, 0xe0, 0x03, 0x1f, 0, 0, 0],
      ],
    ),
  ],
  [
    'BMP with masks',
    bmp(
      16,
      2,
      [0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0],
      [
        [0, 0, 0xff, 0xff, 0xe0, 0xff, 0, 0],
        [0, 0xf8, 0xe0, 7, 0x1f, 0, 0, 0],
      ],
      3,
    ),
  ],
];
for (const [name, bytes] of BMPS) {
  test(name, async () => {
    const { image } = await readPicture(bytes, { channels: 'rgb', dtype: 'uint8' });
    assert.equal(
      [image.shape, [...image.data]],
      [
        [2, 3, 3],
        [...TOP, ...BOTTOM],
      ],
    );
  });
}

test('BMP and PGM: shrunk, too large, cut short, compressed, damaged', async () => {
  const large = Buffer.concat([ascii('P5 100 50 255\n'), Buffer.alloc(5000, 128)]);
  const { shape, scale, image } = await readPicture(large, { resize: 10 });
  assert.equal(
    [shape, scale],
    [
      [5, 10],
      [10, 10],
    ],
  );
  near(image.data, Array(50).fill(128 / 255));
  await rejects(() => readPicture(large, { maxPixels: 4999 }), PictureError, /more than 4999 pixels/);
  await rejects(() => readPicture(large.subarray(0, 400)), PictureError, /cut short/);
  await rejects(() => readPicture(ascii('P2 2 2 9 1 2')), PictureError, /cut short/);
  await rejects(() => readPicture(ascii('P5 0 2 255 ')), PictureError, /header is damaged/);
  await rejects(() => readPicture(bmp(8, 2, PALETTE, [[0]], 1)), PictureError, /compressed/);
  await rejects(() => readPicture(bmp(24, 2, [], [BLUE_FIRST_TOP])), PictureError, /cut short/);
  await rejects(
    () =>
      readPicture(
        bmp(
          8,
          2,
          [],
          [
            [9, 9, 9, 0],
            [9, 9, 9, 0],
          ],
        ),
      ),
    PictureError,
    /palette/,
  );
});

test.run();
