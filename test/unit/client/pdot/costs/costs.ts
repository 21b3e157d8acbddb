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

test('costs from a file are checked', () => {
  assert.equal(clusterCosts({ ...FREE, flops: null }, 'costs.json'), { ...FREE, flops: null });
  assert.throws(
    () => clusterCosts({ ...FREE, send: '1' }, 'costs.json'),
    (error: Error) => error instanceof ProtocolError,
  );
});

test.run();
