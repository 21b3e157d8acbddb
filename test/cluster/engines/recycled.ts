// Values that are pushed again and again: engines use their memory again, and nobody sees it.
import * as assert from 'uvu/assert';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cluster/engines/recycled');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

const LENGTH = 600_000;
const filled = (value: number) => new Float32Array(LENGTH).fill(value);
/** Names on the engines. */
declare const a: Float32Array;
declare const kept: Float32Array;

/** Pushes that would write into memory that is used again. */
const more = async (from = 100) => {
  for (let i = 0; i < 4; i++) await rig.v.push({ a: filled(from + i) });
};
const all = (values: readonly unknown[], wanted: number) =>
  assert.ok((values as Float32Array[]).every((value) => value.length === LENGTH && value.every((x) => x === wanted)));

test('each push is whole, alone and with many under way', async () => {
  for (let i = 0; i < 5; i++) await rig.v.push({ a: filled(i) });
  all(await rig.v.pull('a'), 4);
  await Promise.all(Array.from({ length: 8 }, (_, i) => rig.v.push({ a: filled(i) })));
  all(await rig.v.pull('a'), 7);
  await rig.v.scatter('a', filled(3));
  await rig.v.scatter('a', filled(5));
  await rig.v.scatter('a', filled(6));
  assert.equal(await rig.v.gather('a'), filled(6));
});

test('a function that keeps the value keeps it as it was', async () => {
  await rig.v.push({ a: filled(1) });
  await rig.v.apply(() => Reflect.set(globalThis, 'kept', a));
  await more();
  all(await rig.v.apply(() => kept), 1);
});

test('so does one that got the value by the getter alone', async () => {
  await rig.v.push({ a: filled(2) });
  await rig.v.apply(() => {
    const get = Object.getOwnPropertyDescriptor(globalThis, 'a')?.get;
    Reflect.set(globalThis, 'kept', get?.call(globalThis));
  });
  await more();
  all(await rig.v.apply(() => kept), 2);
});

test('a result that was pulled stays as it was, also for a client that asks for it later', async () => {
  await rig.v.push({ a: filled(3) });
  const pulled = rig.v.pull('a');
  all(await pulled, 3);
  await more();
  const again = await rig.cluster.connect();
  const [first, second] = await Promise.all(pulled.msgIds.map((id) => again.getResult(id)));
  all([first, second].flat(), 3);
  await again.close();
});

test('pulls, pushes and calls in flight together see the values in their order', async () => {
  const calls = Array.from({ length: 6 }, (_, i) => {
    void rig.v.push({ a: filled(i) });
    void rig.v.push({ a: filled(10 + i) });
    return i % 2 === 0 ? rig.v.pull('a') : rig.v.apply(() => a);
  });
  for (const [i, call] of calls.entries()) all((await call) as unknown[], 10 + i);
});

test('two names that one push has set, and one name of another', async () => {
  const value = filled(8);
  await rig.v.push({ a: value, b: value });
  await more();
  all(await rig.v.pull('b'), 8);
  await rig.v.push({ a: filled(9) });
  await rig.v.execute('var c = a');
  await more();
  all(await rig.v.pull('c'), 9);
});

test('an object with the names of globalThis gives their values, each time', async () => {
  await rig.v.push({ a: filled(4) });
  const found = await rig.v.apply(() => {
    const copy = Object.create(null, Object.getOwnPropertyDescriptors(globalThis));
    return [copy.a === a, copy.a === a, copy.a?.[0]];
  });
  assert.equal(found, [
    [true, true, 4],
    [true, true, 4],
  ]);
});

test('of two names with one value, one that code has deleted or defined anew stays so when the other one is read', async () => {
  const value = filled(5);
  await rig.v.push({ one: value, two: value });
  await rig.v.execute('delete globalThis.one');
  assert.equal(await rig.v.apply(() => [Reflect.get(globalThis, 'two')[0], 'one' in globalThis]), [
    [5, false],
    [5, false],
  ]);
  await rig.v.push({ one: value, two: value });
  await rig.v.execute("Object.defineProperty(globalThis, 'one', { value: 7, configurable: true }); 0");
  assert.equal(await rig.v.apply(() => [Reflect.get(globalThis, 'two')[0], Reflect.get(globalThis, 'one')]), [
    [5, 7],
    [5, 7],
  ]);
});

test.run();
