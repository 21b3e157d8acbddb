// One value per name, whatever ran before or runs beside; and nothing leaks. On real engines of any context.
import * as assert from 'uvu/assert';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';
import { randomSequenceCases } from './random-sequence.ts';

interface TF {
  ones(shape: number[]): { dispose(): void };
  memory(): { numTensors: number };
}
declare const tf: TF;

const filled = (value: number): Tensor => new Tensor('float32', [2, 2], new Float32Array(4).fill(value));
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The product of a name with the identity: what the device takes the name to be. */
async function onDevice({ e0 }: Rig, name: string): Promise<number[]> {
  const identity = new Tensor('float32', [2, 2], new Float32Array([1, 0, 0, 1]));
  return [...(await pdot(e0, ref(name), identity)).data];
}

export function oneValueCases(test: Suite, rig: () => Rig): void {
  staleness(test, rig);
  randomSequenceCases(test, rig);
  leaks(test, rig);
}

function staleness(test: Suite, rig: () => Rig): void {
  test('a timer, an unawaited promise and a reference that writes are seen by the next product', async () => {
    const { e0 } = rig();
    await e0.push({ A: filled(1) });
    assert.equal(await onDevice(rig(), 'A'), [1, 1, 1, 1]);
    await e0.execute('timer = setTimeout(() => { A.data[1] = 77 }, 20); 0');
    await onDevice(rig(), 'A');
    await later(60);
    assert.equal(await onDevice(rig(), 'A'), [1, 77, 1, 1]);
    await e0.apply(() => {
      void (async () => {
        await null;
        (globalThis as unknown as { A: Tensor }).A.data[2] = 5;
      })();
    });
    assert.equal(await onDevice(rig(), 'A'), [1, 77, 5, 1]);
    assert.equal(await onDevice(rig(), '(A.data[0] = 99, A)'), [99, 77, 5, 1]);
    assert.equal(await onDevice(rig(), 'A'), [99, 77, 5, 1]);
    assert.equal([...((await e0.pull('A')) as Tensor).data], [99, 77, 5, 1]);
    await e0.clear();
  });
  test('an alias, an argument and a part of a value that user code keeps are seen too', async () => {
    const { e0 } = rig();
    await e0.push({ A: filled(1) });
    await onDevice(rig(), 'A');
    await e0.apply((a: Tensor) => {
      (globalThis as unknown as { kept: unknown }).kept = a.data;
    }, ref('A') as never);
    await onDevice(rig(), 'A');
    await e0.execute('kept[3] = 8');
    assert.equal(await onDevice(rig(), 'A'), [1, 1, 1, 8]);
    await e0.push({ B: ref('A') });
    await onDevice(rig(), 'B');
    await e0.execute('A.data[0] = 4');
    assert.equal(await onDevice(rig(), 'B'), [4, 1, 1, 8]);
    await e0.push({ F: filled(3) });
    await onDevice(rig(), 'F');
    await e0.apply((data: Float32Array) => void data.fill(6), ref('F.data') as never);
    assert.equal(await onDevice(rig(), 'F'), [6, 6, 6, 6]);
    await e0.clear();
  });
  test('copies stay on the device while code runs that does not touch them', async () => {
    const { e0 } = rig();
    await e0.push({ A: filled(1), B: filled(2), typed: new Float32Array([1, 2, 3]) });
    const add = await e0.kernel(
      function (this: { thread: { x: number } }, x: number[]) {
        return x[this.thread.x]! + 1;
      },
      { output: [3] },
    );
    for (let i = 0; i < 3; i++) {
      await pdot(e0, ref('A'), ref('B'), { into: 'C' });
      await add(ref('typed'));
      await e0.apply(() => 1);
      await e0.execute('x = 1');
      assert.equal((await e0.memory()).resident, { A: 16, B: 16, typed: 12, C: 16 });
    }
    await e0.execute('typed[0] = 9');
    assert.equal([...(await add(ref('typed'))).data], [10, 3, 4]);
    await add.destroy();
    await e0.clear();
  });
}

function leaks(test: Suite, rig: () => Rig): void {
  const buffers = async () => (await rig().e0.memory()).device?.buffers ?? 0;
  const product = (into: string) => pdot(rig().e0, filled(1), filled(2), { into });
  test('results whose name is assigned, deleted or cleared by code leave the device', async () => {
    const { e0 } = rig();
    await product('C');
    await e0.clear();
    const start = await buffers();
    for (let i = 0; i < 20; i++) {
      await product('C');
      await e0.execute(i % 2 === 0 ? 'C = 5' : 'C; C = [1]');
    }
    await product('C');
    await e0.execute('delete globalThis.C');
    assert.is(await buffers(), start);
    for (let i = 0; i < 5; i++) await product('C');
    await e0.execute('C; 0');
    for (let i = 0; i < 5; i++) await product('C');
    assert.is(await buffers(), start + 1);
    await e0.execute('C; 0');
    await e0.clear();
    assert.is(await buffers(), start);
  });
  test('what a container holds is not freed under the user', async () => {
    const { e0 } = rig();
    const start = await buffers();
    await product('C');
    await e0.execute('L = [C]');
    await product('C');
    await e0.push({ C: 1 });
    await buffers();
    const kept = (await e0.apply(async () =>
      (globalThis as unknown as { L: [{ toHost(): Promise<Tensor> }] }).L[0].toHost(),
    )) as Tensor;
    assert.equal([...kept.data], [4, 4, 4, 4]);
    await e0.clear();
    assert.is(await buffers(), start);
  });
  test('tf.Tensors that tasks return or forget are disposed of; those that a name holds stay', async () => {
    const { e0 } = rig();
    const tensors = () => e0.apply(() => tf.memory().numTensors);
    await e0.apply(() => tf.ones([2]));
    const start = (await tensors()) as number;
    for (let i = 0; i < 30; i++) await e0.apply(() => tf.ones([4, 4]));
    for (let i = 0; i < 30; i++) await e0.execute('t = tf.ones([4, 4])');
    await e0.map(() => tf.ones([2]) as unknown, [1, 2, 3]);
    await e0.apply(() => void Array.from({ length: 10 }, () => tf.ones([3])));
    assert.is(await tensors(), start + 1);
    assert.equal(((await e0.pull('t')) as Tensor).shape, [4, 4]);
    await e0.clear();
    assert.is(await tensors(), start);
  });
}
