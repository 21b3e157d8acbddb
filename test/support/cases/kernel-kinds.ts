// Kernels by themselves, with several results, and one after the other; what they take and what they refuse.
import * as assert from 'uvu/assert';
import type { KernelScope as Scope } from '../../../src/client/calls/kernels/kernel.ts';
import { CompositeError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { range, tensor } from '../../../src/tensor/convert.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

function plus(this: Scope, a: number[], b: number[]): number {
  return a[this.thread.x]! + b[this.thread.x]!;
}

function times(this: Scope, a: number[], k: number): number {
  return a[this.thread.x]! * k;
}

function add(a: number, b: number): number {
  return a + b;
}

const twice = (x: number): number => 2 * x;

function mapped(this: Scope, a: number[], b: number[]): number {
  return twice(add(a[this.thread.x]!, b[this.thread.x]!)) + 1;
}

const numbers = (value: Tensor) => [...value.data];
const modeOf = (rig: Rig) => rig.rc.engines[0]?.device.gpuMode;

export function kernelKindCases(test: Suite, rig: () => Rig): void {
  sources(test, rig);
  maps(test, rig);
  combinations(test, rig);
  scalars(test, rig);
  constants(test, rig);
}

function sources(test: Suite, rig: () => Rig): void {
  test('source() is what gpu.js made of the kernel at its last call', async () => {
    const { v, e0 } = rig();
    const shifted = (x: number): number => x + 0.25;
    await using kernel = await v.kernel((x: number) => shifted(x), { output: 1, functions: [shifted] });
    await rejects(() => kernel.source(), CompositeError, /compiles a kernel at its first call: call it, then ask/);
    await kernel(1);
    const texts = await kernel.source();
    assert.is(texts.length, v.length);
    const language = { webgpu: /@compute[\s\S]*fn main/, cpu: /LOOP_MAX[\s\S]*shifted/ }[modeOf(rig()) as 'cpu'];
    for (const text of texts) {
      assert.match(text, language ?? /^function shifted\(x\) \{ return x \+ 0\.25; \}\nfunction \(x\)/);
      assert.match(text, /0\.25/);
    }
    await using one = await e0.kernel((x: number) => x, { output: 1 });
    await one(1);
    assert.type(await one.source(), 'string');
  });
}

function maps(test: Suite, rig: () => Rig): void {
  const expected = { result: [9, 13], sum: [4, 6], double: [8, 12] };
  test('kernelMap gives a result of each part, or says which contexts have it', async () => {
    const { v } = rig();
    await using kernel = await v.kernelMap({ sum: add, double: twice }, mapped, { outputLike: 'a' });
    const call = kernel([1, 2], [3, 4]);
    if (modeOf(rig()) === 'webgpu') {
      const contexts = /no kernel maps in mode webgpu: use engines of the contexts cpu, wasm, tensorflow or headlessgl/;
      await rejects(() => call, CompositeError, contexts);
      return;
    }
    for (const results of await call) {
      assert.equal(
        { result: numbers(results.result), sum: numbers(results.sum), double: numbers(results.double) },
        expected,
      );
    }
    const said = modeOf(rig()) === 'webasm' ? /no kernel maps in mode webasm: they run in mode cpu/ : /^$/;
    for (const text of call.stderr) assert.match(text, said);
    assert.match((await kernel.source())[0] as string, /subKernelResult_add/);
  });
  test('kernelMap by lists, in two axes, of empty parts, and kept on the engines', async () => {
    const { v, e0 } = rig();
    if (modeOf(rig()) === 'webgpu') return;
    const inner = function (this: Scope, a: number[][]) {
      return twice(a[this.thread.y]![this.thread.x]!) + 1;
    };
    await using listed = await e0.kernelMap([twice], inner, { outputLike: 'a' });
    const results = await listed([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    assert.equal(
      [[...(results[0] as Tensor).shape], numbers(results[0] as Tensor)],
      [
        [2, 3],
        [2, 4, 6, 8, 10, 12],
      ],
    );
    assert.equal(numbers(results.result), [3, 5, 7, 9, 11, 13]);
    await using kernel = await v.kernelMap({ sum: add, double: twice }, mapped, { outputLike: 'a' });
    for (const { result, sum } of await kernel([], [])) assert.equal([result.size, sum.size], [0, 0]);
    assert.equal(
      await kernel.into('kept')([1, 2], [3, 4]),
      v.ids.map(() => undefined),
    );
    assert.equal(numbers(await e0.pull<Tensor>('kept.sum')), [4, 6]);
    await using scaled = await e0.kernel(times, { outputLike: 'a' });
    assert.equal(numbers(await scaled(ref('kept.double'), 2)), [16, 24]);
    await v.clear();
    for (const { device } of await v.memory()) assert.equal(device, { bytes: 0, buffers: 0 });
  });
  test('kernelMap refuses parts that cannot be results', async () => {
    const { v } = rig();
    const bad = [
      [{}, /parts holds at least one function/],
      [[], /parts holds at least one function/],
      [{ result: twice }, /a part cannot be 'result'/],
      [{ a: 5 }, /a kernel is a function, not number/],
      [[() => 1], /functions of a kernel are named/],
      [5, /parts is an object or a list of functions, not 5/],
    ] as const;
    for (const [parts, message] of bad) {
      await rejects(() => v.kernelMap(parts as never, mapped, { output: 1 }), TypeError, message);
    }
  });
}

function combinations(test: Suite, rig: () => Rig): void {
  test('combineKernels runs kernels one after the other as one task', async () => {
    const { v, e0 } = rig();
    const plusKernel = await v.kernel(plus, { outputLike: 'a' });
    const timesKernel = await v.kernel(times, { outputLike: 'a' });
    const scaled = v.combineKernels(plusKernel, timesKernel, (a: number[], b: number[], k: number) =>
      timesKernel(plusKernel(a, b), k),
    );
    for (const one of await scaled([1, 2], [3, 4], 10)) assert.equal(numbers(one), [40, 60]);
    // A loop whose length is an argument, and one array that every step takes.
    const multiple = v.combineKernels(plusKernel, (a: number[], n: number) => {
      let sum = plusKernel(a, a);
      for (let i = 2; i < n; i++) sum = plusKernel(sum, a);
      return sum;
    });
    const call = multiple([1, 2], 9);
    for (const one of await call) assert.equal(numbers(one), [9, 18]);
    assert.is(call.msgIds.length, v.length);
    await v.scatter('part', Float32Array.from(range(5)));
    assert.equal((await multiple(ref('part'), 3)).flatMap(numbers), [0, 3, 6, 9, 12]);
    assert.equal(
      await multiple.into('kept')(ref('part'), 4),
      v.ids.map(() => undefined),
    );
    assert.equal([...(await v.gather<Tensor>('kept')).data], [0, 4, 8, 12, 16]);
    const [first] = await e0.memory().then((memory) => [memory.device?.buffers]);
    assert.ok((first ?? 0) <= 3, `results between are freed: ${first} buffers`);
    await v.clear();
    for (const { device } of await v.memory()) assert.equal(device, { bytes: 0, buffers: 0 });
  });
  test('a combination that fails keeps nothing', async () => {
    const { v } = rig();
    const plusKernel = await v.kernel(plus, { outputLike: 'a' });
    const cube = tensor(range(8), { shape: [2, 2, 2, 1] });
    const failing = v.combineKernels(plusKernel, (a: number[]) => plusKernel(plusKernel(a, a), cube));
    await rejects(() => failing([1, 2]), CompositeError, /1 to 3 axes/);
    for (const { device } of await v.memory()) assert.equal(device, { bytes: 0, buffers: 0 });
    await plusKernel.destroy();
    const gone = v.combineKernels(plusKernel, (a: number[]) => plusKernel(a, a));
    await rejects(() => gone([1]), CompositeError, /no such kernel: it was destroyed/);
  });
  test('what cannot be combined is refused before anything is sent', async () => {
    const { v } = rig();
    await using kernel = await v.kernel(plus, { outputLike: 'a' });
    await using map = await v.kernelMap({ sum: add, double: twice }, mapped, { outputLike: 'a' });
    const combine = (fn: unknown) => v.combineKernels(kernel, fn as (a: number[]) => ReturnType<typeof kernel>)([1]);
    const refused: [unknown, RegExp][] = [
      [() => 5, /returns, at once, the result of a kernel/],
      [async (a: number[]) => kernel(a, a), /returns, at once, the result of a kernel/],
      [(a: number[]) => Reflect.apply(kernel, undefined, [a]) as never, /takes 2 arguments \(a, b\), not 1/],
      [(a: number[]) => kernel.into('x')(a, a), /leave out into/],
      [(a: number[]) => map(a, a), /kernels with one result, not those of kernelMap/],
      [(a: number[]) => kernel(a, 5n as never), /b is the bigint 5/],
    ] as never;
    for (const [fn, message] of refused) assert.throws(() => combine(fn), message);
    let stale: unknown;
    await v.combineKernels(kernel, (a: number[]) => {
      stale = kernel(a, a);
      return stale as ReturnType<typeof kernel>;
    })([1]);
    assert.throws(() => kernel(stale as never, [1]), /a is a KernelStep/);
    assert.throws(() => combine((a: number[]) => kernel(a, stale as never)), /ends with its call/);
    assert.throws(
      () => v.combineKernels((() => 1) as never, (() => 1) as never),
      /takes kernels, and last the function/,
    );
    assert.throws(() => Reflect.apply(v.combineKernels, v, []), /takes kernels, and last the function/);
    // A call outside is one of its own again.
    assert.equal(
      (await kernel([1], [2])).map(numbers),
      v.ids.map(() => [3]),
    );
  });
}

declare const left: (v: number) => number;

function scalars(test: Suite, rig: () => Rig): void {
  test('scalars of the unsigned dtypes, and of Integer and Boolean types', async () => {
    const { e0 } = rig();
    await using same = await e0.kernel((a: number) => a, { output: 1 });
    for (const dtype of ['uint16', 'uint32', 'int8', 'uint8', 'float16'] as const) {
      assert.equal(numbers(await same(tensor(7, { dtype }))), [7], dtype);
    }
    assert.equal(numbers(await same(tensor(4294967295, { dtype: 'uint32' }))), [2 ** 32]);
    assert.equal(numbers(await same(tensor(-128, { dtype: 'int8' }))), [-128]);
    assert.equal([numbers(await same(true)), numbers(await same(false))], [[1], [0]]);
    await using whole = await e0.kernel((a: number) => a, { output: 1, argumentTypes: { a: 'Integer' } });
    assert.equal(numbers(await whole(2.7)), [2]);
    assert.equal(numbers(await whole(-2.7)), [-2]);
  });
  test('numbers and booleans are conditions, as in JavaScript', async () => {
    const { e0 } = rig();
    const first = async (kernel: unknown, args: readonly unknown[], settings: object = {}) => {
      await using compiled = await e0.kernel(kernel as () => number, { output: 1, ...settings });
      return numbers(await compiled(...(args as [])))[0];
    };
    type K = {
      readonly thread: { readonly x: number };
      readonly constants: { readonly on: boolean; readonly n: number };
    };
    const cases: [unknown, ...Parameters<typeof first>][] = [
      [3, (b: boolean, x: number) => (b ? x : 0), [true, 3]],
      [0, (b: boolean, x: number) => (b ? x : 0), [false, 3]],
      [3, (b: boolean, x: number) => (!b ? x : 0), [false, 3]],
      [3, (b: boolean, x: number) => (b && x > 2 ? x : 0), [true, 3]],
      [7, (a: number, b: number) => (a || b ? 7 : 0), [0, 2]],
      [1, (x: number) => (x % 2 ? 1 : 0), [3]],
      [2, (a: number[]) => (a[0] ? 1 : 2), [[0, 1]]],
      [
        6,
        (x: number) => {
          let n = x;
          let sum = 0;
          while (n) {
            sum += 2;
            n = n - 1;
          }
          return sum;
        },
        [3],
      ],
      [
        0,
        (x: number) => {
          let big = x > 2;
          big = !big;
          return big ? 1 : 0;
        },
        [3],
      ],
      [
        5,
        function (this: K) {
          return this.constants.on ? this.constants.n : 0;
        },
        [],
        { constants: { on: true, n: 5 } },
      ],
      [
        1,
        (x: number) => (left(x) ? 1 : 0),
        [4],
        {
          functions: [
            function left(v: number) {
              return v - 3;
            },
          ],
        },
      ],
    ];
    for (const [expected, ...given] of cases) assert.is(await first(...given), expected, String(given[0]));
  });
  test('what holds no numbers is refused by name', async () => {
    const { e0 } = rig();
    await using same = await e0.kernel((amount: number) => amount, { output: 1 });
    const refused = [5n, null, 'x', {}, new BigInt64Array(1), () => 1, new Date(0), Promise.resolve(1)] as never[];
    for (const value of refused) assert.throws(() => same(value), /number, an array, a Tensor or a ref, and amount is/);
    assert.throws(
      () => same((2n ** 60n) as never),
      /amount is the bigint 1152921504606846976: Number\(1152921504606846976n\)/,
    );
    assert.throws(() => same(Promise.resolve(1) as never), /await it/);
    await e0.execute(
      'big = 5n; none = null; text = "x"; day = new Date(0); list64 = new BigUint64Array(1); thing = { a: 1 }',
    );
    for (const name of ['big', 'none', 'text', 'day', 'list64', 'thing']) {
      await rejects(
        () => same(ref(name)),
        Error,
        /TypeError: argument 1 of a kernel is a number, an array or a Tensor, not/,
      );
    }
    await e0.clear();
  });
  test('an empty array is an argument and a constant: whatever is read from it is NaN', async () => {
    const { e0 } = rig();
    const sum = (x: number[], n: number) => {
      let total = 0;
      for (let i = 0; i < n; i++) total += x[i]!;
      return total;
    };
    await using kernel = await e0.kernel(sum, { output: 1 });
    assert.equal(numbers(await kernel([], 0)), [0]);
    assert.equal(numbers(await kernel([], 1)), [Number.NaN]);
    assert.equal(numbers(await kernel([1, 2], 2)), [3]);
    const read = function (this: Scope) {
      return this.constants['c']![0]!;
    };
    await using constant = await e0.kernel(read, { output: 1, constants: { c: new Float32Array(0) } });
    assert.equal(numbers(await constant()), [Number.NaN]);
  });
}

function constants(test: Suite, rig: () => Rig): void {
  test('constants of every kind of typed array, and short vectors', async () => {
    const { e0 } = rig();
    const read = function (this: Scope, x: number) {
      return this.constants['c']![this.thread.x]! + x;
    };
    const kinds = [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float64Array,
    ];
    for (const kind of kinds) {
      await using kernel = await e0.kernel(read, { output: 2, constants: { c: kind.of(3, 5) } });
      assert.equal(numbers(await kernel(1)), [4, 6], kind.name);
    }
    await e0.push({ pair: [3, 5] });
    for (const c of [[3, 5], Float64Array.of(3, 5), tensor([3, 5], { dtype: 'uint8' }), ref('pair')]) {
      const first = function (this: Scope) {
        return this.constants['c']![0]! * 10 + this.constants['c']![1]!;
      };
      await using kernel = await e0.kernel(first, { output: 1, constants: { c }, constantTypes: { c: 'Array(2)' } });
      assert.equal(numbers(await kernel()), [35]);
    }
    for (const c of [[1, 2, 3], 5, [[1, 2]]]) {
      const settings = { output: 1, constants: { c }, constantTypes: { c: 'Array(2)' as const } };
      await rejects(
        () => e0.kernel(read, settings),
        Error,
        /constants\.c of type Array\(2\) is a list of 2 numbers, not/,
      );
    }
    await rejects(() => e0.kernel(read, { output: 1, constants: { c: 5n } }), TypeError, /constants\.c is a number/);
    await e0.clear();
  });
  test('constants that are NaN or endless are themselves on every context', async () => {
    const { e0 } = rig();
    const limit = function limit(this: Scope): number {
      return this.constants['up']!;
    };
    for (const c of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const all = function (this: Scope, x: number) {
        return this.constants['c']! + x;
      };
      await using kernel = await e0.kernel(all, { output: 1, constants: { c, cc: 1 } });
      assert.equal(numbers(await kernel(1)), [c]);
    }
    const least = function (this: Scope, x: number) {
      return Math.min((limit as () => number)(), x) + this.constants['upper']!;
    };
    const constants = { up: Number.POSITIVE_INFINITY, upper: 1 };
    await using kernel = await e0.kernel(least, { output: 1, constants, functions: [limit] });
    assert.equal(numbers(await kernel(3)), [4]);
  });
}
