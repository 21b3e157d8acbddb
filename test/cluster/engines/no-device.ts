// Engines of device `none`: calls and collectives as everywhere, and an error by name for whatever needs a device.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { EngineGlobal } from '../../../engines/globals/engine-global.ts';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

declare const engine: EngineGlobal;
declare const matmul: (a: unknown, b: unknown) => Promise<unknown>;
const test = suite('engines/no-device');
const REFUSED = /device 'none': it has no matmul, no kernels, no tf and no gpu/;
let rig: Rig;

test.before(async () => {
  rig = await startRig(2, { device: 'none' });
});
test.after(() => rig.stop());

test('it says what it is, at the client and in tasks', async () => {
  assert.equal(
    rig.rc.engines.map(({ device }) => [device.kind, device.matmul]),
    [
      ['none', 'none'],
      ['none', 'none'],
    ],
  );
  assert.is(await rig.e0.apply(() => engine.device.kind), 'none');
});

test('calls, data and collectives work', async () => {
  await rig.v.scatter('x', new Float32Array([1, 2, 3, 4]));
  assert.equal(await rig.v.apply(() => [engine.rank, engine.size]), [
    [0, 2],
    [1, 2],
  ]);
  assert.equal(await rig.v.apply(async () => engine.allReduce(engine.id + 1)), [3, 3]);
  assert.equal(await rig.v.map((n: number) => n * n, [1, 2, 3]), [1, 4, 9]);
  assert.equal(await rig.v.gather('x'), new Float32Array([1, 2, 3, 4]));
});

async function kernelCall(): Promise<unknown> {
  const kernel = await rig.v.kernel((x: number) => x + 1, { output: [4] });
  return kernel(1);
}

test('whatever needs a device is refused, by its name', async () => {
  const calls: [string, () => PromiseLike<unknown>][] = [
    ['matmul', () => rig.e0.apply(async () => matmul([[1]], [[2]]))],
    ['pdot', () => pdot(rig.v, [[1]], [[2]])],
    ['engine.tf', () => rig.e0.apply(async () => engine.tf())],
    ['engine.gpu', () => rig.e0.apply(async () => engine.gpu())],
    ['tf', () => rig.e0.apply(() => (globalThis as { tf?: unknown }).tf)],
    ['gpu', () => rig.e0.apply(() => (globalThis as { gpu?: unknown }).gpu)],
    ['kernel', kernelCall],
  ];
  for (const [name, call] of calls) {
    const { name: kind } = await rejects(call, Error, REFUSED);
    assert.match(kind, /^(RemoteError|CompositeError|ContextError)$/, name);
  }
});

test('a task may use the names of the libraries for values of its own', async () => {
  const sum = await rig.e0.apply((tf: number, gpu: number) => tf + gpu, 1, 2);
  assert.is(sum, 3);
  await rig.e0.execute('gpu = 5; tf = gpu + 1');
  assert.is(await rig.e0.pull('tf'), 6);
});

test('a card contradicts it', async () => {
  await rejects(() => startRig(1, { device: 'none', gpu: 0 }), TypeError, /gpu contradicts device 'none'/);
});

const libraries = 'no library of a device is in the process';
if (process.platform !== 'linux') test.skip(libraries, 'only Linux shows it');
else
  test(libraries, () => {
    for (const { pid } of rig.rc.engines) {
      const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
      assert.not.match(maps, /tensorflow|onnxruntime|openblas|dawn|libcuda|koffi/i);
    }
  });

test.run();
