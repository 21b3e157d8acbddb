// pdot on real engines of any context: every plan and dtype against the reference, refs, edges, failures, and memory.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { checkProduct } from '../../../kernels/matmul/product-check.ts';
import { referenceMatmul } from '../../../kernels/matmul/reference.ts';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { CompositeError, ShapeError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { toHalf } from '../../../src/tensor/float16.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

const PLANS = ['auto', 'rows', 'grid', 'ring'] as const;
const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'float16', 'int8', 'uint16'];
type Sizes = readonly [m: number, k: number, n: number];

/** Different values for every place: a mixed-up block shows. */
export function matrix(dtype: DType, shape: readonly [number, number], salt = 1): Tensor {
  const out = new Tensor(dtype, shape);
  for (let i = 0; i < out.size; i++) {
    const value = ((i * 7919 + salt * 104_729) % 2003) / 1001.5 - 1;
    if (dtype === 'float16') out.data[i] = toHalf(value);
    else out.data[i] = dtype.includes('int') ? Math.round(value * 2 ** 30) : value;
  }
  return out;
}

/** Exact for integers, within the bound of the dtype for floats. */
export function assertProduct(c: Tensor, a: Tensor, b: Tensor): void {
  assert.equal([...c.shape], [a.shape[0], b.shape[1]]);
  const { ok, relative, maxError } = checkProduct(c, a, b);
  assert.ok(ok, `${a.dtype} [${a.shape}]·[${b.shape}]: off by ${maxError}, ${relative} of the bound`);
  if (a.dtype.includes('int')) assert.is(c.dtype, 'int32');
  else assert.is(c.dtype, a.dtype);
}

async function nothingLeft({ v }: Rig): Promise<void> {
  await v.clear();
  for (const { names, device, mail } of await v.memory()) {
    assert.equal(names, {});
    assert.equal(device ?? { bytes: 0, buffers: 0 }, { bytes: 0, buffers: 0 });
    assert.is(mail, 0);
  }
}

export function pdotCases(test: Suite, rig: () => Rig, sizes: Sizes = [37, 23, 29]): void {
  const [m, k, n] = sizes;
  for (const dtype of DTYPES) {
    for (const plan of PLANS) {
      test(`${dtype} by plan ${plan}`, async () => {
        const [a, b] = [matrix(dtype, [m, k]), matrix(dtype, [k, n], 2)];
        assertProduct(await pdot(rig().v, a, b, { plan }), a, b);
      });
    }
    test(`${dtype} scattered by rows, in and out by reference`, async () => {
      const { v } = rig();
      const [a, b] = [matrix(dtype, [m, k]), matrix(dtype, [k, n], 2)];
      v.scatter('A', a);
      v.scatter('B', b);
      const c = await pdot(v, ref('A'), ref('B'), { into: 'C' });
      assert.is(c.expression, 'C');
      assertProduct((await v.gather('C')) as Tensor, a, b);
      await nothingLeft(rig());
    });
  }
  edges(test, rig);
  plans(test, rig, sizes);
  references(test, rig);
  failures(test, rig);
}

const EDGES: readonly Sizes[] = [
  [1, 1, 1],
  [1, 5, 2],
  [2, 1, 7],
  [3, 0, 4],
  [0, 3, 4],
  [4, 3, 0],
  [0, 0, 0],
];

function edges(test: Suite, rig: () => Rig): void {
  for (const [m, k, n] of EDGES) {
    test(`${m}×${k}×${n} by every plan: empty blocks and more engines than rows`, async () => {
      const [a, b] = [matrix('float32', [m, k]), matrix('float32', [k, n], 2)];
      for (const plan of PLANS) assertProduct(await pdot(rig().v, a, b, { plan }), a, b);
      const { v } = rig();
      v.scatter('A', a);
      v.scatter('B', b);
      assertProduct(await pdot(v, ref('A'), ref('B'), { plan: 'ring' }), a, b);
      await pdot(v, a, b, { into: 'C' });
      assertProduct((await v.gather('C')) as Tensor, a, b);
      await nothingLeft(rig());
    });
  }
  test('NaN and Infinity propagate as in the reference', async () => {
    const a = new Tensor('float32', [3, 2], Float32Array.of(Number.NaN, 1, 2, Number.POSITIVE_INFINITY, 3, 4));
    const b = new Tensor('float32', [2, 2], Float32Array.of(1, 0, 1, 2));
    for (const plan of PLANS) assert.ok((await pdot(rig().v, a, b, { plan })).equals(referenceMatmul(a, b)), plan);
  });
}

function plans(test: Suite, rig: () => Rig, [m, k, n]: Sizes): void {
  const [a, b] = [matrix('float32', [m, k]), matrix('float32', [k, n], 2)];
  test('a plan says what goes where, and sends nothing', async () => {
    const { v, rc } = rig();
    for (const kind of ['rows', 'grid', 'ring'] as const) {
      const plan = await pdot.plan(v, a, b, { plan: kind });
      assert.equal([plan.kind, plan.shape, plan.dtype, plan.keep], [kind, [m, n], 'float32', false]);
      assert.equal(plan.engines, rc.ids);
      assert.is(plan.provider, rc.engines[0]?.device.matmul);
      assert.equal(
        plan.blocks.map(({ engine, place }) => engine === rc.ids[place]),
        plan.blocks.map(() => true),
      );
      assert.match(
        inspect(plan),
        new RegExp(`^pdot plan ${kind}: .*\\n  A +float32 \\[${m}×${k}\\], at the client\\n`),
      );
    }
    await nothingLeft(rig());
  });
  test('one plan for many products, of values and of refs', async () => {
    const { v } = rig();
    const other = matrix('float32', [m, k], 3);
    for (const kind of PLANS) {
      const plan = await pdot.plan(v, a, b, { plan: kind });
      assertProduct(await pdot(v, a, b, { plan }), a, b);
      assertProduct(await pdot(v, other, b, { plan }), other, b);
    }
    v.scatter('A', a);
    v.scatter('B', b);
    const plan = await pdot.plan(v, ref('A'), ref('B'), { into: 'C' });
    assert.equal([plan.kind, plan.a.held, plan.b.held, plan.keep], ['ring', 'rows', 'rows', true]);
    assert.is((await pdot(v, ref('A'), ref('B'), { plan, into: 'C' })).expression, 'C');
    assertProduct((await v.gather('C')) as Tensor, a, b);
    await nothingLeft(rig());
  });
  test('a plan for other operands or engines is refused before anything is sent', async () => {
    const { v, e0 } = rig();
    const plan = await pdot.plan(v, a, b);
    await rejects(() => pdot(v, b, b, { plan }), ShapeError, /plan again/);
    await rejects(() => pdot(v, ref('A'), b, { plan }), TypeError, /plan again/);
    await rejects(() => pdot(e0, a, b, { plan }), TypeError, /plan again/);
    await rejects(() => pdot(v, a, b, { plan, into: 'C' }), TypeError, /plan again/);
    await rejects(() => pdot.plan(v, a, b, { plan: 'spiral' as never }), RangeError, /auto, rows, grid, ring/);
    await rejects(() => pdot.plan(v, a, a), ShapeError, /inner sizes/);
    await nothingLeft(rig());
  });
  test('operands that changed since the plan are an error, or give the product of what is there', async () => {
    const { v } = rig();
    await Promise.all([v.scatter('A', a), v.push({ B: b })]);
    const plan = await pdot.plan(v, ref('A'), ref('B'));
    const taller = matrix('float32', [m + 9, k], 4);
    await v.scatter('A', taller);
    await rejects(() => pdot(v, ref('A'), ref('B'), { plan }), ShapeError, /operands changed meanwhile/);
    assertProduct(await pdot(v, ref('A'), ref('B')), taller, b);
    await nothingLeft(rig());
  });
}

function references(test: Suite, rig: () => Rig): void {
  test('A here and B on the engines, and the other way round', async () => {
    const { v } = rig();
    const [a, b] = [matrix('float32', [9, 6]), matrix('float32', [6, 5], 2)];
    v.push({ whole: b });
    v.scatter('A', a);
    v.scatter('B', b);
    assertProduct(await pdot(v, a, ref('whole')), a, b);
    assertProduct(await pdot(v, ref('A'), ref('whole')), a, b);
    assertProduct(await pdot(v, a, ref('B')), a, b);
    assertProduct(await pdot(v, ref('A'), b), a, b);
    await nothingLeft(rig());
  });
  test('a result is an operand of the next product', async () => {
    const { v } = rig();
    const a = matrix('int32', [8, 8]);
    v.scatter('A', a);
    await pdot(v, ref('A'), a, { into: 'C' });
    await pdot(v, ref('C'), ref('C'), { into: 'C' });
    const square = referenceMatmul(a, a);
    assert.ok(((await v.gather('C')) as Tensor).equals(referenceMatmul(square, square)));
    await nothingLeft(rig());
  });
}

function failures(test: Suite, rig: () => Rig): void {
  test('dtypes and shapes are checked first, also of what lies on the engines', async () => {
    const { v } = rig();
    const before = v.ids.length;
    await rejects(() => pdot(v, matrix('int32', [2, 2]), matrix('float32', [2, 2])), TypeError, /int32 · float32/);
    await rejects(() => pdot(v, matrix('bool', [2, 2]), matrix('bool', [2, 2])), TypeError, /bool does not multiply/);
    await rejects(() => pdot(v, [1, 2], [[1], [2]]), ShapeError, /2-D/);
    v.scatter('A', matrix('float32', [8, 5]));
    v.scatter('B', matrix('float32', [7, 3]));
    await rejects(() => pdot(v, ref('A'), ref('B')), ShapeError, /\[8,5\] · \[7,3\].*scattered by rows: \d \+ \d/);
    await v.push({ s: 'text' });
    await rejects(() => pdot(v, ref('s'), ref('B')), TypeError, /A \(s\) on engine 0 is a string, not a tensor/);
    await rejects(() => pdot(v, ref('nemo'), ref('B')), CompositeError, /nemo is not defined/);
    assert.is(v.ids.length, before);
    await nothingLeft(rig());
  });
  test('an abort ends the wait and leaves nothing behind', async () => {
    const { v } = rig();
    const a = matrix('float32', [8, 8]);
    for (const plan of PLANS) {
      const stop = new AbortController();
      const product = pdot(v, a, a, { plan, signal: stop.signal });
      stop.abort();
      await assert.not.type(await product.catch((error: Error) => error.name), 'undefined');
      assert.is(
        await product.then(
          () => 'done',
          (error: Error) => error.name,
        ),
        'AbortError',
      );
      await nothingLeft(rig());
    }
  });
}
