// pdot on real engines of any context: every plan and dtype against the reference, refs, edges, failures, and memory.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { checkProduct } from '../../../kernels/matmul/product-check.ts';
import { referenceMatmul } from '../../../kernels/matmul/reference.ts';
import { transposed as turned } from '../../../kernels/matmul/transpose.ts';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { AbortError, CompositeError, ShapeError, TimeoutError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { cast, tensor } from '../../../src/tensor/convert.ts';
import type { DType } from '../../../src/tensor/dtype.ts';
import { codecOf } from '../../../src/tensor/floats/stored-bits.ts';
import { productDType } from '../../../src/tensor/product-dtype.ts';
import { broadcastPairs, productSizes } from '../../../src/tensor/product-shape.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

const PLANS = ['auto', 'rows', 'grid', 'ring', 'summa'] as const;
const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'float16', 'int8', 'uint16', 'bfloat16'];
type Sizes = readonly [m: number, k: number, n: number];

/** Different values for every place: a mixed-up block shows. */
export function matrix(dtype: DType, shape: readonly [number, number], salt = 1): Tensor {
  const out = new Tensor(dtype, shape);
  const { encode = Number } = codecOf(dtype) ?? {};
  for (let i = 0; i < out.size; i++) {
    const value = ((i * 7919 + salt * 104_729) % 2003) / 1001.5 - 1;
    out.data[i] = dtype.includes('int') ? Math.round(value * 2 ** 30) : encode(value);
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

// Engines use the memory of large operands again. All sums are whole numbers that float32 holds.
function large(test: Suite, rig: () => Rig): void {
  const [m, k, n] = [9, 100_000, 4];
  const full = (shape: readonly [number, number], value: number) =>
    new Tensor('float32', shape, new Float32Array(shape[0] * shape[1]).fill(value));

  for (const plan of ['rows', 'ring'] as const) {
    test(`large operands of products in flight keep apart: ${plan}`, async () => {
      const { v } = rig();
      for (let round = 0; round < 2; round++) {
        const all = [1, 2, 3, 4, 5].map((factor) => pdot(v, full([m, k], factor), full([k, n], round + 1), { plan }));
        const aborted = pdot(v, full([m, k], 9), full([k, n], 9), { plan });
        await aborted.abort();
        await rejects(() => aborted, AbortError);
        for (const [i, product] of all.entries()) {
          const { data } = await product;
          assert.equal([...new Set(data)], [(i + 1) * (round + 1) * k]);
        }
      }
      await nothingLeft(rig());
    });
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
  large(test, rig);
  dtypes(test, rig);
  ranks(test, rig);
  transposes(test, rig);
  results(test, rig);
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

const ALL_DTYPES: readonly DType[] = [
  'float32',
  'float64',
  'float16',
  'int32',
  'uint32',
  'int8',
  'uint16',
  'bool',
  'bfloat16',
];

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

/** Different small whole numbers for every place, of any rank. */
function counted(shape: readonly number[], salt = 1): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Array.from({ length: size }, (_, i) => ((i * 7 + salt * 3) % 11) - 5),
    { dtype: 'float32', shape },
  );
}

/** numpy.matmul by the letter, on this side: one product of matrices after the other. */
function matmul(a: Tensor, b: Tensor): Tensor {
  const sizes = productSizes(a.shape, b.shape);
  const [m, k, n] = [a.rank === 1 ? 1 : (a.shape.at(-2) as number), sizes.k, sizes.n];
  const lead = [a, b].map(({ shape }) => shape.slice(0, -2)) as [number[], number[]];
  const [p, q] = lead.map((axes) => axes.reduce((x, y) => x * y, 1)) as [number, number];
  const [left, right] = [a.reshape([p, m, k]), b.reshape([q, k, n])];
  const batch = sizes.batch.length > 0 ? sizes.batch : lead[0];
  const count = batch.reduce((x, y) => x * y, 1);
  const out = new Tensor(a.dtype, [count, m, n]);
  for (const [t, [i, j]] of broadcastPairs(batch, ...lead, { lo: 0, hi: count }).entries()) {
    const c = referenceMatmul(left.rows(i, i + 1).reshape([m, k]), right.rows(j, j + 1).reshape([k, n]));
    out.data.set(c.data, t * m * n);
  }
  return out.reshape(sizes.shape);
}

function same(c: Tensor, wanted: Tensor, what = ''): void {
  assert.equal([c.dtype, [...c.shape]], [wanted.dtype, [...wanted.shape]], what);
  // −0 is 0 here: libraries differ in it.
  assert.ok(
    c.data.every((x, i) => x === wanted.data[i]),
    `${what}: ${c} and not ${wanted}`,
  );
}

const RANKS: [number[], number[]][] = [
  [[6], [6, 7]],
  [[5, 6], [6]],
  [[6], [6]],
  [
    [3, 4, 6],
    [6, 5],
  ],
  [[3, 2, 4, 6], [6]],
  [
    [4, 6],
    [5, 6, 3],
  ],
  [[6], [5, 6, 3]],
  [
    [5, 4, 6],
    [5, 6, 3],
  ],
  [
    [2, 1, 4, 6],
    [3, 6, 5],
  ],
  [
    [1, 4, 6],
    [2, 6, 1],
  ],
  [
    [0, 4, 6],
    [1, 6, 5],
  ],
  [
    [2, 4, 0],
    [2, 0, 5],
  ],
];

function ranks(test: Suite, rig: () => Rig): void {
  test('vectors and batches by the rules of numpy.matmul', async () => {
    const products = RANKS.map(async ([x, y]) => {
      const [a, b] = [counted(x), counted(y, 2)];
      same(await pdot(rig().v, a, b), matmul(a, b), `[${x}] · [${y}]`);
    });
    await Promise.all(products);
  });
  test('and kept on the engines by their first axis', async () => {
    const { v } = rig();
    for (const [x, y] of RANKS.filter(([left, right]) => left.length + right.length > 2 && !left.includes(0))) {
      const [a, b] = [counted(x), counted(y, 2)];
      await pdot(v, a, b, { into: 'C' });
      same((await v.gather('C')) as Tensor, matmul(a, b), `[${x}] · [${y}]`);
    }
    await rejects(() => pdot(v, [1, 2], [3, 4], { into: 'C' }), TypeError, /is a number, and into/);
    await nothingLeft(rig());
  });
  test('a vector of the engines: on the right a column, in parts or whole', async () => {
    const { v } = rig();
    const [a, x] = [counted([7, 6]), counted([6], 2)];
    v.scatter('A', a);
    v.scatter('x', x);
    await v.push({ whole: x });
    for (const left of [a, ref('A')]) {
      for (const right of ['x', 'whole']) same(await pdot(v, left, ref(right)), matmul(a, x), right);
    }
    await pdot(v, ref('A'), ref('x'), { into: 'y' });
    same((await v.gather('y')) as Tensor, matmul(a, x));
    same(await pdot(v, ref('A'), x), matmul(a, x));
    await nothingLeft(rig());
  });
  test('a vector of the engines on the left is whole, and multiplied once', async () => {
    const { v } = rig();
    const [x, b] = [counted([6]), counted([6, 5], 2)];
    await Promise.all([v.push({ x }), v.scatter('parts', x), v.scatter('B', b)]);
    for (const right of [b, ref('B')]) {
      const product = pdot(v, ref('x'), right);
      same(await product, matmul(x, b));
      assert.is(product.length, 1);
      await pdot(v, ref('x'), right, { into: 'C' });
      same((await v.gather('C')) as Tensor, matmul(x, b));
    }
    same(await pdot(v, ref('x'), x), matmul(x, x));
    await rejects(() => pdot(v, ref('parts'), b), TypeError, /is a vector in parts of .*needed whole on each engine/);
    await v.push({ B: b });
    await rejects(() => pdot(v, ref('x'), ref('B')), TypeError, /may be all of them or a part/);
    await nothingLeft(rig());
  });
  test('matrices in a row on the engines', async () => {
    const { v } = rig();
    const [a, b] = [counted([5, 3, 4]), counted([4, 2], 2)];
    await v.scatter('A', a);
    same(await pdot(v, ref('A'), b), matmul(a, b));
    await pdot(v, ref('A'), b, { into: 'C' });
    same((await v.gather('C')) as Tensor, matmul(a, b));
    await rejects(() => pdot(v, ref('A'), counted([5, 4, 2])), TypeError, /both operands from here/);
    await nothingLeft(rig());
  });
}

function transposes(test: Suite, rig: () => Rig): void {
  for (const dtype of ['float32', 'float64', 'float16', 'bfloat16', 'int32'] as const) {
    test(`${dtype} transposed on either side, by every plan`, async () => {
      const [a, b] = [matrix(dtype, [9, 7]), matrix(dtype, [7, 5], 2)];
      const [at, bt] = [turned(a), turned(b)];
      const { v } = rig();
      for (const plan of ['auto', 'rows', 'grid'] as const) {
        assertProduct(await pdot(v, at, b, { plan, transposeA: true }), a, b);
        assertProduct(await pdot(v, a, bt, { plan, transposeB: true }), a, b);
        assertProduct(await pdot(v, at, bt, { plan, transposeA: true, transposeB: true }), a, b);
      }
      assertProduct(await pdot(v, at, b, { plan: 'ring', transposeA: true }), a, b);
      await v.scatter('A', a);
      await pdot(v, ref('A'), bt, { transposeB: true, into: 'C' });
      assertProduct((await v.gather('C')) as Tensor, a, b);
      await nothingLeft(rig());
    });
  }
  test('a batch transposed on both sides', async () => {
    const [a, b] = [counted([3, 6, 4]), counted([3, 5, 6], 2)];
    const by = (stack: Tensor) => {
      const [count, r, c] = stack.shape as [number, number, number];
      const out = new Tensor('float32', [count, c, r]);
      for (let i = 0; i < count; i++) out.data.set(turned(stack.rows(i, i + 1).reshape([r, c])).data, i * r * c);
      return out;
    };
    same(await pdot(rig().v, a, b, { transposeA: true, transposeB: true }), matmul(by(a), by(b)));
    const one = counted([6, 5], 3);
    same(await pdot(rig().v, a, one, { transposeA: true }), matmul(by(a), one));
  });
  test('what lies on several engines by rows does not serve transposed, and says so; on one it does', async () => {
    const { v, e0 } = rig();
    const [a, b] = [matrix('float32', [8, 8]), matrix('float32', [8, 8], 2)];
    await v.scatter('M', a);
    await rejects(
      () => pdot(v, ref('M'), b, { transposeA: true }),
      TypeError,
      /transposeA: A \(M\) lies on the engines by rows/,
    );
    await rejects(() => pdot(v, b, ref('M'), { transposeB: true }), TypeError, /transposeB: B \(M\) may be whole/);
    await e0.push({ M: a });
    assertProduct(await pdot(e0, ref('M'), b, { transposeA: true }), turned(a), b);
    assertProduct(await pdot(e0, b, ref('M'), { transposeB: true }), b, turned(a));
    await nothingLeft(rig());
  });
}

function results(test: Suite, rig: () => Rig): void {
  test('a result is there at once: ready, msgIds, progress, get, wait', async () => {
    const a = matrix('float32', [8, 8]);
    const product = pdot(rig().v, a, a);
    assert.equal([product.ready, product.progress], [false, 0]);
    assert.match(inspect(product), /PdotResult: pending/);
    assertProduct(await product.get({ timeout: 60_000 }), a, a);
    assert.equal([product.ready, product.progress === product.length, product.msgIds.length > 0], [true, true, true]);
    assert.is(await product.wait(0), true);
    await Promise.all([product.done, product.sent]);
    await rejects(() => product.abort(), Error, /already done/);
    assertProduct(await product, a, a);
    const failed = pdot(rig().v, ref('nemo'), a);
    await failed.done;
    await failed.sent;
    assert.ok(failed.ready);
    await rejects(() => failed.get(), CompositeError, /nemo/);
  });
  test('abort ends it with AbortError, and drops what has not started', async () => {
    const { v } = rig();
    const a = matrix('float32', [8, 8]);
    const busy = v.apply(() => new Promise((resolve) => setTimeout(() => resolve(1), 200)));
    const product = pdot(v, a, a);
    await product.sent;
    await rejects(() => product.get({ timeout: 1 }), TimeoutError, /not ready/);
    await product.abort();
    await rejects(() => product, AbortError);
    await busy;
    assert.equal(
      product.tasks.map(({ metadata }) => metadata.status),
      product.tasks.map(() => 'aborted'),
    );
    await nothingLeft(rig());
  });
  test('small operands may change at once, large ones with copy or after sent', async () => {
    const { v } = rig();
    const b = matrix('float32', [200, 2], 2);
    for (const rows of [20, 200]) {
      const a = matrix('float32', [rows, 200]);
      const before = new Tensor(a.dtype, a.shape, a.data.slice());
      const product = rows < 100 ? pdot(v, a, b) : pdot(v, a, b, { copy: true });
      a.data.fill(0);
      assertProduct(await product, before, b);
      a.data.set(before.data);
      const sent = pdot(v, a, b);
      await sent.sent;
      a.data.fill(0);
      assertProduct(await sent, before, b);
    }
  });
  test('options without effect on a product are refused by name', async () => {
    const { v } = rig();
    for (const option of [{ runTimeout: 20 }, { via: 'broadcast' }, { interrupt: true }]) {
      const [name] = Object.keys(option);
      await rejects(() => pdot(v, [[1]], [[1]], option as never), TypeError, new RegExp(`'${name}'`));
    }
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
      assertProduct(await pdot(v, ref('A'), ref('B'), { plan: 'summa' }), a, b);
      assertProduct(await pdot(v, ref('A'), b, { plan: 'summa' }), a, b);
      assertProduct(await pdot(v, a, ref('B'), { plan: 'summa' }), a, b);
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
    for (const kind of ['rows', 'grid', 'ring', 'summa'] as const) {
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
    await rejects(() => pdot(v, 2, [[1], [2]]), ShapeError, /a number is not a matrix/);
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
      await assert.not.type(await product.catch((error: unknown) => (error as Error).name), 'undefined');
      assert.is(
        await product.then(
          () => 'done',
          (error: unknown) => (error as Error).name,
        ),
        'AbortError',
      );
      await nothingLeft(rig());
    }
  });
}
