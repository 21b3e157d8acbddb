// Parts that arrive side by side need no copy; parts of another size than expected are copied as ever.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as assert from 'uvu/assert';
import { Arena, asOne } from '../../../../src/client/calls/arena.ts';
import { range } from '../../../../src/tensor/convert.ts';
import { type Rig, startRig, until } from '../../../support/cluster.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/arena');
let rig: Rig;
test.before(async () => {
  rig = await startRig(3);
});
test.after(() => rig.stop());

test('slots lie one after the other, and only for the sizes that were expected', () => {
  const arena = new Arena([8, 16, 4]);
  const parts = [arena.slot(0, 8), arena.slot(1, 16), arena.slot(2, 4)] as Uint8Array[];
  assert.equal(
    parts.map((part) => part.byteOffset),
    [0, 8, 24],
  );
  assert.is(asOne(parts)?.byteLength, 28);
  assert.is(arena.slot(1, 8), undefined);
  assert.not(new Arena([8, 16]).worthwhile);
});

test('arrays that do not follow one another are not one', () => {
  const whole = new Float32Array(8);
  assert.is(asOne([whole.subarray(0, 2), whole.subarray(3, 5)]), undefined);
  assert.is(asOne([whole.subarray(0, 2), new Float32Array(2)]), undefined);
  assert.is(asOne([whole]), undefined);
  assert.is(asOne([whole.subarray(0, 2), whole.subarray(2, 5)])?.length, 5);
});

test('a large gather is right the first time, again, and after the parts have changed', async () => {
  const { v } = rig;
  const data = Float32Array.from({ length: 3_000_001 }, (_, i) => i % 1000);
  await v.scatter('big', data);
  for (let i = 0; i < 2; i++) assert.equal(await v.gather('big'), data);
  await v.execute('big = big.map((x) => x + 1)');
  assert.equal(
    await v.gather('big'),
    data.map((x) => x + 1),
  );
  await v.execute('big = big.subarray(1)');
  const parts = (await v.pull('big')) as Float32Array[];
  assert.equal(await v.gather('big'), Float32Array.from(parts.flatMap((part) => [...part])));
});

test('results of two gathers do not share memory', async () => {
  const { v } = rig;
  await v.scatter('mine', Float64Array.from(range(400_000)));
  const [one, two] = (await Promise.all([v.gather('mine').get(), v.gather('mine').get()])) as [
    Float64Array,
    Float64Array,
  ];
  one.fill(0);
  assert.is(two[399_999], 399_999);
  assert.equal(two, await v.gather('mine'));
});

test('large results live as long as somebody holds them, and can be had again', async () => {
  const { v, rc } = rig;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await v.scatter('kept', new Float64Array(1_000_000));
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 20; i++) await v.gather('kept');
  const last = rc.history.at(-1) as string;
  // Buffers go when their finalizers have run, some turns after a collection.
  await until('the arrays that nobody holds to go', () => {
    collect();
    return process.memoryUsage().arrayBuffers - before < 40e6;
  });
  assert.is(((await rc.getResult(last)) as Float64Array).length, 333_333);
});

test.run();
