// What the kernels offer to users and to the engines that run them: one list of values, one of types.

export type { CornersJob, CornersOfFile } from './corners/corners-of-file.ts';
export { cornersOfFile } from './corners/corners-of-file.ts';
export type { FindCornersOptions, FoundCorners } from './corners/find-corners.ts';
export type { Corner, Image } from './corners/image.ts';
export type { DeviceOption } from './corners/on-device.ts';
export { cornerHarris, cornerPeaks, cornerShiTomasi, findCorners, getCornersImage } from './corners/on-device.ts';
export type {
  HarrisOptions,
  PeaksOptions,
  ResponseOptions,
  ShiTomasiOptions,
  SubpixOptions,
} from './corners/options.ts';
export { cornerSubpix } from './corners/subpix.ts';
export type { Format } from './pictures/codec.ts';
export type { ContactSheetOptions } from './pictures/contact-sheet.ts';
export { contactSheet, thumbnail } from './pictures/contact-sheet.ts';
export type { Mark } from './pictures/draw.ts';
export { drawCorners, encodePicture, plotCorners } from './pictures/draw.ts';
export type { GetPicturesOptions } from './pictures/get-pictures.ts';
export { getPictures } from './pictures/get-pictures.ts';
export { PictureError } from './pictures/picture-error.ts';
export type { Picture, ReadPictureOptions } from './pictures/read-picture.ts';
export { readPicture } from './pictures/read-picture.ts';
