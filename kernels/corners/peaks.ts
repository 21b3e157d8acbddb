// Peaks of a response: the maxima of their columns by max-pooling on the device, the short rest on the host.

import { type Columns, maxDown, paddedCols } from './filters.ts';
import { type Corner, floatImage, type Image, type TF } from './image.ts';
import { type PeaksOptions, peaksOptions, type ResponseOptions, responseOptions } from './options.ts';
import { PeakList } from './peak-list.ts';
import { responseOnDevice, responseReach, upload } from './response.ts';
import { strips } from './strips.ts';

/**
 * The peaks `[row, col]` of a response, strongest first, ties in raster order.
 * @param response 2-D, as cornerHarris gives it; a float64 response keeps its precision in thresholds and order
 * @throws ShapeError unless 2-D; RangeError for NaN or an option out of range
 */
export async function cornerPeaks(tf: TF, response: Image, options: PeaksOptions = {}): Promise<Corner[]> {
  const rule = peaksOptions(options);
  const field = await floatImage(response, 'response');
  const list = new PeakList(field.rows, field.cols, rule);
  if (field.data.length === 0) return [];
  for (const strip of strips(field.rows, field.cols, rule.minDistance)) {
    const values = field.data.subarray(strip.from * field.cols, strip.to * field.cols);
    const highest = rule.minDistance === 0 ? null : highestInColumn(tf, upload(tf, field, strip), rule.minDistance);
    list.add(values, field.cols, highest && (await read(highest)), strip);
  }
  return list.corners();
}

/**
 * Response and peaks in one go: the response of a strip stays on the device until its maxima are known.
 * @throws as cornerHarris and cornerPeaks
 */
export async function detectCorners(
  tf: TF,
  image: Image,
  options: ResponseOptions & PeaksOptions = {},
): Promise<Corner[]> {
  const grey = await floatImage(image);
  const response = responseOptions(options);
  const rule = peaksOptions(options);
  const list = new PeakList(grey.rows, grey.cols, rule);
  if (grey.data.length === 0) return [];
  for (const strip of strips(grey.rows, grey.cols, responseReach(response) + rule.minDistance)) {
    const map = responseOnDevice(tf, upload(tf, grey, strip), grey.cols, response);
    const highest = rule.minDistance === 0 ? null : highestInColumn(tf, tf.clone(map), rule.minDistance);
    // Both reads are under way at once: on a GPU each waits for the same queue.
    const [values, around] = await Promise.all([read(map), highest && read(highest)]);
    list.add(values, paddedCols(grey.cols), around, strip);
  }
  return list.corners();
}

/** The maximum above and below each pixel; takes over (and disposes) the map. Across, only few pixels are left to ask. */
function highestInColumn(tf: TF, map: Columns, radius: number): Columns {
  try {
    return maxDown(tf, map, radius);
  } finally {
    map.dispose();
  }
}

async function read(map: Columns): Promise<Float32Array> {
  try {
    return (await map.data()) as Float32Array;
  } finally {
    map.dispose();
  }
}
