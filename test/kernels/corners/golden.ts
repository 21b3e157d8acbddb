// Every picture against scikit-image, on every backend that opens here.
import * as assert from 'uvu/assert';
import { findCorners } from '../../../kernels/corners/find-corners.ts';
import { cornerPeaks } from '../../../kernels/corners/peaks.ts';
import { cornerHarris } from '../../../kernels/corners/response.ts';
import { cornerSubpix } from '../../../kernels/corners/subpix.ts';
import { readPicture } from '../../../kernels/pictures/read-picture.ts';
import { f1, type Golden, goldens, matches, type Position, responseError } from '../../support/golden-corners.ts';
import { suite } from '../../support/suite.ts';
import { onBackend, openBackends } from '../../support/tfjs.ts';

const test = suite('corners against scikit-image');

function assertSubpix(corners: readonly Position[], subpix: readonly (Position | null)[], wanted: Golden): void {
  const pairs = matches(corners, wanted.corners).flatMap((at, i) =>
    at < 0 ? [] : [[subpix[i] ?? null, wanted.subpix[at] ?? null] as const],
  );
  const sameKind = pairs.filter(([got, want]) => (got === null) === (want === null));
  assert.ok(sameKind.length >= 0.95 * pairs.length, `null in ${sameKind.length} of ${pairs.length} same places`);
  const placed = sameKind.filter(([got, want]) => got && want);
  const near = placed.filter(
    ([got, want]) => got && want && Math.max(Math.abs(got[0] - want[0]), Math.abs(got[1] - want[1])) <= 0.05,
  );
  assert.ok(near.length >= 0.98 * placed.length, `${near.length} of ${placed.length} within 0.05 pixel`);
}

for (const { name, reason } of await openBackends()) {
  for (const wanted of goldens) {
    const title = `${wanted.name} on ${name}`;
    if (reason !== undefined) {
      test.skip(title, reason);
      continue;
    }
    test(title, () =>
      onBackend(name, async (tf) => {
        const { image, shape } = await readPicture(wanted.path);
        assert.equal(shape, wanted.shape);
        const response = await cornerHarris(tf, image);
        const error = responseError(response, wanted);
        assert.ok(error <= 1e-4, `response off by ${error} of its maximum`);
        const corners = await cornerPeaks(tf, response);
        assert.ok(f1(corners, wanted.corners) >= 0.99, `F1 ${f1(corners, wanted.corners)}`);
        // Chessboard corners lie on plateaus of 2×2 pixels: which one is first depends on rounding.
        if (wanted.name !== 'chessboard_GRAY') assert.equal(corners, wanted.corners);
        assertSubpix(corners, await cornerSubpix(image, corners), wanted);
        const found = await findCorners(tf, wanted.path, { subpix: {} });
        assert.equal(found.corners, corners, 'findCorners is response and peaks in one go');
        assert.is(found.subpix?.length, corners.length);
      }),
    );
  }
}

test.run();
