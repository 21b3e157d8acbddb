// tf and gpu in tasks are the whole libraries, on every context: chained ops, gradients, layers, setters, loops.
import * as assert from 'uvu/assert';
import { RemoteError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

declare const tf: typeof import('@tensorflow/tfjs');
interface Kernel {
  (...args: unknown[]): unknown;
  setOutput(output: number[]): Kernel;
  setConstants(constants: object): Kernel;
}
declare const gpu: { createKernel(fn: unknown, settings?: object): Kernel };

export function librariesCases(test: Suite, rig: () => Rig, { complete }: { readonly complete: boolean }): void {
  test('tensors have chained ops, gradients and layers', async () => {
    const { e0 } = rig();
    const chained = async () =>
      Array.from(
        await tf
          .tensor([[1, 2]])
          .mul(2)
          .add(1)
          .reshape([2])
          .data(),
      );
    assert.equal(await e0.apply(chained), [3, 5]);
    const gradient = async () =>
      Array.from(
        await tf
          .grad((x) => x.square())(tf.tensor1d([1, 2, 3]))
          .data(),
      );
    assert.equal(await e0.apply(gradient), [2, 4, 6]);
    const layers = async () => {
      const model = tf.sequential();
      model.add(tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'ones' }));
      return Array.from(await (model.predict(tf.ones([1, 2])) as import('@tensorflow/tfjs').Tensor).data());
    };
    assert.equal(await e0.apply(layers), [2]);
  });
  test('an op that the backend lacks runs on cpu and says so, or is refused by name', async () => {
    const { e0 } = rig();
    const unique = e0.apply(async () => Array.from(await tf.unique(tf.tensor1d([1, 1, 2])).values.data()));
    if (complete) assert.equal(await unique, [1, 2]);
    else {
      const error = await unique.then(
        () => undefined,
        (e: unknown) => e as Error,
      );
      assert.match(
        String(error?.message),
        /op Unique does not exist on the webgpu backend: .*cpu, wasm and tensorflow/,
      );
    }
    const spectrum = e0.apply(async () =>
      Array.from(await tf.real(tf.spectral.rfft(tf.tensor1d([1, 2, 3, 4]))).data()),
    );
    assert.equal(await spectrum, [10, -2, -2]);
    const product = e0.apply(async () =>
      Array.from(await tf.einsum('ij,jk->ik', tf.ones([2, 3]), tf.ones([3, 2])).data()),
    );
    assert.equal(await product, [3, 3, 3, 3]);
    const wasm = (await e0.apply(() => tf.getBackend())) === 'wasm';
    if (wasm) assert.match(String(product.stderr), /op Einsum is not on the wasm backend: it runs on cpu/);
    await e0.apply(() => tf.ones([2]).add(1));
  });
  test('gpu in tasks: loops bounded by an argument end, and setters keep tensors', async () => {
    const { e0 } = rig();
    const loop = async () => {
      const count = gpu.createKernel(
        function (this: { thread: { x: number } }, n: number) {
          let total = 0;
          for (let i = 0; i < n; i++) total += 1;
          return total;
        },
        { output: [1] },
      );
      return Array.from((await count(1500)) as number[]);
    };
    assert.equal(await e0.apply(loop), [1500]);
    await e0.push({ g: new Tensor('float32', [3], new Float32Array([1, 2, 3])) });
    const chained = async (x: unknown) => {
      const twice = gpu
        .createKernel(function (this: { thread: { x: number }; constants: { c: number } }, v: number[]) {
          return v[this.thread.x]! * this.constants.c;
        })
        .setConstants({ c: 2 })
        .setOutput([3]);
      return Array.from((await twice(x)) as number[]);
    };
    assert.equal(await e0.apply(chained, ref('g') as never), [2, 4, 6]);
    await e0.clear();
  });
  test('a kernel cannot write into the tensor of a name', async () => {
    const { e0 } = rig();
    await e0.push({ w: new Float32Array([1, 2, 3]) });
    const write = async () => {
      const kernel = await e0.kernel(
        function (this: { thread: { x: number } }, a: number[]) {
          a[this.thread.x] = 5;
          return a[this.thread.x]!;
        },
        { output: [3] },
      );
      await kernel(ref('w'));
    };
    // Some modes refuse to compile it.
    await write().catch(() => {});
    assert.equal([...((await e0.pull('w')) as Float32Array)], [1, 2, 3]);
    await e0.clear();
  });
  test('a kernel cannot write into a constant', async () => {
    const { e0 } = rig();
    await e0.push({ w: new Float32Array([1, 2]) });
    for (const text of ['[this.thread.x] = 5', '[this.constants.w[0]] += 1', '[0]++']) {
      const fn = `function () { this.constants.w${text}; return this.constants.w[this.thread.x] }`;
      const create = `gpu.createKernel(${fn}, { output: [2], constants: { w } })`;
      const inTask = new Function(`return async () => { await ${create}() }`)() as () => Promise<void>;
      const kernel = new Function(`return ${fn}`)() as () => number;
      const ofView = async () => (await e0.kernel(kernel, { output: [2], constants: { w: ref('w') } }))();
      for (const run of [() => e0.apply(inTask), ofView]) {
        await rejects(run, RemoteError, /the kernel writes into its constant w/);
      }
    }
    assert.equal([...((await e0.pull('w')) as Float32Array)], [1, 2]);
    await e0.clear();
  });
}
