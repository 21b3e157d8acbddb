// Response, corners and subpixel positions of one picture within the stated tolerances, on any tfjs.
import * as assert from 'uvu/assert';
import { type FoundCorners, findCorners } from '../../kernels/corners/find-corners.ts';
import { cornerPeaks } from '../../kernels/corners/peaks.ts';
import { cornerHarris } from '../../kernels/corners/response.ts';
import { cornerSubpix } from '../../kernels/corners/subpix.ts';
import type { TF } from '../../kernels/device.ts';
import { readPicture } from '../../kernels/pictures/read-picture.ts';
import { f1, type Golden, matches, type Position, responseError } from './golden-corners.ts';

/** Throws uvu's Assertion unless all of it holds; disposes what it makes. */
export async function assertGolden(tf: TF, wanted: Golden): Promise<void> {
  const { image, shape } = await readPicture(wanted.path);
  assert.equal(shape, wanted.shape);
  const response = await cornerHarris(tf, image);
  const error = responseError(response, wanted);
  assert.ok(error <= 1e-4, `response off by ${error} of its maximum`);
  const corners = await cornerPeaks(tf, response);
  assert.ok(f1(corners, wanted.corners) >= 0.99, `F1 ${f1(corners, wanted.corners)}`);
  // Chessboard corners lie on plateaus of 2×2 pixels: which pixel is the peak depends on rounding.
  if (wanted.name !== 'chessboard_GRAY') assert.equal(corners, wanted.corners);
  assertSubpix(corners, await cornerSubpix(image, corners), wanted);
  const found = await findCorners(tf, wanted.path, { subpix: {}, like: 'skimage' });
  assert.equal(found.corners, corners, 'findCorners is response and peaks in one go');
  assert.is(found.subpix?.length, corners.length);
}

/** Corners and subpixel positions of one picture, wherever they were found. */
export function assertFound({ shape, corners, subpix }: FoundCorners, wanted: Golden): void {
  assert.equal(shape, wanted.shape);
  assert.ok(f1(corners, wanted.corners) >= 0.99, `F1 ${f1(corners, wanted.corners)} of ${wanted.name}`);
  assert.is(subpix?.length, corners.length);
  assertSubpix(corners, subpix as (Position | null)[], wanted);
}

function assertSubpix(corners: readonly Position[], subpix: readonly (Position | null)[], wanted: Golden): void {
  const pairs = matches(corners, wanted.corners).flatMap((at, i) =>
    at < 0 ? [] : [[subpix[i] ?? null, wanted.subpix[at] ?? null] as const],
  );
  assert.ok(pairs.length >= 0.99 * wanted.corners.length);
  const sameKind = pairs.filter(([got, want]) => (got === null) === (want === null));
  assert.ok(sameKind.length >= 0.95 * pairs.length, `null in ${sameKind.length} of ${pairs.length} same places`);
  const placed = sameKind.filter(([got, want]) => got && want);
  const near = placed.filter(([got, want]) => got && want && distance(got, want) <= 0.05);
  assert.ok(near.length >= 0.98 * placed.length, `${near.length} of ${placed.length} within 0.05 pixel`);
}

function distance(a: Position, b: Position): number {
  return Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]));
}
