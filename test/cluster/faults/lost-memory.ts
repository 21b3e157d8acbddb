// Arrays whose memory is transferred away, or made shorter, while they are sent: an error of the call, and nothing else.
import * as assert from 'uvu/assert';
import { RemoteError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/lost-memory');
/** More than the window of a link: some of it waits. */
const BYTES = 80 * 2 ** 20;
let rig: Rig;

test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

const take = (array: Uint8Array) => structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
const LOST = /TypeError: memory of the message was transferred away, or made shorter, before all of it was sent/;

const calls: Record<string, (array: Uint8Array) => PromiseLike<unknown>> = {
  push: (array) => rig.e0.push({ a: array }),
  'push to all': (array) => rig.rc.view().push({ a: array }),
  scatter: (array) => rig.rc.view().scatter('a', array),
  'an argument': (array) => rig.e0.apply((a: Uint8Array) => a.length, array),
  map: (array) => rig.rc.view().map((a: Uint8Array) => a.length, [array, array]),
};

for (const [what, call] of Object.entries(calls)) {
  test(`${what}: at once`, async () => {
    const array = new Uint8Array(BYTES);
    const result = call(array);
    take(array);
    await rejects(async () => await result, Error, LOST);
    assert.equal(await rig.rc.view().apply(() => 'alive'), ['alive', 'alive']);
  });

  test(`${what}: when some of it has left`, async () => {
    const array = new Uint8Array(BYTES);
    const result = call(array);
    await new Promise(setImmediate);
    take(array);
    await rejects(async () => await result, Error, /TypeError: memory of the message|EngineError/);
    assert.equal(await rig.rc.view().apply(() => 'alive'), ['alive', 'alive']);
  });
}

for (const bytes of [200_000, 2 ** 20, 20 * 2 ** 20]) {
  test(`${bytes} bytes that an engine which computes has not read, and whose next owner writes into them`, async () => {
    const { rc, e0 } = rig;
    await e0.push({ a: new Uint8Array(bytes) });
    const busy = e0.apply(() => {
      for (const end = performance.now() + 300; performance.now() < end; );
    });
    await untilRunning(rc, [0]);
    const array = new Uint8Array(bytes).fill(1);
    const result = e0.push({ a: array });
    await new Promise(setImmediate);
    new Uint8Array(take(array)).fill(7);
    await rejects(async () => await result, RemoteError, LOST);
    await busy;
  });
}

test('an array that waits for the first answer of an engine which computes: its call fails, and nothing else', async () => {
  const { rc } = rig;
  await using other = await rig.cluster.connect();
  const e0 = other.view(0);
  await e0.apply(() => 1);
  const busy = rc.view(0).apply(() => {
    for (const end = performance.now() + 300; performance.now() < end; );
  });
  await untilRunning(rc, [0]);
  const array = new Uint8Array(200_000).fill(1);
  const result = e0.push({ b: array });
  const behind = e0.apply(() => 2);
  await new Promise(setImmediate);
  take(array);
  await rejects(async () => await result, RemoteError, LOST);
  assert.is(await behind, 2);
  await busy;
});

test('who transfers one of several small arrays away keeps the others', async () => {
  const arrays = [2, 3].map((x) => new Float64Array(1000).fill(x)) as [Float64Array, Float64Array];
  const lengths = await rig.e0.apply(
    (a: Float64Array, b: Float64Array) => {
      structuredClone(a.buffer, { transfer: [a.buffer as ArrayBuffer] });
      return [a.length, b.length, b[999]];
    },
    ...arrays,
  );
  assert.equal(lengths, [0, 1000, 3]);
  const [one, two] = await rig.e0.apply((a: Float64Array, b: Float64Array) => [a, b], ...arrays);
  structuredClone(one?.buffer, { transfer: [one?.buffer as ArrayBuffer] });
  assert.equal([one?.length, two?.length, two?.[999]], [0, 1000, 3]);
});

test('load-balanced tasks that wait: those that were not sent fail', async () => {
  const array = new Uint8Array(100_000);
  const balanced = rig.rc.loadBalanced();
  const results = range(40).map((i) => balanced.apply((a: Uint8Array, x: number) => a.length + x, array, i));
  take(array);
  const ends = await Promise.allSettled(results);
  for (const end of ends) if (end.status === 'rejected') assert.instance(end.reason, RemoteError);
  assert.ok(ends.some(({ status }) => status === 'rejected'));
  assert.is(await balanced.apply(() => 'alive'), 'alive');
});

for (const bytes of [BYTES, 100_000, 2000]) {
  test(`a result of ${bytes} bytes that its task transfers away: an error of the task`, async () => {
    const result = rig.e0.apply(async (size: number) => {
      const array = new Uint8Array(size);
      // After the value is encoded, before it is sent.
      setImmediate(() => structuredClone(array.buffer, { transfer: [array.buffer] }));
      return array;
    }, bytes);
    await rejects(() => result.get(), RemoteError, LOST);
    assert.is(await rig.e0.apply(() => 'alive'), 'alive');
  });
}

test('a result whose task transfers it away while it is sent', async () => {
  const result = rig.e0.apply((size: number) => {
    const array = new Uint8Array(size);
    setTimeout(() => structuredClone(array.buffer, { transfer: [array.buffer] }), 1);
    return array;
  }, BYTES);
  const [{ status }] = await Promise.allSettled([result]);
  assert.ok(['fulfilled', 'rejected'].includes(status));
  assert.is(await rig.e0.apply(() => 'alive'), 'alive');
});

test('what was transferred away is refused at once afterwards', async () => {
  const array = new Uint8Array(BYTES);
  await rig.e0.push({ a: array });
  take(array);
  await rejects(async () => await rig.e0.push({ a: array }), Error, /detached/);
});

test.run();
