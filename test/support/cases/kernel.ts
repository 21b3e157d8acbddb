// view.kernel on real engines of any context.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { CompositeError, NotSerializableError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { range, tensor } from '../../../src/tensor/convert.ts';
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
  forms(test, rig);
  constants(test, rig);
  types(test, rig);
  edges(test, rig);
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

/** A kernel may be any form of function, and its output any form of sizes. */
function forms(test: Suite, rig: () => Rig): void {
  const rows = async (kernel: Promise<(...args: never[]) => PromiseLike<Tensor>>, ...args: unknown[]) =>
    Array.from((await (await kernel)(...(args as never[]))).data);
  test('arrow functions, methods and default values, as kernels and as functions', async () => {
    const { e0 } = rig();
    assert.equal(
      await rows(
        e0.kernel((a: number, b: number) => a * 10 + b, { output: 2 }),
        1,
        2,
      ),
      [12, 12],
    );
    const blocks = (a: number[], n: number) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += a[i]!;
      return sum;
    };
    assert.equal(await rows(e0.kernel(blocks, { output: 1 }), [1, 2, 3], 3), [6]);
    // TypeScript gives arrow functions no `this`; written as text they have one.
    const threads = new Function('return (x) => x[this.thread.x] + this.constants.c')() as (x: number[]) => number;
    assert.equal(await rows(e0.kernel(threads, { outputLike: 'x', constants: { c: 1 } }), [1, 2]), [2, 3]);
    const cube = (x: number): number => x * x * x;
    const scaled = (x: number, k = 2, d = -0.5): number => x * k + d;
    const { twice } = {
      twice(x: number): number {
        return 2 * x;
      },
    };
    const calling = (x: number) => cube(x) + scaled(twice(x)) + scaled(x, scaled(0, 1), 0) * 100;
    const functions = [cube, scaled, twice];
    // 27 + (6 · 2 − 0.5) + 3 · (0 · 1 − 0.5) · 100
    assert.equal(await rows(e0.kernel(calling, { output: 1, functions }), 3), [-111.5]);
  });
  test('arguments with default values may be left out', async () => {
    const { v, e0 } = rig();
    const line = function (this: { thread: { x: number } }, x: number[], k = 2, y: readonly number[] = [10, 20]) {
      return k * x[this.thread.x]! + y[this.thread.x]!;
    };
    await using kernel = await e0.kernel(line, { outputLike: 'x' });
    assert.equal([...(await kernel([1, 2])).data], [12, 24]);
    assert.equal([...(await kernel([1, 2], 3)).data], [13, 26]);
    assert.equal([...(await kernel([1, 2], undefined, [0, 0])).data], [2, 4]);
    assert.throws(() => (kernel as (...args: unknown[]) => unknown)(), /takes 1 to 3 arguments \(x, k, y\), not 0/);
    assert.throws(() => (kernel as (...args: unknown[]) => unknown)(1, 2, [3], 4), /1 to 3 arguments .*, not 4/);
    const outside = 5;
    await rejects(
      () => v.kernel((a: number, b = outside) => a + b, { output: 1 }),
      TypeError,
      /default of a kernel's parameter is made of literals, not b = outside/,
    );
    await rejects(
      () => v.kernel((({ a }: { a: number }) => a) as never, { output: 1 }),
      TypeError,
      /parameters are plain names, not '\{ a \}'/,
    );
  });
  test('output as a number and as { x, y, z }', async () => {
    const { v, e0 } = rig();
    const place = function (this: { thread: { x: number; y: number; z: number } }) {
      return 100 * this.thread.z + 10 * this.thread.y + this.thread.x;
    };
    const shapes = [
      [3, [3]],
      [{ x: 3 }, [3]],
      [{ x: 3, y: 2 }, [2, 3]],
      [{ x: 1, y: 2, z: 3 }, [3, 2, 1]],
    ] as const;
    for (const [output, shape] of shapes) {
      await using kernel = await e0.kernel(place, { output });
      const result = await kernel();
      assert.equal([[...result.shape], result.at(result.size - 1)], [[...shape], lastOf(shape)]);
    }
    for (const output of [0, -1, 1.5, {}, { y: 1 }, { x: 1, z: 1 }, { x: 1, w: 1 }, { x: 0 }, null] as never[]) {
      await rejects(() => v.kernel(place, { output }), RangeError, /output is x, \{ x, y, z \} or a list/);
    }
  });
}

const lastOf = (shape: readonly number[]) => {
  const [x = 1, y = 1, z = 1] = [...shape].reverse();
  return 100 * (z - 1) + 10 * (y - 1) + (x - 1);
};

/** Constants and arguments of every kind that holds numbers. */
function constants(test: Suite, rig: () => Rig): void {
  test('constants: typed arrays, Tensors, refs, booleans', async () => {
    const { v, e0 } = rig();
    const pick = function (this: { thread: { x: number }; constants: Record<string, unknown> }) {
      return (
        (this.constants['v'] as number[])[this.thread.x]! +
        (this.constants['m'] as number[][])[1]![this.thread.x]! +
        (this.constants['s'] as number)
      );
    };
    const matrix = new Tensor('float64', [2, 2], Float64Array.of(1, 2, 3, 4));
    const vectors = [Int16Array.of(10, 20), Float64Array.of(10, 20), [10, 20], tensor([10, 20], { dtype: 'float16' })];
    for (const vector of vectors) {
      await using kernel = await e0.kernel(pick, { output: 2, constants: { v: vector, m: matrix, s: tensor(0.5) } });
      assert.equal([...(await kernel()).data], [13.5, 24.5]);
    }
    await v.push({ v: Float32Array.of(1, 2), m: matrix, s: 3, k: [1, 2] });
    await e0.kernel(saxpy, { output: 2, into: 'r' }).then((kernel) => kernel(2, [5, 10], [0, 0]));
    for (const name of ['v', 'k', 'r']) {
      const given = { v: ref(name), m: ref('m'), s: ref('s') };
      await using kernel = await e0.kernel(pick, { output: 2, constants: given });
      const expected = name === 'r' ? [16, 27] : [7, 9];
      assert.equal([...(await kernel()).data], expected, name);
    }
    const on = await e0.kernel(
      function () {
        return this.constants['on'] ? 7 : 8;
      },
      { output: 1, constants: { on: true } },
    );
    assert.equal([...(await on()).data], [7]);
    await v.clear();
  });
  test('constants of an engine are read when the kernel is created', async () => {
    const { e0 } = rig();
    await e0.push({ c: Float32Array.of(1, 2) });
    const read = function (this: { thread: { x: number }; constants: Record<string, unknown> }) {
      return (this.constants['c'] as number[])[this.thread.x]!;
    };
    await using kernel = await e0.kernel(read, { output: 2, constants: { c: ref('c') } });
    await e0.execute('c[0] = 9');
    await e0.clear();
    assert.equal([...(await kernel()).data], [1, 2]);
    await rejects(() => e0.kernel(read, { output: 2, constants: { c: ref('nosuch') } }), Error, /nosuch/);
    await e0.push({ c: 'text' });
    await rejects(() => e0.kernel(read, { output: 2, constants: { c: ref('c') } }), Error, /constants\.c: /);
    await rejects(
      () => e0.kernel(read, { output: 2, constants: { c: 'x' } }),
      TypeError,
      /constants\.c is a number, .*'x'/,
    );
    const four = new Tensor('float32', [1, 1, 1, 1]);
    await rejects(() => e0.kernel(read, { output: 2, constants: { c: four } }), RangeError, /constants\.c .* 3 axes/);
    await e0.clear();
  });
  test('scalars of every dtype, booleans, and Tensors without axes are numbers', async () => {
    const { e0 } = rig();
    await using kernel = await e0.kernel((a: number, b: number) => a + b, { output: 1 });
    const dtypes = ['float64', 'float32', 'float16', 'int32', 'int16', 'int8', 'uint8', 'bool', 'bfloat16'] as const;
    for (const dtype of dtypes) assert.equal([...(await kernel(tensor(1, { dtype }), 2)).data], [3], dtype);
    assert.equal([...(await kernel(true, false)).data], [1]);
    await e0.push({ s: tensor(4, { dtype: 'float32' }), n: 5, b: true });
    assert.equal([...(await kernel(ref('s'), ref('n'))).data], [9]);
    assert.equal([...(await kernel(ref('b'), 1)).data], [2]);
    await e0.clear();
  });
}

/** Types and settings reach gpu.js, or are refused by name. */
function types(test: Suite, rig: () => Rig): void {
  test('argumentTypes, returnType, constantTypes and strictIntegers', async () => {
    const { e0 } = rig();
    const half = (a: number, x: number[], b: number) => x[a]! / b;
    await using typed = await e0.kernel(half, {
      output: 1,
      argumentTypes: { b: 'Float', a: 'Integer', x: 'Array' },
      returnType: 'Float',
    });
    assert.equal([...(await typed(1, [1, 7], 2)).data], [3.5]);
    assert.equal([...(await typed(0, [1, 7], 4)).data], [0.25]);
    await using choice = await e0.kernel((on: never, a: number) => (on ? a : -a), {
      output: 1,
      argumentTypes: { on: 'Boolean' },
    });
    assert.equal([...(await choice(true as never, 2)).data], [2]);
    assert.equal([...(await choice(false as never, 2)).data], [-2]);
    await using pair = await e0.kernel((a: number) => [a, a + 1], { output: 2, returnType: 'Array(2)' });
    const result = await pair(1);
    assert.equal(
      [[...result.shape], [...result.data]],
      [
        [2, 2],
        [1, 2, 1, 2],
      ],
    );
    for (const settings of [{ constantTypes: { n: 'Integer' as const } }, { strictIntegers: true }]) {
      await using kernel = await e0.kernel(
        function (x: number[]) {
          return x[(this.constants['n'] as number) - 1]! + (this.constants['f'] as number);
        },
        { output: 1, constants: { n: 2, f: 0.5 }, ...settings },
      );
      assert.equal([...(await kernel([3, 4])).data], [4.5]);
    }
  });
  test('functions with types, precision and tactic', async () => {
    const { e0 } = rig();
    const shifted = (i: number, x: number): number => x + i;
    const typed = {
      source: shifted,
      settings: { argumentTypes: { i: 'Integer', x: 'Float' }, returnType: 'Float' },
    } as const;
    await using kernel = await e0.kernel(
      function (x: number[]) {
        return shifted(this.thread.x, x[this.thread.x]!);
      },
      { outputLike: 'x', functions: [typed], precision: 'single', tactic: 'precision' },
    );
    assert.equal([...(await kernel([0.5, 0.5, 0.5])).data], [0.5, 1.5, 2.5]);
    await using unsigned = await e0.kernel(saxpy, { output: 1, precision: 'unsigned' });
    const [mode] = await e0.execute('1').then(() => [rig().rc.engines[0]?.device.gpuMode]);
    if (mode === 'webgpu') {
      await rejects(() => unsigned(1, [1], [1]), Error, /precision: 'unsigned' does not exist on the webgpu context/);
    } else assert.equal([...(await unsigned(1, [1], [1])).data], [2]);
  });
  test('types that do not fit are refused by name', async () => {
    const { v, e0 } = rig();
    const bad = [
      [{ precision: 'double' }, RangeError, /precision is 'single' or 'unsigned', not 'double'/],
      [{ tactic: 'fast' }, RangeError, /tactic is one of 'speed', 'balanced', 'precision'/],
      [{ strictIntegers: 1 }, TypeError, /strictIntegers is true or false/],
      [{ argumentTypes: { q: 'Float' } }, TypeError, /argumentTypes: there is no parameter 'q', only a, x, y/],
      [{ argumentTypes: { a: 'float' } }, RangeError, /argumentTypes\.a is one of .*'Float'/],
      [{ argumentTypes: ['Float'] }, TypeError, /argumentTypes is an object of parameters/],
      [{ returnType: 'Boolean' }, RangeError, /returnType is one of/],
      [{ constantTypes: { c: 'Float' } }, TypeError, /there is no constant 'c', only none/],
      [{ functions: [{ source: saxpy, settings: { returntype: 'Float' } }] }, TypeError, /did you mean 'returnType'/],
      [{ functions: [{ source: 5, settings: {} }] }, TypeError, /a kernel is a function, not number/],
      [{ functions: [() => 1] }, TypeError, /functions of a kernel are named/],
    ] as const;
    for (const [settings, type, message] of bad) {
      await rejects(() => v.kernel(saxpy, { output: 1, ...settings } as never), type, message);
    }
    await using kernel = await e0.kernel(saxpy, { output: 1, argumentTypes: { a: 'Array' } });
    await rejects(() => kernel(1, [1], [1]), Error, /argument 1 is the number 1, not of type Array/);
    await using other = await e0.kernel(saxpy, { output: 1, argumentTypes: { x: 'Float' } });
    await rejects(() => other(1, [1], [1]), Error, /argument 2 is an array, not of type Float/);
  });
}

const SEMANTICS = new URL('../../../../docs/semantics.md', import.meta.url);
const MODES = ['cpu', 'webasm', 'webgpu'];

/** Rows of the table in the semantics: a result, i, and the value in each mode. */
function documentedEdges(): { readonly result: string; readonly i: number; readonly cells: readonly string[] }[] {
  const text = readFileSync(SEMANTICS, 'utf8');
  const table = text.slice(text.indexOf('| result | i | cpu | webasm | webgpu |'));
  const rows = table.slice(0, table.indexOf('\n\n')).matchAll(/^\| `(.+?)` \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|$/gm);
  return [...rows].map(([, result = '', i, ...cells]) => ({ result, i: Number(i), cells }));
}

/** Numbers at the edges are those of the documents, and faults of a kernel have a place in it. */
function edges(test: Suite, rig: () => Rig): void {
  test('out-of-range reads, Infinity and NaN are as documented', async () => {
    const { rc, e0 } = rig();
    const mode = MODES.indexOf(String(rc.engines[0]?.device.gpuMode));
    const rows = documentedEdges();
    assert.is(rows.length, 13);
    for (const { result, i, cells } of rows) {
      const fn = new Function('x', 'i', `return ${result};`) as (x: number[], i: number) => number;
      await using kernel = await e0.kernel(fn, { output: 1 });
      const cell = cells[mode] as string;
      const value = await kernel([1, 2, 3, 4], i).then(
        (tensor) => tensor.at(0),
        (error: unknown) => error as Error,
      );
      if (cell !== 'any') assert.equal(value, Number(cell), `${result} for i = ${i}`);
      else assert.ok(typeof value === 'number' || value.message.includes('KernelError'), `${result} for i = ${i}`);
    }
    assert.is(await e0.apply(() => 1), 1);
  });
  test('a kernel that does not compile is told with its line, and what to write', async () => {
    const { e0 } = rig();
    const faults: readonly (readonly [(x: number[]) => unknown, RegExp])[] = [
      [
        (x) => {
          let sum = 0;
          for (let i = 0; i < x.length; i++) sum += x[i]!;
          return sum;
        },
        /KernelError: line 3, column \d+: arrays have no length in a kernel.* \(gpu\.js: .*\)\nin the kernel\nfunction/,
      ],
      [(x) => x[0]! > 1, /KernelError: line 1, column \d+: the kernel returns true or false: .*c \? 1 : 0/],
      [
        (x) => {
          x[0]! + 1;
        },
        /line 1, column 1: the kernel returns nothing/,
      ],
      [(x) => Number.NaN + nope(x[0]!), /nope is not a function of the kernel: .*functions: \[nope\]/],
      [(x) => Math.hypot(x[0]!, 1), /Math\.hypot does not compile: Math\.sqrt/],
    ];
    for (const [fn, message] of faults) {
      await using kernel = await e0.kernel(fn as () => number, { output: 1 });
      await rejects(() => (kernel as (...args: unknown[]) => PromiseLike<unknown>)([1, 2]), Error, message);
    }
    const inner = (x: number[]): number => x.length;
    await using kernel = await e0.kernel((x: number[]) => inner(x), { output: 1, functions: [inner] });
    await rejects(() => kernel([1]), Error, /in inner, line 1, column \d+: arrays have no length/);
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
    await rejects(() => v.kernel((async (x: number) => x) as never, { output: [1] }), NotSerializableError, /arrow/);
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
