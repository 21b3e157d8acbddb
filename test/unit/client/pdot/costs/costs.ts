// The cost model: seconds of plans by hand, and the plan that each kind of cluster gets.
import * as assert from 'uvu/assert';
import { type ClusterCosts, clusterCosts, secondsOf } from '../../../../../src/client/pdot/costs/costs.ts';
import { type OperandLayout, type PlanKind, plan } from '../../../../../src/client/pdot/plan.ts';
import { ProtocolError } from '../../../../../src/errors.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('client/pdot/costs');
const FREE: ClusterCosts = {
  engines: 9,
  measured: 0,
  call: 0,
  perEngine: 0,
  mail: 0,
  send: 0,
  sendAgain: 0,
  receive: 0,
  between: 0,
  flops: 1e30,
};

test('seconds: calls, messages, bytes of each kind, operations, the result', () => {
  const work = { rounds: 2, engines: 4, once: 100, again: 30, between: 50, mail: 3, toClient: 7, flops: 600 };
  const seconds = (costs: Partial<ClusterCosts>) => secondsOf({ ...FREE, ...costs }, work);
  assert.is(Number(seconds({}).toPrecision(3)), 6e-28);
  assert.is(seconds({ call: 5 }), 10);
  assert.is(seconds({ perEngine: 1 }), 6);
  assert.is(seconds({ send: 1 }), 100);
  assert.is(seconds({ sendAgain: 1 }), 30);
  assert.is(seconds({ between: 1 }), 50);
  assert.is(seconds({ mail: 1 }), 3);
  assert.is(seconds({ receive: 1 }), 7);
  assert.is(seconds({ flops: 6 }), 100);
  assert.is(seconds({ flops: null }), 6e-7);
});

const held = (place: 'client' | 'rows', n: number, engines: number): OperandLayout => ({
  shape: [n, n],
  dtype: 'float32',
  held: place,
  parts: place === 'rows' ? Array.from({ length: engines }, () => n / engines) : undefined,
});

// 9 engines, 900×900. A wire that costs 1 and all others nothing, and the plan that avoids it.
const CLUSTERS: [string, 'client' | 'rows', Partial<ClusterCosts>, PlanKind][] = [
  ['copies from the client are dear: it sends everything once', 'client', { sendAgain: 1, mail: 1e-9 }, 'ring'],
  ['and engines pass on little', 'client', { sendAgain: 1, between: 1e-3 }, 'summa'],
  ['copies cost nothing, as in shared memory; engines are slow', 'client', { between: 1 }, 'rows'],
  ['copies cost, and engines are slow', 'client', { sendAgain: 1e-9, between: 1 }, 'grid'],
  ['operands are there, and bytes count', 'rows', { between: 1 }, 'summa'],
  ['calls cost alone: one round', 'client', { call: 1 }, 'rows'],
];

for (const [name, place, costs, kind] of CLUSTERS) {
  test(`auto by costs: ${name}: ${kind}`, () => {
    const operand = held(place, 900, 9);
    const request = { a: operand, b: operand, engines: 9, resultItemSize: 4 };
    const chosen = plan({ ...request, costs: { ...FREE, ...costs } });
    assert.is(chosen.kind, kind);
    // None of the others is quicker.
    for (const choice of ['rows', 'grid', 'ring', 'summa'] as const) {
      if (place === 'rows' && (choice === 'rows' || choice === 'grid')) continue;
      const other = plan({ ...request, choice, costs: { ...FREE, ...costs } });
      assert.ok((other.seconds as number) >= (chosen.seconds as number), choice);
    }
  });
}

test('operations count: a large product on many engines goes to all of them, and takes the time of one block', () => {
  const operand = held('client', 900, 9);
  const costs = { ...FREE, flops: 1e9 };
  const made = plan({ a: operand, b: operand, engines: 9, resultItemSize: 4, costs });
  assert.is(made.busy.length, 9);
  assert.is(Number((made.seconds as number).toPrecision(6)), (2 * 900 * 900 * 100) / 1e9);
});

test('columns are copied: of two plans that send alike, the one without copies is chosen', () => {
  // Grid sends less than rows, and copies B and C.
  const [a, b] = [held('client', 512, 2), { ...held('client', 512, 2), shape: [512, 1024] }] as const;
  const costs = { ...FREE, send: 1e-9, sendAgain: 1e-10, receive: 1e-9, between: 1e-9 };
  const request = { a, b, engines: 2, resultItemSize: 4, costs };
  const of = (choice: PlanKind) => plan({ ...request, choice: choice as 'rows' });
  assert.equal(of('grid').panels, [1, 2]);
  assert.ok(of('grid').bytes < of('rows').bytes);
  assert.is(plan(request).kind, 'rows');
  const work = { rounds: 1, engines: 1, once: 0, again: 0, between: 0, mail: 0, toClient: 0, flops: 0, copied: 8e6 };
  assert.is(Number(secondsOf(costs, work).toPrecision(6)), 0.008);
  // Slow links make no slow memory.
  assert.is(Number(secondsOf({ ...costs, send: 1, receive: 1, between: 1 }, work).toPrecision(6)), 0.008);
});

test('bytes of their own go to all engines at once, as far as links can: the engine that gets most waits for its own', () => {
  const work = { rounds: 1, engines: 4, once: 100, again: 30, between: 0, mail: 0, toClient: 0, flops: 0 };
  const costs = { ...FREE, send: 2, sendAgain: 1, sendOther: 0.5 };
  assert.is(secondsOf(costs, { ...work, first: 40 }), 40 * 2 + 60 * 0.5 + 30);
  assert.is(secondsOf(costs, work), 100 * 2 + 30, 'one after the other, where nobody says more');
});

test('copies here and there, and operands beside their operations', () => {
  const work = { rounds: 1, engines: 1, once: 0, again: 0, between: 0, mail: 0, toClient: 0, flops: 0 };
  const costs = { ...FREE, copy: 2, copyHere: 3, touch: 5 };
  assert.is(secondsOf(costs, { ...work, copied: 7 }), 14);
  assert.is(secondsOf(costs, { ...work, copiedHere: 7 }), 21);
  assert.is(secondsOf(costs, { ...work, touched: 7 }), 35);
});

test('engines that share cores: fewer of them multiply quicker, up to what one can do alone', () => {
  const work = { rounds: 0, engines: 9, once: 0, again: 0, between: 0, mail: 0, toClient: 0, flops: 60 };
  const seconds = (engines: number) => secondsOf({ ...FREE, flops: 2, flopsAlone: 5 }, { ...work, engines });
  assert.is(seconds(9), 30);
  assert.is(seconds(6), 20);
  assert.is(seconds(3), 12);
  assert.is(seconds(1), 12);
});

test('the work of plans: summa passes A as well, and ring puts B together on each engine', () => {
  const operand = held('rows', 900, 9);
  const seconds = (choice: 'ring' | 'summa', costs: Partial<ClusterCosts>) =>
    plan({ a: operand, b: operand, engines: 9, resultItemSize: 4, choice, costs: { ...FREE, ...costs } }).seconds;
  const near = (a: number | undefined, b: number) => assert.ok(Math.abs((a as number) - b) < 1e-6, `${a} is not ${b}`);
  near(seconds('ring', { mail: 1 }), 8);
  near(seconds('summa', { mail: 1 }), 8 + 2);
  near(seconds('ring', { copy: 1 }), 4 * 900 * 900);
  // Its rows of B are cut, and both panels put together; C is put together at the client.
  near(seconds('summa', { copy: 1 }), 4 * (100 * 900 + 2 * 300 * 900));
  near(seconds('summa', { copyHere: 1 }), 4 * 900 * 900);
  near(seconds('ring', { copyHere: 1 }), 0);
  near(seconds('ring', { touch: 1 }), 4 * (100 * 900 + 900 * 900));
  near(seconds('summa', { touch: 1 }), 4 * 2 * 300 * 900);
});

test('operands from the client: each engine waits for its panels; what is cut is copied here', () => {
  const operand = held('client', 900, 9);
  const seconds = (choice: 'rows' | 'grid' | 'ring' | 'summa', costs: Partial<ClusterCosts>) =>
    plan({ a: operand, b: operand, engines: 9, resultItemSize: 4, choice, costs: { ...FREE, sendOther: 0, ...costs } })
      .seconds;
  const near = (a: number | undefined, b: number) => assert.ok(Math.abs((a as number) - b) < 1e-6, `${a} is not ${b}`);
  near(seconds('rows', { send: 1 }), 4 * (100 * 900 + 900 * 900));
  // Two rows of four columns.
  near(seconds('grid', { send: 1 }), 4 * (450 + 225) * 900);
  for (const kind of ['ring', 'summa'] as const) near(seconds(kind, { send: 1 }), 4 * 2 * 100 * 900);
  near(seconds('grid', { copyHere: 1 }), 4 * 2 * 900 * 900);
  near(seconds('rows', { copyHere: 1 }), 0);
  near(seconds('rows', { touch: 1 }), 0);
});

test('costs from a file are checked', () => {
  assert.equal(clusterCosts({ ...FREE, flops: null }, 'costs.json'), { ...FREE, flops: null });
  assert.throws(
    () => clusterCosts({ ...FREE, send: '1' }, 'costs.json'),
    (error: Error) => error instanceof ProtocolError,
  );
});

test.run();
