// Upper points of F(n, n) against the thresholds of scikit-image and the classical tables.
import * as assert from 'uvu/assert';
import { fUpperPoint } from '../../../../kernels/corners/f-test.ts';
import { allClose } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('F-test');

test('windows of 7, 9, 11, 13 at alpha 0.99', () => {
  const points = [7, 9, 11, 13].map((w) => fUpperPoint(1 - 0.99, w * w - 2));
  const wanted = [1.9914915289543988, 1.6957761130352873, 1.5357730784853294, 1.4355553322219163];
  allClose(points, wanted, { rtol: 1e-12, atol: 0 });
});

test('printed tables: 1 % and 5 % points', () => {
  const points = [fUpperPoint(0.01, 7), fUpperPoint(0.05, 5), fUpperPoint(0.05, 120), fUpperPoint(0.05, 1)];
  allClose(points, [6.99, 5.05, 1.35, 161.45], { rtol: 0, atol: 0.005 });
});

test('half of the mass lies above 1; windows of any size', () => {
  allClose([fUpperPoint(0.5, 3), fUpperPoint(0.5, 47)], [1, 1], { rtol: 1e-9 });
  const points = [3, 5, 15, 31, 101, 301].map((w) => fUpperPoint(0.01, w * w - 2));
  for (const [i, point] of points.entries()) assert.ok(point > 1 && (i === 0 || point < (points[i - 1] as number)));
});

test.run();
