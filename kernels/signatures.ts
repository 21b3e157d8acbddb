import { isTFTensor } from '../src/tensor/convert.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import {
  type Check,
  FLAG,
  isPlainObject,
  must,
  optionsOf,
  orWord,
  type Rules,
  ranged,
  TEXT,
  TEXTS,
  wordOf,
} from '../src/util/checks.ts';
import { promises, type Signature, takes } from '../src/util/signature.ts';
import type {
  CornersJob,
  FindCornersOptions,
  HarrisOptions,
  PeaksOptions,
  ResponseOptions,
  ShiTomasiOptions,
  SubpixOptions,
} from './corners/options.ts';
import type { DeviceOption } from './device-option.ts';
import type { ContactSheetOptions } from './pictures/contact-sheet.ts';
import type { DrawOptions, PlotOptions } from './pictures/draw.ts';
import type { EncodeOptions, WriteOptions } from './pictures/encode-picture.ts';
import type { GetPicturesOptions } from './pictures/get-pictures.ts';
import type { ReadPictureOptions } from './pictures/read-picture.ts';
import type { PlotResponseOptions } from './pictures/response-map.ts';

// The kind of each option. Which numbers an option takes, the function itself knows.
const NUMBER = must('a number', (value) => typeof value === 'number');
const NUMBER_OR_NULL = orWord(NUMBER, null);
const TF: Check = must('tfjs, such as the tf of an engine', (value) => typeof value === 'object' && value !== null);

const DEVICE: Rules<DeviceOption> = { tf: TF };
const SHI_TOMASI: Rules<ShiTomasiOptions> = { sigma: NUMBER, border: wordOf('reflect', 'nearest', 'zero') };
const HARRIS: Rules<HarrisOptions> = { ...SHI_TOMASI, method: wordOf('k', 'eps'), k: NUMBER, eps: NUMBER };
const RESPONSE: Rules<ResponseOptions> = { ...HARRIS, method: wordOf('k', 'eps', 'shi-tomasi') };
const PEAKS: Rules<PeaksOptions> = {
  minDistance: NUMBER,
  thresholdAbs: NUMBER_OR_NULL,
  thresholdRel: NUMBER_OR_NULL,
  excludeBorder: orWord(NUMBER, true, false),
  numPeaks: NUMBER,
  outside: wordOf('zero', 'ignored'),
};
const SUBPIX: Rules<SubpixOptions> = { windowSize: NUMBER, alpha: NUMBER };
/** The kind of each option of `readPicture`. */
export const READ: Rules<ReadPictureOptions> = {
  channels: wordOf('grey', 'rgb', 'rgba'),
  dtype: wordOf('float32', 'float64', 'uint8'),
  page: NUMBER,
  resize: NUMBER,
  maxPixels: NUMBER,
  lenient: FLAG,
};
const { channels: _, ...READ_GREY } = READ;
const FIND: Rules<FindCornersOptions> = {
  ...RESPONSE,
  ...PEAKS,
  ...READ_GREY,
  dtype: wordOf('float32', 'float64'),
  subpix: optionsOf(SUBPIX),
  like: wordOf('skimage'),
};
const MARKS: Check = must('a list of positions [row, col] and nulls', Array.isArray);
const DRAW: Rules<DrawOptions> = {
  markSize: NUMBER,
  color: TEXT,
  refined: MARKS,
  refinedColor: TEXT,
  on: wordOf('grey', 'color'),
};
const ENCODE: Rules<EncodeOptions> = { format: wordOf('png', 'jpeg', 'webp', 'tiff'), quality: NUMBER };
const PLOT: Rules<PlotOptions> = { ...DRAW, ...ENCODE, maxSize: NUMBER };
const PLOT_RESPONSE: Rules<PlotResponseOptions> = { ...ENCODE, maxSize: NUMBER };
const BATCH_JOB = must(
  'a picture of a batch and its operation',
  (value) => value === null || (isPlainObject(value) && 'operation' in value),
);
const DEPTH = must("8, 16 or 'float'", (value) => typeof value === 'number' || typeof value === 'string');
const WRITE: Rules<WriteOptions> = { ...ENCODE, depth: DEPTH };
const CORNERS_JOB: Rules<CornersJob> = {
  path: TEXT,
  options: optionsOf(FIND),
  drawTo: TEXT,
  draw: optionsOf(PLOT),
  thumbnail: NUMBER,
};
// Both are there, also in JavaScript.
const JOB = optionsOf(CORNERS_JOB, (value, where) => {
  const { path, options } = (value ?? {}) as Partial<CornersJob>;
  if (typeof path === 'string' && options !== undefined) return false;
  throw new TypeError(`${where}: job is an object with a path and options, such as { path, options: {} }`);
});
const SHEET: Rules<ContactSheetOptions> = { columns: NUMBER, side: NUMBER, captions: FLAG, frames: FLAG };
const PICTURES: Rules<GetPicturesOptions> = { extensions: TEXTS };

const IMAGE: Check = must(
  'a Tensor, a tf.Tensor, or rows of numbers',
  (value) => value instanceof Tensor || isTFTensor(value) || Array.isArray(value),
);
const SOURCE: Check = must(
  'a path, a file: URL, or the bytes of a file',
  (value) => typeof value === 'string' || value instanceof URL || value instanceof Uint8Array,
);
const BYTES: Check = must('the bytes of a picture file', (value) => value instanceof Uint8Array);
const CORNERS: Check = must('a list of positions [row, col]', Array.isArray);
const SIDE: Check = ranged(
  'a whole number of pixels ≥ 1',
  (value) => typeof value === 'number',
  (value) => Number.isSafeInteger(value) && (value as number) >= 1,
);
const PATH: Check = must('a path or a file: URL', (value) => typeof value === 'string' || value instanceof URL);
const isFormat = (value: unknown, where: string): boolean => {
  if (typeof value === 'string') ENCODE.format(value, 'format', where);
  return typeof value === 'string';
};
const FORMAT_OR_OPTIONS = optionsOf(WRITE, isFormat);
const BATCH: Check = must('a list or a stream of picture files, as bytes', isIterable);

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

/** The arguments of each picture function. */
export const PICTURE_FUNCTIONS = {
  cornerHarris: promises({ image: IMAGE }, { options: optionsOf({ ...HARRIS, ...DEVICE }) }),
  cornerShiTomasi: promises({ image: IMAGE }, { options: optionsOf({ ...SHI_TOMASI, ...DEVICE }) }),
  cornerPeaks: promises({ response: IMAGE }, { options: optionsOf({ ...PEAKS, ...DEVICE }) }),
  cornerSubpix: promises({ image: IMAGE, corners: CORNERS }, { options: optionsOf(SUBPIX) }),
  findCorners: promises({ source: SOURCE }, { options: optionsOf({ ...FIND, ...DEVICE }) }),
  getCornersImage: promises({ source: SOURCE }, { options: optionsOf({ ...FIND, ...PLOT, ...DEVICE }) }),
  cornersOfFile: promises({ job: JOB }),
  getPictures: promises({ where: TEXT }, { options: optionsOf(PICTURES) }),
  readPicture: promises({ source: SOURCE }, { options: optionsOf(READ) }),
  drawCorners: takes({ image: IMAGE, corners: CORNERS }, { options: optionsOf(DRAW) }),
  plotCorners: promises({ image: IMAGE, corners: CORNERS }, { options: optionsOf(PLOT) }),
  plotResponse: promises({ response: IMAGE }, { options: optionsOf(PLOT_RESPONSE) }),
  encodePicture: promises({ picture: IMAGE }, { format: FORMAT_OR_OPTIONS }),
  writePicture: promises({ path: PATH, picture: IMAGE }, { options: optionsOf(WRITE) }),
  contactSheet: promises({ tiles: BATCH }, { options: optionsOf(SHEET) }),
  runOperation: promises({ job: BATCH_JOB }),
  thumbnail: promises({ picture: BYTES }, { side: SIDE }),
} satisfies Readonly<Record<string, Signature>>;
