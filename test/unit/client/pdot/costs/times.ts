// Costs from the times of a probe, by hand.
import * as assert from 'uvu/assert';
import { clusterCosts } from '../../../../../src/client/pdot/costs/costs.ts';
import { costsOf, leastOf, type ProbedWork, type ProbeTimes } from '../../../../../src/client/pdot/costs/times.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('client/pdot/costs/times');
const near = (a: number | null | undefined, b: number) =>
  assert.ok(Math.abs((a as number) - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

const WORK: ProbedWork = {
  engines: 4,
  bytes: 100,
  peerBytes: 50,
  square: 8000,
  slimBytes: 25,
};
const TIMES: ProbeTimes = {
  call: 1,
  all: 4,
  single: 25,
  many: 40,
  dealt: 18,
  back: 54,
  mail: 3,
  shift: 53,
  copy: 100,
  copyHere: 50,
};
const PRODUCTS = { rest: 5, restAlone: 2, square: 90, alone: 44, slim: 28 };

test('each cost from the times that have it, less what they have besides', () => {
  const costs = costsOf(TIMES, WORK, 7);
  assert.is(costs.engines, 4);
  assert.is(costs.measured, 7);
  assert.is(costs.call, 1);
  assert.is(costs.perEngine, 1);
  near(costs.send, 24 / 100);
  // 36 s for the same bytes to four engines, 24 of them for the first one.
  near(costs.sendAgain, 12 / 300);
  // 14 s for a quarter to each, 6 of them for the first one; 75 bytes to the others.
  near(costs.sendOther, 8 / 75);
  near(costs.receive, 50 / 100);
  assert.is(costs.mail, 3);
  near(costs.between, 1);
  near(costs.copy, 2);
  near(costs.copyHere, 1);
  assert.is(costs.flops, null);
  assert.is(costs.touch, undefined);
});

test('engines that multiply: operations of all and of one alone, and operands beside them', () => {
  const costs = costsOf({ ...TIMES, products: PRODUCTS }, WORK, 7);
  near(costs.flops, 8000 / 80);
  near(costs.flopsAlone, 8000 / 40);
  // 28 s, less two small products.
  near(costs.touch, 18 / 25);
  near(costs.send, 24 / 100);
  assert.equal(clusterCosts(JSON.parse(JSON.stringify(costs)), 'costs'), costs);
});

test('messages of one engine alone are no dearer than while all send', () => {
  const costs = costsOf({ ...TIMES, mailAlone: 1, shiftAlone: 11 }, WORK, 7);
  assert.equal([costs.mail, costs.between, costs.mailAlone, costs.betweenAlone], [3, 1, 1, 0.2]);
  const noisy = costsOf({ ...TIMES, mailAlone: 9, shiftAlone: 1000 }, WORK, 7);
  assert.equal([noisy.mailAlone, noisy.betweenAlone], [3, 1]);
});

test('noise makes no negative cost, nothing dearer than one after the other, and no engine slower alone', () => {
  const noisy = { ...TIMES, all: 0.5, many: 1000, dealt: 1000, shift: 1, back: 0 };
  const costs = costsOf({ ...noisy, products: { rest: 100, restAlone: 0, square: 90, alone: 1e6, slim: 0 } }, WORK, 7);
  for (const [name, value] of Object.entries(costs)) assert.ok((value as number) >= 0, name);
  assert.is(costs.perEngine, 0);
  assert.is(costs.between, 0);
  assert.is(costs.sendAgain, costs.send);
  assert.is(costs.sendOther, costs.send);
  assert.is(costs.flopsAlone, costs.flops);
  assert.ok(Number.isFinite(costs.flops));
});

test('one engine alone is at most as quick as all together', () => {
  const costs = costsOf({ ...TIMES, products: { ...PRODUCTS, alone: 4 } }, WORK, 7);
  near(costs.flopsAlone, 4 * 100);
});

test('one engine: further ones would cost what it costs', () => {
  const costs = costsOf({ ...TIMES, mail: undefined, shift: undefined }, { ...WORK, engines: 1 }, 7);
  assert.is(costs.perEngine, costs.call);
  assert.is(costs.mail, costs.call);
  assert.equal([costs.sendAgain, costs.sendOther, costs.between], [costs.send, costs.send, costs.send]);
});

test('the least of each time counts, whichever pass had it', () => {
  const other = { ...TIMES, call: 9, many: 2, products: { ...PRODUCTS, rest: 1, slim: 99 } };
  const least = leastOf([{ ...TIMES, products: PRODUCTS }, other]);
  assert.equal([least.call, least.many, least.shift], [1, 2, 53]);
  assert.equal(least.products, { ...PRODUCTS, rest: 1 });
  assert.is(leastOf([{ ...TIMES, mail: undefined }]).mail, undefined);
  assert.is(leastOf([TIMES, TIMES]).products, undefined);
});

test.run();
