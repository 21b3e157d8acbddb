// The picture functions of kernels/ for clients: callable here, and passed to a view they travel as what they are called,
// not as source. Each engine imports its own copy, which computes on the engine's device.
import * as kernels from '../kernels/index.ts';
import { kernelFunction } from './protocol/values/module-function.ts';

export const contactSheet = kernelFunction(kernels.contactSheet);
export const cornerHarris = kernelFunction(kernels.cornerHarris);
export const cornerPeaks = kernelFunction(kernels.cornerPeaks);
export const cornerShiTomasi = kernelFunction(kernels.cornerShiTomasi);
export const cornerSubpix = kernelFunction(kernels.cornerSubpix);
export const cornersOfFile = kernelFunction(kernels.cornersOfFile);
export const drawCorners = kernelFunction(kernels.drawCorners);
export const encodePicture = kernelFunction(kernels.encodePicture);
export const findCorners = kernelFunction(kernels.findCorners);
export const getCornersImage = kernelFunction(kernels.getCornersImage);
export const getPictures = kernelFunction(kernels.getPictures);
export const plotCorners = kernelFunction(kernels.plotCorners);
export const readPicture = kernelFunction(kernels.readPicture);
export const thumbnail = kernelFunction(kernels.thumbnail);
