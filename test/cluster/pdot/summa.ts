// The plan summa on a grid of four engines, and the costs by which a plan is chosen.
import * as assert from 'uvu/assert';
import { transposed } from '../../../kernels/matmul/transpose.ts';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { AbortError, CompositeError, TimeoutError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { ClusterLab, Program } from '../../fixtures/cluster-lab.ts';
import { rejects } from '../../support/assert.ts';
import { assertProduct, matrix } from '../../support/cases/pdot.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('pdot/summa');
const lab = new ClusterLab();
let rig: Rig;
test.before(async () => {
  rig = await startRig(4, { name: `summa-${process.pid}` });
});
test.after(async () => {
  await rig.stop();
  lab.remove();
});

const SIZES = [
  [12, 9, 7],
  [1, 5, 3],
  [3, 2, 1],
  [5, 1, 5],
  [2, 300, 2],
  [257, 129, 65],
] as const;

async function noMail(): Promise<void> {
  for (const { mail } of await rig.v.memory()) assert.is(mail, 0);
}

for (const [m, k, n] of SIZES) {
  for (const dtype of ['float32', 'int32', 'float64'] as const) {
    test(`${dtype} ${m}×${k}×${n}: as the other plans, from here and from the engines`, async () => {
      const { v } = rig;
      const [a, b] = [matrix(dtype, [m, k]), matrix(dtype, [k, n], 2)];
      const c = await pdot(v, a, b, { plan: 'summa' });
      assertProduct(c, a, b);
      if (dtype === 'int32')
        for (const plan of ['rows', 'grid', 'ring'] as const) assert.ok((await pdot(v, a, b, { plan })).equals(c));
      await Promise.all([v.scatter('A', a), v.scatter('B', b)]);
      const made = await pdot.plan(v, ref('A'), ref('B'), { plan: 'summa' });
      assert.is(made.traffic.toEngines, 0);
      assertProduct(await pdot(v, ref('A'), ref('B'), { plan: made }), a, b);
      await v.clear(['A', 'B']);
      await noMail();
    });
  }
}

test('uneven parts, two dtypes, vectors, more axes, and a view of some engines in another order', async () => {
  const { v, rc } = rig;
  const [a, b] = [matrix('float32', [11, 6]), matrix('float32', [6, 5], 2)];
  for (const [i, [lo, hi]] of [
    [0, 6],
    [6, 6],
    [6, 7],
    [7, 11],
  ].entries())
    await rc.view(i).push({ A: a.rows(lo, hi) });
  await v.scatter('B', b);
  assertProduct(await pdot(v, ref('A'), ref('B'), { plan: 'summa' }), a, b);
  const wide = await pdot(v, ref('A'), matrix('float64', [6, 5], 2), { plan: 'summa' });
  assert.is(wide.dtype, 'float64');
  const column = await pdot(v, ref('A'), b.take([0, 1, 2, 3, 4, 5]).slice([0, 0], [6, 1]).reshape([6]), {
    plan: 'summa',
  });
  assert.equal(column.shape, [11]);
  const row = await pdot(v, a.rows(3, 4).reshape([6]), ref('B'), { plan: 'summa' });
  assert.equal(row.shape, [5]);
  const stack = await pdot(v, matrix('float32', [24, 6]).reshape([4, 3, 2, 6]), b, { plan: 'summa' });
  assert.ok(stack.reshape([24, 5]).equals(await pdot(v, matrix('float32', [24, 6]), b, { plan: 'summa' })));
  for (const ids of [[3, 1], [2, 0, 1], [1]]) {
    const some = rc.view(ids);
    assertProduct(await pdot(some, a, b, { plan: 'summa' }), a, b);
  }
  await v.clear();
  await noMail();
});

for (const [m, k, n] of SIZES) {
  test(`transposed operands from here ${m}×${k}×${n}: as the other plans, also into memory of the caller's`, async () => {
    const { v, rc } = rig;
    const [a, b] = [matrix('float32', [m, k]), matrix('float32', [k, n], 2)];
    for (const [transposeA, transposeB] of [
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const [x, y] = [transposeA ? transposed(a) : a, transposeB ? transposed(b) : b];
      for (const view of [v, rc.view([2, 0, 1])]) {
        const out = new Tensor('float32', [m, n]);
        const options = { plan: 'summa', transposeA, transposeB } as const;
        assert.is(await pdot(view, x, y, { ...options, out }), out);
        assertProduct(out, a, b);
        assertProduct(await pdot(view, x, y, options), a, b);
      }
    }
    await noMail();
  });
}

test('a transposed operand beside one on the engines, vectors, and a transposed one on the engines', async () => {
  const { v } = rig;
  const [a, b] = [matrix('int32', [11, 6]), matrix('int32', [6, 5], 2)];
  await Promise.all([v.scatter('A', a), v.scatter('B', b)]);
  assertProduct(await pdot(v, ref('A'), transposed(b), { plan: 'summa', transposeB: true }), a, b);
  assertProduct(await pdot(v, transposed(a), ref('B'), { plan: 'summa', transposeA: true }), a, b);
  const both = { plan: 'summa', transposeA: true, transposeB: true } as const;
  const row = await pdot(v, a.rows(2, 3).reshape([6]), transposed(b), both);
  assert.ok(row.reshape([1, 5]).equals(await pdot(v, a.rows(2, 3), b)));
  const column = await pdot(v, transposed(a), b.slice([0, 0], [6, 1]).reshape([6]), both);
  assert.ok(column.reshape([11, 1]).equals(await pdot(v, a, b.slice([0, 0], [6, 1]))));
  await v.clear();
  await noMail();
});

test('operands that changed since the plan are an error that names them', async () => {
  const { v } = rig;
  const [a, b] = [matrix('float32', [12, 6]), matrix('float32', [6, 5], 2)];
  await Promise.all([v.scatter('A', a), v.scatter('B', b)]);
  const plan = await pdot.plan(v, ref('A'), ref('B'), { plan: 'summa' });
  await v.scatter('A', matrix('float32', [12, 7]));
  await rejects(() => pdot(v, ref('A'), ref('B'), { plan }), CompositeError, /a block of A is float32\[3,7\], planned/);
  await v.scatter('A', matrix('float32', [16, 6]));
  await rejects(
    () => pdot(v, ref('A'), ref('B'), { plan }),
    CompositeError,
    /the blocks of A have \d+ elements, float32\[\d,6\] was planned/,
  );
  await v.clear();
});

test('probe: costs that make sense, kept for clients to come; auto then says the time of its plan', async () => {
  const { v, rc, cluster } = rig;
  const [a, b] = [matrix('float32', [64, 64]), matrix('float32', [64, 64], 2)];
  const before = await pdot.plan(v, a, b);
  assert.is(before.seconds, undefined);
  const costs = await rc.probe();
  assert.is(costs.engines, 4);
  for (const [name, value] of Object.entries(costs)) assert.ok(Number.isFinite(value) && (value as number) >= 0, name);
  assert.ok(costs.call > 0 && costs.mail > 0 && (costs.flops as number) > 1e6);
  for (const { names } of await v.memory()) assert.equal(names, {}, 'nothing is left');
  await noMail();
  await using other = await cluster.connect();
  for (const view of [v, other.view(':')]) {
    const plan = await pdot.plan(view, a, b);
    assert.ok((plan.seconds as number) > 0);
    assert.match(String(plan), /\n {2}time +[\d.e-]+ ms by the costs that were measured\n/);
    assertProduct(await pdot(view, a, b, { plan }), a, b);
  }
  const ran = await new Program('src/cli/main.js', ['probe', cluster.name]).done;
  assert.is(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /^4 engines +measured\n(?:.*\n)*call on one engine +[\d.]+ µs\n/);
  assert.match(ran.stdout, /float32 products on each engine +[\d.]+ GFLOP\/s\n$/);
});

test('costs do not count once an engine has gone, and the plan says so', async () => {
  const { v } = rig;
  const [a, b] = [matrix('float32', [64, 64]), matrix('float32', [64, 64], 2)];
  await using cluster = await Cluster.start({ engines: 2, device: 'cpu', threads: 1 });
  await using own = await cluster.connect();
  await own.probe();
  await own.shutdown(1);
  await own.view(0).apply(() => 1);
  const rest = await pdot.plan(own.view(0), a, b);
  assert.is(rest.seconds, undefined);
  assert.match(rest.costsIgnored as string, /they are of 2 engines, and there are 1; probe again$/);
  assert.match(String(rest), /\n {2}time +not known: the measured costs do not count: /);
  assertProduct(await pdot(own.view(0), a, b, { plan: rest }), a, b);
  assert.is((await pdot.plan(v, a, b)).costsIgnored, undefined);
});

test('probe ends with its time or its signal', async () => {
  await rejects(() => rig.rc.probe({ timeout: 1 }), TimeoutError);
  await rejects(() => rig.rc.probe({ signal: AbortSignal.abort() }), AbortError);
});

test('an engine that dies takes the product with it, by name, and the others live on', async () => {
  const { v, rc } = rig;
  const [a, b] = [matrix('float32', [12, 9]), matrix('float32', [9, 7], 2)];
  await Promise.all([v.scatter('A', a), v.scatter('B', b)]);
  void rc
    .view(2)
    .apply(() => process.exit(3))
    .wait();
  const error = await rejects(() => pdot(v, ref('A'), ref('B'), { plan: 'summa' }), CompositeError);
  assert.match(error.message, /Engine 2 died|engine 2/);
  const rest = rc.view([0, 1, 3]);
  assert.equal(await rest.apply(() => 1), [1, 1, 1]);
  for (const { mail } of await rest.memory()) assert.is(mail, 0);
});

test.run();
