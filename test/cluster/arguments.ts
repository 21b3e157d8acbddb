// Real engines get sequences of every kind, arrays that change after the call, and a cluster by its count.
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/client.ts';
import type { DirectView } from '../../src/client/direct-view.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { range, tensor } from '../../src/tensor/convert.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { rejects, throws } from '../support/assert.ts';
import { suite } from '../support/suite.ts';

const test = suite('cluster/arguments');
let cluster: Cluster;
let rc: Client;
let v: DirectView<'many'>;

test.before(async () => {
  // A private home: nobody else's cluster counts.
  cluster = await Cluster.start({ engines: 3, device: 'cpu' });
  rc = await cluster.connect();
  v = rc.view(':');
});
test.after(() => cluster.stop());

const LARGE = 100_000;
const ones = () => new Float64Array(LARGE).fill(1);
declare const a: Float64Array;
const edges = () => [a[0], a.at(-1)];
const SAME = [
  [1, 1],
  [1, 1],
  [1, 1],
];

test('Cluster.start(n) starts n engines', async () => {
  const one = await Cluster.start(1);
  assert.is(one.engines.length, 1);
  await one.stop();
});

test('copy: true lets an array change at once, for a call or for a view', async () => {
  for (const send of [
    (array: unknown) => v.push({ a: array }, { copy: true }),
    (array: unknown) => v.with({ copy: true }).push({ a: array }),
    (array: unknown) => v.push({ a: array }, { copy: true, via: 'broadcast' }),
  ]) {
    const array = ones();
    const sent = send(array);
    array.fill(2);
    await sent;
    assert.equal(await v.apply(edges), SAME);
  }
});

test('copy: true for the parts of a scatter, for arguments and for tensors', async () => {
  const array = ones();
  const sent = v.scatter('a', array, { copy: true });
  array.fill(2);
  await sent;
  assert.equal(await v.apply(edges), SAME);
  const matrix = tensor(ones(), { shape: [LARGE / 10, 10] });
  const sum = v.with({ copy: true }).apply((m: Tensor) => m.data[0], matrix);
  matrix.data.fill(2);
  assert.equal(await sum, [1, 1, 1]);
});

test('an assignment copies', async () => {
  const array = ones();
  v.ns['a'] = array;
  array.fill(2);
  assert.equal(await v.apply(edges), SAME);
});

test('a buffer may be refilled when its bytes have been sent', async () => {
  const buffer = ones();
  for (const via of ['direct', 'broadcast'] as const) {
    const pushed = range(8).map((step) => async () => {
      buffer.fill(step);
      const result = v.push({ a: buffer }, { via });
      await result.sent;
      buffer.fill(-1);
      await result;
      assert.equal(await v.apply(edges), [
        [step, step],
        [step, step],
        [step, step],
      ]);
    });
    for (const push of pushed) await push();
  }
});

test('sent settles for small values, for failures and for load-balanced tasks', async () => {
  await v.push({ small: 1 }).sent;
  const failing = rc.view(0).apply(() => {
    throw new Error('no');
  });
  await failing.sent;
  await rejects(() => failing, Error, /no/);
  const balanced = rc.loadBalanced().apply((x: Float64Array) => x.length, ones());
  await balanced.sent;
  assert.is(balanced.ready, true);
});

test('sequences of every kind: map, scatter and gather, imap and parallel alike', async () => {
  assert.equal(await v.map((c: string) => c.repeat(2), '👍a👍b'), ['👍👍', 'aa', '👍👍', 'bb']);
  assert.equal(await rc.loadBalanced().map((c: string) => c, '👍a'), ['👍', 'a']);
  await v.scatter('text', '👍👍a👍');
  assert.equal(await v.gather('text'), ['👍👍', 'a', '👍']);
  const sparse = Object.assign(new Array(5), { 0: 1, 2: 3, 4: 5 });
  await v.scatter('sparse', sparse);
  assert.equal(await v.gather('sparse'), [1, undefined, 3, undefined, 5]);
  assert.equal(await v.map((x: unknown) => x === undefined, sparse), [false, true, false, true, false]);
  const map = new Map([
    ['k', 1],
    ['l', 2],
  ]);
  assert.equal(await v.map((k: string) => k, map), ['k', 'l']);
  await v.scatter('keys', map);
  assert.equal(await v.gather('keys'), ['k', 'l']);
  const found: unknown[] = [];
  for await (const k of rc.loadBalanced().imap((key: string) => key, map)) found.push(k);
  assert.equal(found, ['k', 'l']);
  assert.equal(await v.parallel((part: string) => [part])('👍👍a'), ['👍', '👍', 'a']);
});

test('undefined after the sequences is no option, as its type says', async () => {
  assert.equal(await v.map((x: number) => x, [1, 2], undefined), [1, 2]);
});

test('what cannot be meant is refused with the remedy', async () => {
  throws(() => v.pull('a', 'b' as never), TypeError, /several names as a list, pull\(\['a', 'b'\]\)/);
  throws(() => v.push(new Map([['a', 1]]) as never), TypeError, /not a Map: Object\.fromEntries\(map\)/);
  throws(() => v.map((x: unknown) => x, [1], { timout: 5 } as never), TypeError, /did you mean 'timeout'/);
  throws(() => v.importModule('node:fs', { as: 'fs', names: ['readFileSync'] }), TypeError, /not both/);
  await rejects(() => Cluster.start({ gpu: 7, device: 'cpu' }), TypeError, /gpu contradicts device 'cpu'/);
  await rejects(() => Cluster.start({ softwareGpu: true, device: 'wasm' }), TypeError, /softwareGpu contradicts/);
});

test.run();
