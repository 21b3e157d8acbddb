// view.kernel on real engines of any context.
import * as assert from 'uvu/assert';
import { CompositeError, NotSerializableError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { range } from '../../../src/tensor/convert.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

function saxpy(a: number, x: number[], y: number[]): number;
function saxpy(this: { thread: { x: number } }, a: number, x: number[], y: number[]): number {
  return a * x[this.thread.x]! + y[this.thread.x]!;
}

const floats = (n: number) => Float32Array.from(range(n));
const values = (tensors: readonly Tensor[]) => tensors.map((t) => [t.dtype, [...t.shape], [...t.data]]);

export function kernelCases(test: Suite, rig: () => Rig): void {
  calls(test, rig);
  residents(test, rig);
  refusals(test, rig);
}

function calls(test: Suite, rig: () => Rig): void {
  test('numbers, arrays and Tensors in, float32 Tensors out', async () => {
    const { v, e0 } = rig();
    await using kernel = await v.kernel(saxpy, { output: [3] });
    const expected = ['float32', [3], [12, 15, 18]];
    assert.equal(
      values(await kernel(2, [1, 2, 3], new Tensor('int32', [3], Int32Array.of(10, 11, 12)))),
      v.ids.map(() => expected),
    );
    await using one = await e0.kernel(saxpy, { output: [3] });
    assert.equal(values([await one(2, Float64Array.of(1, 2, 3), floats(3))]), [['float32', [3], [2, 5, 8]]]);
  });
  test('two and three axes: the shape is the output in reverse', async () => {
    const { e0 } = rig();
    const sum = await e0.kernel(
      function (x: number[][]) {
        return x[this.thread.y]![this.thread.x]! + 10;
      },
      { outputLike: 'x' },
    );
    assert.equal(
      values([
        await sum([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ]),
      [['float32', [2, 3], [11, 12, 13, 14, 15, 16]]],
    );
    assert.equal(values([await sum([[1], [2]])]), [['float32', [2, 1], [11, 12]]]);
    const place = await e0.kernel(
      function () {
        return 100 * this.thread.z + 10 * this.thread.y + this.thread.x;
      },
      { output: [3, 2, 2] },
    );
    const cube = await place();
    assert.equal([[...cube.shape], cube.data.length, cube.at(11)], [[2, 2, 3], 12, 112]);
  });
  test('constants and functions of its own', async () => {
    const { v } = rig();
    const kernel = await v.kernel(
      function (x: number[]) {
        return square(x[this.thread.x]!) + this.constants.c!;
      },
      { outputLike: 'x', constants: { c: 0.5 }, functions: [square] },
    );
    assert.equal(
      values(await kernel([1, 2, 3])),
      v.ids.map(() => ['float32', [3], [1.5, 4.5, 9.5]]),
    );
  });
  test('a loop bounded by an argument runs to its end', async () => {
    const { e0 } = rig();
    const count = await e0.kernel(counting, { output: [2] });
    assert.equal([...(await count(2500)).data], [2500, 2500]);
  });
}

function square(x: number): number {
  return x * x;
}

function residents(test: Suite, rig: () => Rig): void {
  test('parts of different sizes, an empty one too, and results that stay', async () => {
    const { v } = rig();
    for (const n of [10, 1, 0]) {
      v.scatter('x', floats(n));
      v.scatter('y', floats(n));
      await using kernel = await v.kernel(saxpy, { outputLike: 'x' });
      const parts = await kernel(2, ref('x'), ref('y'));
      assert.equal(
        parts.flatMap((t) => [...t.data]),
        range(n).map((i) => 3 * i),
      );
      assert.equal(
        await kernel.into('y')(2, ref('x'), ref('y')),
        v.ids.map(() => undefined),
      );
      await kernel.into('y')(2, ref('x'), ref('y'));
      assert.equal(
        [...((await v.gather('y')) as Tensor).data],
        range(n).map((i) => 5 * i),
      );
      const [first] = await v.memory();
      assert.is(first?.resident['y'] ?? 0, first?.names['y'] ?? 0);
    }
    await v.clear();
    for (const { device } of await v.memory()) assert.equal(device, { bytes: 0, buffers: 0 });
  });
  test('into as a setting', async () => {
    const { e0 } = rig();
    const kernel = await e0.kernel(saxpy, { output: [2], into: 'z' });
    const nothing: undefined = await kernel(1, [1, 2], [3, 4]);
    assert.is(nothing, undefined);
    assert.equal([...((await e0.pull('z')) as Tensor).data], [4, 6]);
    await e0.clear();
  });
}

declare function nope(x: number): number;

function counting(n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += 1;
  return sum;
}

function trying(x: number[]): number {
  try {
    return x[0]!;
  } catch {
    return 1;
  }
}

function calling(x: number[]): number {
  return nope(x[0]!);
}

function refusals(test: Suite, rig: () => Rig): void {
  test('settings are checked before anything is sent', async () => {
    const { v } = rig();
    for (const output of [[0], [], [1.5], [-1], [1, 2, 3, 4], 'x'] as never[]) {
      await rejects(() => v.kernel(saxpy, { output }), RangeError, /whole numbers of at least 1/);
    }
    await rejects(() => v.kernel(saxpy, {}), TypeError, /either output/);
    await rejects(() => v.kernel(saxpy, { outputLike: 'q' }), TypeError, /no parameter 'q', only a, x, y/);
    await rejects(() => v.kernel(saxpy, { output: [1], size: 3 } as never), TypeError, /unknown setting 'size'/);
    await rejects(() => v.kernel((x: number) => x, { output: [1] }), NotSerializableError, /arrows/);
    const kernel = await v.kernel(saxpy, { output: [1] });
    assert.throws(() => (kernel as (...args: unknown[]) => unknown)(1), /takes 3 arguments \(a, x, y\), not 1/);
    assert.throws(() => kernel(1, {} as never, [1]), /a number, an array, a Tensor or a ref/);
  });
  test('what gpu.js does not compile: the source and the engine are named, the engine lives on', async () => {
    const { v } = rig();
    const unsupported = await v.kernel(trying, { output: [2] });
    await rejects(
      () => unsupported([1]),
      CompositeError,
      /\[0:kernel\]KernelError: .*TryStatement.*\nin the kernel\nfunction trying\(x\)/,
    );
    const unknown = await v.kernel(calling, { output: [2] });
    await rejects(() => unknown([1]), CompositeError, /KernelError[\s\S]*return nope/);
    assert.equal(
      await v.apply(() => 1),
      v.ids.map(() => 1),
    );
  });
  test('an output beyond the device is a clear error', async () => {
    const { e0 } = rig();
    const kernel = await e0.kernel(saxpy, { output: [100_000, 100_000] });
    const error = await kernel(1, [1], [1]).then(
      () => undefined,
      (e: unknown) => e as Error,
    );
    assert.match(error?.message ?? '', /ContextError: an output of \[100000,100000\] has 40000000000 bytes/);
    assert.is(await e0.apply(() => 1), 1);
  });
  test('after destroy it is gone', async () => {
    const { v } = rig();
    const kernel = await v.kernel(saxpy, { output: [1] });
    await kernel(1, [1], [1]);
    await kernel.destroy();
    await kernel.destroy();
    await rejects(() => kernel(1, [1], [1]), CompositeError, /no such kernel: it was destroyed/);
    await v.clear();
    for (const { device } of await v.memory()) assert.equal(device, { bytes: 0, buffers: 0 });
  });
}
