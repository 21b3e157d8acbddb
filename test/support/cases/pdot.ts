// pdot on real engines of any context: every plan and dtype against the reference, refs, edges, failures, and memory.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { checkProduct } from '../../../kernels/matmul/product-check.ts';
import { referenceMatmul } from '../../../kernels/matmul/reference.ts';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { CompositeError, ShapeError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { cast, tensor } from '../../../src/tensor/convert.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { toHalf } from '../../../src/tensor/float16.ts';
import { productDType } from '../../../src/tensor/product-dtype.ts';
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
  dtypes(test, rig);
  edges(test, rig);
  plans(test, rig, sizes);
  references(test, rig);
  failures(test, rig);
}

/** Both as the dtype of their product, for a check. */
function promoted(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const dtype = productDType(a.dtype, b.dtype);
  return [cast(a, dtype), cast(b, dtype)];
}

const ALL_DTYPES: readonly DType[] = ['float32', 'float64', 'float16', 'int32', 'uint32', 'int8', 'uint16', 'bool'];

// Small whole numbers, so that also float16 is exact, but those that are negative.
function whole(dtype: DType, shape: readonly [number, number], salt = 1): Tensor {
  const values = Array.from({ length: shape[0] * shape[1] }, (_, i) => (i * 7 + salt) % (dtype === 'bool' ? 2 : 5));
  return tensor(values, { dtype, shape });
}

function dtypes(test: Suite, rig: () => Rig): void {
  for (const first of ALL_DTYPES) {
    test(`${first} with every dtype, as NumPy promotes them`, async () => {
      const products = ALL_DTYPES.map(async (second) => {
        const [a, b] = [whole(first, [5, 4]), whole(second, [4, 3], 2)];
        const c = await pdot(rig().v, a, b);
        assert.is(c.dtype, productDType(first, second), second);
        assert.ok(c.equals(referenceMatmul(...promoted(a, b))), `${first} · ${second}: ${c}`);
      });
      await Promise.all(products);
    });
  }
  test('uint32 wraps, also with numbers beyond int32', async () => {
    const a = tensor(
      [
        [4_000_000_000, 3],
        [2 ** 31, 5],
      ],
      { dtype: 'uint32' },
    );
    const c = await pdot(rig().v, a, a);
    assert.equal(
      [c.dtype, c.toNested()],
      [
        'uint32',
        [
          [4_131_389_440, 3_410_065_423],
          [2_147_483_648, 2_147_483_673],
        ],
      ],
    );
  });
  test('two dtypes on the engines: each device copy is kept, and the values stay', async () => {
    const { v } = rig();
    const [a, b] = [whole('int32', [6, 4]), whole('float32', [4, 3], 2)];
    await Promise.all([v.scatter('A', a), v.push({ B: b })]);
    for (let i = 0; i < 2; i++) {
      assert.ok((await pdot(v, ref('A'), ref('B'))).equals(referenceMatmul(...promoted(a, b))));
      assert.ok((await pdot(v, ref('A'), b, { plan: 'ring' })).equals(referenceMatmul(...promoted(a, b))));
    }
    assert.ok(((await v.gather('A')) as Tensor).equals(a));
    await nothingLeft(rig());
  });
  test('dtype narrows operands here before they are sent, and those on the engines there', async () => {
    const { v } = rig();
    const [a, b] = [matrix('float64', [9, 8]), matrix('float64', [8, 7], 2)];
    const [x, y] = [cast(a, 'float32'), cast(b, 'float32')];
    for (const plan of PLANS) assertProduct(await pdot(v, a, b, { plan, dtype: 'float32' }), x, y);
    const wide = await pdot.plan(v, a, b, { plan: 'rows' });
    const plan = await pdot.plan(v, a, b, { plan: 'rows', dtype: 'float32' });
    assert.equal(
      [plan.dtype, plan.a.dtype, plan.traffic.toEngines * 2],
      ['float32', 'float32', wide.traffic.toEngines],
    );
    assertProduct(await pdot(v, a, b, { plan }), x, y);
    await rejects(() => pdot(v, a, b, { plan, dtype: 'float64' }), TypeError, /plan again/);
    await Promise.all([v.scatter('A', a), v.push({ B: b })]);
    await pdot(v, ref('A'), ref('B'), { dtype: 'float32', into: 'C' });
    assertProduct((await v.gather('C')) as Tensor, x, y);
    // Bytes are sent as they are where the dtype is wider.
    const bytes = await pdot.plan(v, whole('int8', [9, 8]), y, { dtype: 'float32' });
    assert.is(bytes.a.dtype, 'int8');
    await nothingLeft(rig());
  });
  test('a plan tells what computes each dtype', async () => {
    const { v, rc } = rig();
    const { providers, provider } = await pdot.plan(v, [[1]], [[2]]);
    const device = rc.engines[0]?.device;
    assert.is(provider, device?.matmulBy?.['float64'] ?? device?.matmul);
    assert.is(providers.float32, device?.matmul);
    if (device?.kind === 'webgpu') assert.match(String(provider), /CPU/);
  });
  test('matmul in tasks converts as pdot does', async () => {
    const { e0 } = rig();
    const [a, b] = [whole('int16', [3, 4]), whole('float32', [4, 2], 2)];
    await e0.push({ a, b });
    await e0.execute('c = await matmul(a, b)');
    assert.ok(((await e0.pull('c')) as Tensor).equals(referenceMatmul(...promoted(a, b))));
    await e0.clear();
  });
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
    await rejects(() => pdot(v, [[1]], [[1]], { dtype: 'int8' as never }), RangeError, /dtype is one of 'float32'/);
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
