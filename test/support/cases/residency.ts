// Values that stay on the device between calls, and when they go; on real engines of any context.
import * as assert from 'uvu/assert';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';
import { matrix } from './pdot.ts';

export function residencyCases(test: Suite, rig: () => Rig): void {
  test('operands stay after the first use; results stay when pulled', async () => {
    const { v } = rig();
    await v.push({ A: matrix('float32', [4, 4]), B: matrix('float32', [4, 4]), unused: matrix('float32', [4, 4]) });
    await pdot(v, ref('A'), ref('B'), { into: 'C' });
    const resident = { A: 64, B: 64, C: 64 };
    for (const memory of await v.memory()) {
      assert.equal(memory.resident, resident);
      assert.equal(memory.device, { bytes: 192, buffers: 3 });
      assert.equal(memory.names, { ...resident, unused: 64 });
    }
    await v.gather('C');
    for (const memory of await v.memory()) assert.equal(memory.resident, resident);
    await v.clear();
  });
  test('overwriting, deleting and clearing free the device', async () => {
    const { v } = rig();
    const fill = async () => {
      await v.push({ A: matrix('float32', [4, 4]), B: matrix('float32', [4, 4]) });
      await pdot(v, ref('A'), ref('B'), { into: 'C' });
    };
    const counted = async () => (await v.memory()).map(({ device }) => device?.buffers);
    await fill();
    await v.push({ A: 1 });
    assert.equal(
      await counted(),
      v.ids.map(() => 2),
    );
    await v.clear(['C']);
    assert.equal(
      await counted(),
      v.ids.map(() => 1),
    );
    await fill();
    await fill();
    assert.equal(
      await counted(),
      v.ids.map(() => 3),
    );
    await v.clear();
    for (const { device, names } of await v.memory()) assert.equal([device, names], [{ bytes: 0, buffers: 0 }, {}]);
  });
  test('user code that writes into a tensor is seen by the next product', async () => {
    const { e0 } = rig();
    const one = matrix('float32', [2, 2]);
    await e0.push({ A: one });
    const before = await pdot(e0, ref('A'), ref('A'));
    await e0.apply((a) => void a.data.fill(1), ref('A') as never as Tensor);
    const after = await pdot(e0, ref('A'), ref('A'));
    assert.not(before.equals(after));
    assert.equal([...after.data], [2, 2, 2, 2]);
    await e0.clear();
  });
  userCode(test, rig);
}

interface TF {
  sum(x: unknown): { data(): Promise<ArrayLike<number>> };
  concat(xs: unknown[]): { data(): Promise<ArrayLike<number>> };
  memory(): { numTensors: number };
}
declare const tf: TF;
declare const gpu: { createKernel(fn: unknown, settings: object): (...args: unknown[]) => ArrayLike<number> };

function userCode(test: Suite, rig: () => Rig): void {
  test('tf ops take Tensors and resident results where they live, and leave nothing behind', async () => {
    const { v } = rig();
    const ones = matrix('float32', [2, 2]);
    ones.data.fill(1);
    await v.push({ A: ones });
    await pdot(v, ref('A'), ones, { into: 'C' });
    const total = async (x: unknown) => {
      const sum = tf.sum(x) as ReturnType<TF['sum']> & { dispose(): void };
      const data = Array.from(await sum.data());
      sum.dispose();
      return data;
    };
    const tensors = () => v.apply(() => tf.memory().numTensors);
    await v.apply(total, ref('A'));
    await v.apply(total, ref('C'));
    const before = await tensors();
    assert.equal(
      await v.apply(total, ref('A')),
      v.ids.map(() => [4]),
    );
    // A result of plan rows: the rows of C lie on the engines one after the other.
    const sums = (await v.apply(total, ref('C'))) as number[][];
    assert.is(
      sums.flat().reduce((a, b) => a + b, 0),
      8 * v.ids.length,
    );
    const free = await v.apply(async () => Array.from(await tf.sum((globalThis as never as { C: unknown }).C).data()));
    assert.equal(free, sums);
    const both = await v.apply(
      async (a: unknown, c: unknown) => (await tf.concat([a, c]).data()).length,
      ref('A'),
      ref('C'),
    );
    assert.equal(
      both,
      v.ids.map(() => 8),
    );
    await v.apply(total, ref('A'));
    assert.ok(
      (await tensors()).every((n, i) => n <= (before[i] as number) + 2),
      'tf tensors are left',
    );
    await v.clear();
    for (const { device } of await v.memory()) assert.equal(device, { bytes: 0, buffers: 0 });
  });
  test('gpu in user code', async () => {
    const { v } = rig();
    const run = async () => {
      const kernel = gpu.createKernel(
        function (this: { thread: { x: number } }, x: number[]) {
          return x[this.thread.x]! * 2;
        },
        { output: [3] },
      );
      return Array.from(await kernel([1, 2, 3]));
    };
    assert.equal(
      await v.apply(run),
      v.ids.map(() => [2, 4, 6]),
    );
  });
}
