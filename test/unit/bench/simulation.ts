// The simulator's formulas: limits by hand, and what must hold for every number of engines.
import * as assert from 'uvu/assert';
import {
  allReduceOn,
  broadcastOn,
  callOn,
  flatCall,
  mapHere,
  mapOn,
  productOn,
  relayedCall,
  sharing,
} from '../../../bench/support/scale/simulation.ts';
import type { ClusterCosts } from '../../../src/client/pdot/costs/costs.ts';
import { plan } from '../../../src/client/pdot/plan.ts';
import { suite } from '../../support/suite.ts';

const test = suite('bench/simulation');
const COSTS: ClusterCosts = {
  engines: 4,
  measured: 0,
  call: 1e-4,
  perEngine: 5e-5,
  mail: 2e-4,
  send: 5e-10,
  sendAgain: 2e-10,
  receive: 6e-10,
  between: 1e-9,
  flops: 4e10,
};
const SIZES = [1, 2, 7, 32, 33, 1000, 1024, 1025, 10_000, 100_000];
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

test('a call: straight to few engines, by levels of agents to many', () => {
  near(flatCall(COSTS, 101), 1e-4 + 100 * 5e-5);
  assert.is(callOn(COSTS, 8).levels, 0);
  assert.equal(relayedCall(COSTS, 1024).levels, 1);
  near(relayedCall(COSTS, 1024).seconds, 2 * flatCall(COSTS, 32));
  assert.is(relayedCall(COSTS, 1025).levels, 2);
  assert.is(callOn(COSTS, 32_768).levels, 2);
  assert.is(callOn(COSTS, 100_000).levels, 3);
  for (const n of SIZES) assert.ok(callOn(COSTS, n).seconds <= flatCall(COSTS, n));
});

test('a map: bound by its tasks on few engines, by the client on many, by neither with agents', () => {
  near(mapOn(COSTS, 1, 100, 1), 100 + flatCall(COSTS, 1));
  const direct = { ...COSTS, call: 1e6 };
  // Agents would cost more than they save: one task after the other.
  near(mapOn(direct, 100, 1e6, 1e-3) - callOn(direct, 100).seconds, 50);
  assert.ok(mapOn(COSTS, 100_000, 1e6, 0.1) < 1e6 * COSTS.perEngine);
});

test('collectives: nothing alone, the formulas of the notes, and never slower than either way', () => {
  for (const run of [broadcastOn, allReduceOn]) assert.is(run(COSTS, 1, 1e8), 0);
  near(broadcastOn(COSTS, 2, 100), 2e-4 + 100e-9);
  // Two levels of agreement up and down, and the ring: three steps up, three down, three blocks added.
  near(allReduceOn(COSTS, 4, 4e8), 4 * 2e-4 + 6 * (2e-4 + 1e8 * 1e-9) + 3e8 * 1e-9);
  near(allReduceOn(COSTS, 4, 4e8, 3e-9), 4 * 2e-4 + 6 * (2e-4 + 1e8 * 1e-9) + 3e8 * 3e-9);
  // The value is copied, and three of its blocks are put into their places.
  near(allReduceOn({ ...COSTS, copy: 1e-9 }, 4, 4e8) - allReduceOn(COSTS, 4, 4e8), 7e8 * 1e-9);
  // Two ranks have no ring: there, a sum, and back.
  near(allReduceOn({ ...COSTS, copy: 1e-9 }, 2, 1e6), 2 * 2e-4 + 2 * (2e-4 + 1e-3) + 2 * 1e-3);
  near(allReduceOn(COSTS, 1024, 8), 20 * 2e-4 + 20 * (2e-4 + 8e-9) + 10 * 8e-9);
  for (const n of SIZES.slice(1)) {
    assert.ok(broadcastOn(COSTS, n, 1e8) <= Math.ceil(Math.log2(n)) * (2e-4 + 0.1) + 1e-9);
    assert.ok(broadcastOn(COSTS, n, 1e8) > 0);
  }
});

test('products: the closed form is near the plans of pdot, wherever those can be made', () => {
  for (const engines of [1, 4, 9, 64, 256]) {
    const operand = { shape: [4096, 4096], dtype: 'float32', held: 'client' } as const;
    const made = plan({ a: operand, b: operand, engines, resultItemSize: 4, costs: COSTS });
    const closed = productOn(COSTS, engines, 4096);
    const off = closed.seconds / (made.seconds as number);
    assert.ok(off > 0.5 && off < 1.5, `${engines} engines: ${closed.seconds} beside ${made.seconds}`);
  }
});

test('engines that share cores are slower; one a core are as they were measured', () => {
  assert.equal(sharing(COSTS, 4, 4, 4), COSTS);
  near(sharing(COSTS, 8, 4, 4).flops as number, 2e10);
  near(sharing(COSTS, 8, 4, 4).between, 2e-9);
  near(sharing(COSTS, 1, 2, 4).flops as number, 8e10);
  assert.is(sharing({ ...COSTS, flops: null }, 8, 4).flops, null);
  // Three of four engines on two cores share them, one has one of them and is as quick as it was alone.
  const shared = { ...COSTS, flopsAlone: 7e10, copy: 1e-9 };
  near(sharing(shared, 3, 2, 4).flops as number, Math.min((4e10 * 4) / 3, 7e10 / 1.5));
  near(sharing(shared, 1, 2, 4).flops as number, 7e10);
  near(sharing(shared, 8, 2, 4).copy as number, 2e-9);
  assert.not('touch' in sharing(shared, 8, 2, 4));
});

test('a map on one host: its cores have the work of the engines and of the client', () => {
  near(mapHere(COSTS, 1, 2, 64, 0.01), 1e-4 + 0.64);
  near(mapHere(COSTS, 2, 2, 64, 0.01), 1e-4 + (64 * (0.01 + 5e-5)) / 2);
  near(mapHere(COSTS, 4, 2, 64, 0.01), mapHere(COSTS, 2, 2, 64, 0.01));
});

test.run();
