import type { TF } from '../device.ts';
import { type Corner, type FloatImage, floatImage, type Image } from '../image.ts';
import { ColumnBlocks } from './column-blocks.ts';
import {
  type PeakRule,
  type PeaksOptions,
  peaksOptions,
  type ResponseOptions,
  type ResponseRule,
  responseOptions,
} from './options.ts';
import { PeakList, type Peaks } from './peak-list.ts';
import { assertFits, responseOnDevice, responseReach } from './response.ts';
import { type HostResponse, hostResponseFor } from './simd/host-response.ts';
import { type Strip, strips } from './strips.ts';
import { type Columns, maxOfBlocks, paddedCols } from './tf-ops/filters.ts';
import { upload } from './tf-ops/upload.ts';

/**
 * cornerPeaks of the public API, on this tfjs. The device finds the maxima of blocks by max-pooling, the host does the
 * short rest. A float64 response keeps its precision in thresholds and order.
 * @throws ShapeError, RangeError
 */
export async function cornerPeaks(tf: TF, response: Image, options: PeaksOptions = {}): Promise<Corner[]> {
  const rule = peaksOptions(options);
  const field = await floatImage(response, 'response');
  const list = new PeakList(field.rows, field.cols, rule);
  if (field.data.length === 0) return [];
  for (const strip of strips(field.rows, field.cols, rule.minDistance)) {
    const values = field.data.subarray(strip.from * field.cols, strip.to * field.cols);
    const loaded = { values, stride: field.cols, rows: strip.to - strip.from, cols: field.cols };
    const height = heightOfBlocks(loaded, rule);
    const maxima = height === 1 ? null : await pooled(tf, upload(tf, field, strip), height);
    list.add(loaded, maxima && new ColumnBlocks(loaded, maxima, paddedCols(field.cols), height), strip);
  }
  return list.peaks().corners;
}

interface Rules {
  readonly response: ResponseRule;
  readonly peaks: PeakRule;
}

/**
 * The corners of a checked picture. The response of a strip stays where it was computed until its maxima are known.
 * @throws RangeError for an option out of range
 */
export async function cornersOf(tf: TF, grey: FloatImage, options: ResponseOptions & PeaksOptions): Promise<Peaks> {
  const response = responseOptions(options);
  const rule = peaksOptions(options);
  const list = new PeakList(grey.rows, grey.cols, rule);
  if (grey.data.length === 0) return list.peaks();
  const host = hostResponseFor(tf);
  for (const strip of strips(grey.rows, grey.cols, responseReach(response) + rule.minDistance)) {
    assertFits(grey, strip, response);
    const rules = { response, peaks: rule };
    if (host === undefined) await addOnDevice(list, tf, grey, strip, rules);
    else addOnHost(list, host, grey, strip, rules);
  }
  return list.peaks();
}

/** The peaks of a strip whose response the host computes. */
function addOnHost(list: PeakList, host: HostResponse, grey: FloatImage, strip: Strip, rules: Rules): void {
  const size = { rows: strip.to - strip.from, cols: grey.cols };
  const height = heightOfBlocks(size, rules.peaks);
  const { values, stride, maxima } = host.compute(grey, strip, rules.response, height);
  const loaded = { ...size, values, stride };
  list.add(loaded, height === 1 ? null : new ColumnBlocks(loaded, maxima, stride, height), strip);
}

/** The peaks of a strip whose response the device computes. */
async function addOnDevice(list: PeakList, tf: TF, grey: FloatImage, strip: Strip, rules: Rules): Promise<void> {
  const { map, margin } = responseOnDevice(tf, grey, strip, rules.response);
  const size = { stride: map.shape[3], rows: strip.to - strip.from, cols: grey.cols };
  const height = heightOfBlocks(size, rules.peaks);
  const maxima = height === 1 ? null : pooled(tf, tf.clone(map), height);
  // Both reads are under way at once: on a GPU each waits for the same queue.
  const [values, highest] = await Promise.all([read(map), maxima]);
  const loaded = { ...size, values: values.subarray(margin) };
  const blocks = highest && new ColumnBlocks(loaded, highest.subarray(margin), size.stride, height);
  list.add(loaded, blocks, strip);
}

// A block that is longer than the picture only adds work.
function heightOfBlocks({ rows }: { readonly rows: number }, { minDistance }: PeakRule): number {
  return Math.min(minDistance + 1, Math.max(rows, 2));
}

/** Disposes the map. */
function pooled(tf: TF, map: Columns, height: number): Promise<Float32Array> {
  try {
    return read(maxOfBlocks(tf, map, height));
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
