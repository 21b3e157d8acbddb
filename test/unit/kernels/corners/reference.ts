// The float64 loops against the golden figures: the truth that the kernels are measured by.
import * as assert from 'uvu/assert';
import { referencePeaks, referenceResponse } from '../../../../kernels/corners/reference.ts';
import { cornerSubpix } from '../../../../kernels/corners/subpix.ts';
import { readPicture } from '../../../../kernels/pictures/read-picture.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { allClose } from '../../../support/assert.ts';
import { f1, goldens, plate, plateCorners, raster, rectangles, square } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('corners in float64');
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
const total = (tensor: Tensor) => sum(tensor.data as Float64Array);
const lowest = (tensor: Tensor) => (tensor.data as Float64Array).reduce((a, b) => Math.min(a, b));
const highest = (tensor: Tensor) => (tensor.data as Float64Array).reduce((a, b) => Math.max(a, b));

for (const wanted of goldens) {
  test(`${wanted.name}: response, peaks and subpixel positions`, async () => {
    const { image } = await readPicture(wanted.path, { dtype: 'float64' });
    allClose([total(image) / image.size], [wanted.grayMean], { rtol: 1e-12 });
    const response = referenceResponse(image);
    const { samples, max, min } = wanted.response;
    const at = ([r = 0, c = 0]: number[]) => response.at(r * wanted.shape[1] + c);
    allClose(
      samples.map(at),
      samples.map((sample) => sample[2] as number),
      { rtol: 0, atol: 1e-12 },
    );
    allClose([highest(response)], [max], { rtol: 0, atol: 1e-12 });
    allClose([lowest(response)], [min], { rtol: 0, atol: 1e-12 });
    allClose([total(response)], [wanted.response.sum], { rtol: 1e-12, atol: 1e-9 });
    const corners = referencePeaks(response);
    if (wanted.name === 'chessboard_GRAY') assert.is(f1(corners, wanted.corners), 1);
    else assert.equal(corners, wanted.corners);
    const subpix = await cornerSubpix(image, wanted.corners);
    assert.equal(
      subpix.map((one) => one === null),
      wanted.subpix.map((one) => one === null),
    );
    allClose(
      subpix.flatMap((one) => one ?? []),
      wanted.subpix.flatMap((one) => one ?? []),
      { rtol: 0, atol: 1e-9 },
    );
  });
}

test('the plate of 32×40: figures of scikit-image', async () => {
  const response = referenceResponse(plate());
  const at = (r: number, c: number) => response.at(r * 40 + c);
  allClose([at(8, 10), at(14, 16), at(15, 20)], [20.25084, 1.275663, -0.080651], { rtol: 0, atol: 5e-7 });
  allClose([lowest(response), total(response)], [-5.276524, -211.279678], { atol: 5e-7 });
  assert.equal(raster(referencePeaks(response)), plateCorners);
  const [first, second, ...others] = await cornerSubpix(plate(), plateCorners);
  allClose([...(first ?? []), ...(second ?? [])], [7.748945, 9.748945, 7.748945, 29.251055], { atol: 5e-7 });
  assert.equal(others, [null, null]);
});

test('a square of ones responds at its corners; all ones only at the border', () => {
  assert.equal(raster(referencePeaks(referenceResponse(square()), { minDistance: 1 })), [
    [2, 2],
    [2, 7],
    [7, 2],
    [7, 7],
  ]);
  const ones = referenceResponse(rectangles([40, 40], [0, 39, 0, 39, 1]));
  allClose([highest(ones)], [8.094433], { atol: 5e-7 });
  for (let r = 6; r < 34; r++) assert.equal([...ones.data.slice(r * 40 + 6, r * 40 + 34)], Array(28).fill(0));
  assert.equal(referencePeaks(new Tensor('float64', [20, 20], new Float64Array(400).fill(3))), []);
});

test.run();
