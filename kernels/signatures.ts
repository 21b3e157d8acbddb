import { isTFTensor } from '../src/tensor/convert.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { type Check, must, oneOf, optionsOf, orWord, type Rules, ranged, TEXT, TEXTS } from '../src/util/checks.ts';
import { promises, type Signature, takes } from '../src/util/signature.ts';
import type { CornersJob } from './corners/corners-of-file.ts';
import type { FindCornersOptions } from './corners/find-corners.ts';
import type {
  HarrisOptions,
  PeaksOptions,
  ResponseOptions,
  ShiTomasiOptions,
  SubpixOptions,
} from './corners/options.ts';
import type { DeviceOption } from './device.ts';
import type { ContactSheetOptions } from './pictures/contact-sheet.ts';
import type { GetPicturesOptions } from './pictures/get-pictures.ts';
import type { ReadPictureOptions } from './pictures/read-picture.ts';

// The kind of each option. Which numbers an option takes, the function itself knows.
const NUMBER = must('a number', (value) => typeof value === 'number');
const NUMBER_OR_NULL = orWord(NUMBER, null);
const TF: Check = must('tfjs, such as the tf of an engine', (value) => typeof value === 'object' && value !== null);

const DEVICE: Rules<DeviceOption> = { tf: TF };
const SIGMA: Rules<ShiTomasiOptions> = { sigma: NUMBER };
const HARRIS: Rules<HarrisOptions> = { ...SIGMA, method: oneOf('k', 'eps'), k: NUMBER, eps: NUMBER };
const RESPONSE: Rules<ResponseOptions> = { ...HARRIS, method: oneOf('k', 'eps', 'shi-tomasi') };
const PEAKS: Rules<PeaksOptions> = {
  minDistance: NUMBER,
  thresholdAbs: NUMBER_OR_NULL,
  thresholdRel: NUMBER_OR_NULL,
  excludeBorder: orWord(NUMBER, true, false),
  numPeaks: NUMBER,
};
const SUBPIX: Rules<SubpixOptions> = { windowSize: NUMBER, alpha: NUMBER };
const READ: Rules<ReadPictureOptions> = { resize: NUMBER, dtype: oneOf('float32', 'float64'), maxPixels: NUMBER };
const FIND: Rules<FindCornersOptions> = { ...RESPONSE, ...PEAKS, ...READ, subpix: optionsOf(SUBPIX) };
const CORNERS_JOB: Rules<CornersJob> = { path: TEXT, options: optionsOf(FIND), drawTo: TEXT, thumbnail: NUMBER };
// Both are there, also in JavaScript.
const JOB = optionsOf(CORNERS_JOB, (value, where) => {
  const { path, options } = (value ?? {}) as Partial<CornersJob>;
  if (typeof path === 'string' && options !== undefined) return false;
  throw new TypeError(`${where}: job is an object with a path and options, such as { path, options: {} }`);
});
const SHEET: Rules<ContactSheetOptions> = { columns: NUMBER, side: NUMBER };
const PICTURES: Rules<GetPicturesOptions> = { extensions: TEXTS };

const IMAGE: Check = must('a Tensor or a tf.Tensor', (value) => value instanceof Tensor || isTFTensor(value));
const TENSOR: Check = must('a Tensor', (value) => value instanceof Tensor);
const SOURCE: Check = must(
  'a path, or the bytes of a file',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
);
const BYTES: Check = must('the bytes of a picture file', (value) => value instanceof Uint8Array);
const CORNERS: Check = must('a list of positions [row, col]', Array.isArray);
const SIDE: Check = ranged(
  'a whole number of pixels ≥ 1',
  (value) => typeof value === 'number',
  (value) => Number.isSafeInteger(value) && (value as number) >= 1,
);
const BATCH: Check = must('a list or a stream of picture files, as bytes', isIterable);

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

/** The arguments of each picture function. */
export const PICTURE_FUNCTIONS = {
  cornerHarris: promises({ image: IMAGE }, { options: optionsOf({ ...HARRIS, ...DEVICE }) }),
  cornerShiTomasi: promises({ image: IMAGE }, { options: optionsOf({ ...SIGMA, ...DEVICE }) }),
  cornerPeaks: promises({ response: IMAGE }, { options: optionsOf({ ...PEAKS, ...DEVICE }) }),
  cornerSubpix: promises({ image: IMAGE, corners: CORNERS }, { options: optionsOf(SUBPIX) }),
  findCorners: promises({ source: SOURCE }, { options: optionsOf({ ...FIND, ...DEVICE }) }),
  getCornersImage: promises({ source: SOURCE }, { options: optionsOf({ ...FIND, ...DEVICE }) }),
  cornersOfFile: promises({ job: JOB }),
  getPictures: promises({ where: TEXT }, { options: optionsOf(PICTURES) }),
  readPicture: promises({ source: SOURCE }, { options: optionsOf(READ) }),
  drawCorners: takes({ image: TENSOR, corners: CORNERS }),
  plotCorners: promises({ image: TENSOR, corners: CORNERS }),
  encodePicture: promises({ picture: TENSOR }, { format: oneOf('png', 'jpeg', 'webp', 'tiff') }),
  contactSheet: promises({ pictures: BATCH }, { options: optionsOf(SHEET) }),
  thumbnail: promises({ picture: BYTES }, { side: SIDE }),
} satisfies Readonly<Record<string, Signature>>;
