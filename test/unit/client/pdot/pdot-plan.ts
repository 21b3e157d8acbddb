// A plan as users see it: its parts, its print, and the products that it serves.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { assertServes, PdotPlan, type PlannedProduct } from '../../../../src/client/pdot/pdot-plan.ts';
import { type OperandLayout, type PlanRequest, plan } from '../../../../src/client/pdot/plan.ts';
import { ShapeError } from '../../../../src/errors.ts';
import { ref } from '../../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/pdot/pdot-plan');
const client = (...shape: number[]): OperandLayout => ({ shape, dtype: 'float32', held: 'client' });
const rows = (columns: number, ...parts: number[]): OperandLayout => ({
  shape: [parts.reduce((a, b) => a + b, 0), columns],
  dtype: 'float32',
  held: 'rows',
  parts,
});

function make(
  a: OperandLayout,
  b: OperandLayout,
  engines: readonly number[],
  { provider, ...more }: Partial<PlanRequest> & { provider?: string } = {},
): PdotPlan {
  const keep = more.keep ?? false;
  const blocks = plan({ a, b, engines: engines.length, resultItemSize: 4, ...more });
  return new PdotPlan({ a, b, dtype: 'float32', keep, engines, providers: { float32: provider }, blocks });
}

test('blocks have their engines; the traffic adds up', () => {
  const made = make(client(8, 6), client(6, 10), [7, 2, 5, 3], { choice: 'grid' });
  assert.equal(made.panels, [2, 2]);
  assert.equal(made.blocks[1], { engine: 2, place: 1, rows: { lo: 0, hi: 4 }, columns: { lo: 5, hi: 10 } });
  assert.equal(made.traffic, { toEngines: 2 * 192 + 2 * 240, betweenEngines: 0, toClient: 320 });
  assert.is(made.bytes, 2 * 192 + 2 * 240 + 320);
  const ring = make(client(8, 6), client(6, 10), [0, 1, 2, 3], { choice: 'ring' });
  assert.equal(ring.traffic, { toEngines: 192 + 240, betweenEngines: 3 * 240, toClient: 320 });
  const kept = make(rows(6, 4, 4), rows(10, 3, 3), [0, 1], { keep: true });
  assert.equal(kept.traffic, { toEngines: 0, betweenEngines: 240, toClient: 0 });
});

test('printed in aligned lines', () => {
  const made = make(client(50, 50), client(50, 50), [0, 1, 2, 10, 11], { choice: 'grid', provider: 'onnx' });
  const text = [
    'pdot plan grid: 2 × 2 panels',
    '  A          float32 [50×50], at the client',
    '  B          float32 [50×50], at the client',
    '  C          float32 [50×50], comes to the client',
    '  bytes      40000 to the engines, 0 between engines, 10000 to the client',
    '  provider   onnx',
    '  engine 0   rows 0:25   columns 0:25',
    '  engine 1   rows 0:25   columns 25:50',
    '  engine 2   rows 25:50  columns 0:25',
    '  engine 10  rows 25:50  columns 25:50',
    '  engine 11  idle',
  ].join('\n');
  assert.is(inspect(made), text);
  assert.is(String(made), text);
});

test('printed: operands on the engines, C that stays there, engines that differ', () => {
  const made = make(rows(6, 8, 120), { ...client(6, 10), held: 'replicated' }, [0, 1], { keep: true });
  assert.is(
    inspect(made),
    [
      'pdot plan rows: 2 × 1 panels',
      '  A         float32 [128×6], on the engines by rows: 8 + 120',
      '  B         float32 [6×10], whole on each engine',
      '  C         float32 [128×10], stays on the engines by rows',
      '  bytes     0 to the engines, 0 between engines, 0 to the client',
      '  engine 0  rows 0:8    columns 0:10',
      '  engine 1  rows 8:128  columns 0:10',
    ].join('\n'),
  );
});

test('engines that differ: each has its own libraries, and its line names the one that multiplies', () => {
  const [a, b] = [client(4, 3), client(3, 2)];
  const byEngine = [
    { float32: 'openblas', int32: 'onnx' },
    { float32: 'wgsl', int32: 'wgsl' },
  ];
  const blocks = plan({ a, b, engines: 2, resultItemSize: 4 });
  const init = { a, b, dtype: 'float32' as const, keep: false, engines: [4, 9], providers: {}, blocks };
  const mixed = new PdotPlan({ ...init, byEngine });
  assert.is(mixed.providersByEngine.get(4)?.int32, 'onnx');
  assert.is(mixed.providersByEngine.get(9)?.float32, 'wgsl');
  assert.is(mixed.providersByEngine.get(0), undefined);
  assert.match(String(mixed), /engine 4 .* by openblas\n {2}engine 9 .* by wgsl$/);
  const alike = new PdotPlan({ ...init, providers: { float32: 'wgsl' } });
  assert.equal(alike.providersByEngine.get(9), { float32: 'wgsl' });
  assert.not.match(String(alike), / by /);
});

const here = make(client(4, 3), client(3, 2), [0, 1]);
const there = make(rows(3, 2, 2), client(3, 2), [0, 1], { keep: true });
const [a, b] = [new Tensor('float32', [4, 3]), new Tensor('float32', [3, 2])];

test('serves operands of the same shapes, dtypes and places', () => {
  assertServes(here, { engines: [0, 1], a, b, keep: false });
  assertServes(there, { engines: [0, 1], a: ref('any'), b, keep: true });
});

const REFUSED: [string, PdotPlan, Partial<PlannedProduct>, typeof TypeError | typeof ShapeError, RegExp][] = [
  ['another order of engines', here, { engines: [1, 0] }, TypeError, /for the engines 0,1, and the view has 1,0/],
  ['fewer engines', here, { engines: [0] }, TypeError, /plan again/],
  [
    'another shape',
    here,
    { a: new Tensor('float32', [5, 3]) },
    ShapeError,
    /for A float32 \[4×3\], and A is float32 \[5×3\]/,
  ],
  [
    'another dtype',
    here,
    { b: new Tensor('int32', [3, 2]) },
    ShapeError,
    /for B float32 \[3×2\], and B is int32 \[3×2\]/,
  ],
  ['a ref', here, { b: ref('B') }, TypeError, /for B at the client, and B is a ref/],
  ['a value', there, { a, keep: true }, TypeError, /for A on the engines, and A is a value here/],
  ['another dtype of C', here, { asked: 'float64' }, TypeError, /multiplies in float32, and float64 is asked for/],
  ['into', here, { keep: true }, TypeError, /to bring C to the client, and into is given/],
  ['no into', there, { a: ref('A') }, TypeError, /to keep C on the engines, and into is not given/],
];

for (const [name, planned, product, kind, message] of REFUSED) {
  test(`does not serve: ${name}`, () =>
    throws(() => assertServes(planned, { engines: [0, 1], a, b, keep: false, ...product }), kind, message));
}

test.run();
