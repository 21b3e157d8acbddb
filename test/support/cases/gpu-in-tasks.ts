// `gpu` in tasks takes what view.kernel takes, whatever way a kernel is made and set.
import * as assert from 'uvu/assert';
import { tensor } from '../../../src/tensor/convert.ts';
import { rejects } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

interface Case {
  readonly what: string;
  /** Statements before the call. */
  readonly given?: string;
  /** An expression: a result of gpu.js, or a promise of one. */
  readonly call: string;
  /** The result as JSON. */
  readonly value: unknown;
}

const READ = 'function (x) { return x[this.thread.x] * 2 }';
const CONSTANT = 'function () { return this.constants.c[this.thread.x] }';
const MATRIX = 'gpu.createKernel(function (m) { return m[this.thread.y][this.thread.x] }, { output: [2, 2] })';
const ROWS = [
  [1, 2],
  [3, 4],
];

const FORMS: readonly Case[] = [
  {
    what: 'arrow function',
    call: 'gpu.createKernel((x) => x[this.thread.x] * 2, { output: [3] })(g)',
    value: [2, 4, 6],
  },
  { what: 'output: n', call: `gpu.createKernel(${READ}, { output: 3 })(g)`, value: [2, 4, 6] },
  { what: 'output: { x }', call: `gpu.createKernel(${READ}, { output: { x: 3 } })(g)`, value: [2, 4, 6] },
  { what: 'setOutput(n)', call: `gpu.createKernel(${READ}).setOutput(3)(g)`, value: [2, 4, 6] },
  { what: 'exec', call: `gpu.createKernel(${READ}, { output: 3 }).exec(g)`, value: [2, 4, 6] },
  {
    what: 'default values',
    call: 'gpu.createKernel(function (x, k = 3) { return x[this.thread.x] * k }, { output: 3 })(g)',
    value: [3, 6, 9],
  },
  {
    what: 'names in brackets',
    call: "gpu.createKernel(function () { return this.constants['c'] }, { output: 1, constants: { c: 7 } })()",
    value: [7],
  },
  {
    what: 'types by name, in another order',
    given: "const argumentTypes = { i: 'Integer', x: 'Array' };",
    call: 'gpu.createKernel(function (x, i) { return x[i] / 2 }, { output: 1, argumentTypes })([1, 2], 1)',
    value: [1],
  },
  {
    what: 'booleans',
    call: 'gpu.createKernel(function (on) { return on ? 1 : 2 }, { output: 1 })(false)',
    value: [2],
  },
];

const TENSORS: readonly Case[] = [
  { what: 'a matrix', call: `${MATRIX}(m)`, value: ROWS },
  { what: 'a tf.Tensor', call: `${MATRIX}(tf.tensor2d([[1, 2], [3, 4]]))`, value: ROWS },
  { what: 'a result on the device', call: `gpu.createKernel(${READ}, { output: 3 })(resident)`, value: [6, 8, 10] },
  {
    what: 'a Tensor as constant',
    call: `gpu.createKernel(${CONSTANT}, { output: 3, constants: { c: g } })()`,
    value: [1, 2, 3],
  },
  {
    what: 'a result on the device as constant',
    call: `gpu.createKernel(${CONSTANT}, { output: 3, constants: { c: resident } })()`,
    value: [3, 4, 5],
  },
  {
    what: 'a tf.Tensor as constant',
    call: `gpu.createKernel(${CONSTANT}, { output: 2, constants: { c: tf.tensor1d([8, 9]) } })()`,
    value: [8, 9],
  },
  {
    what: 'setConstants',
    call: `gpu.createKernel(${CONSTANT}).setOutput([3]).setConstants({ c: resident })()`,
    value: [3, 4, 5],
  },
  {
    what: 'setFunctions',
    given: 'const cubes = (x) => cube(x[this.thread.x]);',
    call: 'gpu.createKernel(cubes).setFunctions([function cube(x) { return x * x * x }]).setOutput([3])(g)',
    value: [1, 8, 27],
  },
  {
    what: 'addFunction of a kernel',
    given: 'const halves = (x) => half(x[this.thread.x]);',
    call: 'gpu.createKernel(halves).addFunction(function half(x) { return x / 2 }).setOutput([3])(resident)',
    value: [1.5, 2, 2.5],
  },
  {
    what: 'addFunction of gpu',
    given: 'const all = (x) => more(x[this.thread.x]);',
    call: 'gpu.addFunction(function more(x) { return x + 1 }).createKernel(all, { output: 3 })(resident)',
    value: [4, 5, 6],
  },
  {
    what: 'every setter',
    given: `const made = gpu.createKernel(${READ}).setOutput([3]).setLoopMaxIterations(2000).setPrecision('single');`,
    call: "made.setTactic('speed').setStrictIntegers(false).setDynamicArguments(true).setDebug(false)(resident)",
    value: [6, 8, 10],
  },
];

const ADD = 'const add = gpu.createKernel((a, b) => a[this.thread.x] + b[this.thread.x], { output: [3] });';
const MUL = 'const mul = gpu.createKernel((a, k) => a[this.thread.x] * k, { output: [3] });';
const COUNT = `const count = gpu.createKernel(function (x, n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[0];
  return sum;
}, { output: [2] });`;

const COMBINED: readonly Case[] = [
  {
    what: 'combineKernels',
    given: ADD + MUL,
    call: 'gpu.combineKernels(add, mul, function (a, b, k) { return mul(add(a, b), k) })(g, resident, 10)',
    value: [40, 60, 80],
  },
  {
    what: 'combineKernels, called twice',
    given: `${ADD} const three = gpu.combineKernels(add, (a) => add(add(a, a), a)); await three(g);`,
    call: 'three(resident)',
    value: [9, 12, 15],
  },
  {
    what: 'createPipeline',
    given: ADD + MUL,
    call: 'gpu.createPipeline(function (a, b, k) { return mul(add(a, b), k) })(g, resident, 10)',
    value: [40, 60, 80],
  },
  {
    what: 'a pipeline of a long loop',
    given: COUNT,
    call: 'gpu.createPipeline((x, n) => count(x, n))([1], 1500)',
    value: [1500, 1500],
  },
  {
    what: 'a combination of a long loop',
    given: COUNT,
    call: 'gpu.combineKernels(count, (x, n) => count(x, n))([1], 1500)',
    value: [1500, 1500],
  },
];

/** A result as JSON. */
const asJson = async (result: unknown): Promise<string> => {
  const value = (await result) as { toArray?: () => unknown };
  const rows = typeof value.toArray === 'function' ? await value.toArray() : value;
  return JSON.stringify(rows, (_, item: unknown) => (ArrayBuffer.isView(item) ? [...(item as Float32Array)] : item));
};

async function setUp({ e0 }: Rig): Promise<void> {
  await e0.push({ g: tensor([1, 2, 3], { dtype: 'float32' }), m: tensor(ROWS), asJson });
  await using kernel = await e0.kernel(
    function (this: { thread: { x: number } }, x: number[]) {
      return x[this.thread.x]! + 2;
    },
    { output: 3, into: 'resident' },
  );
  await kernel([1, 2, 3]);
}

export function gpuInTaskCases(test: Suite, rig: () => Rig): void {
  for (const { what, given = '', call, value } of [...FORMS, ...TENSORS, ...COMBINED]) {
    test(`gpu in tasks: ${what}`, async () => {
      const { e0 } = rig();
      await setUp(rig());
      await e0.execute(`{ ${given} globalThis.found = await asJson(${call}); }`);
      assert.equal(JSON.parse(await e0.pull<string>('found')), value);
      await e0.clear();
    });
  }
  test('gpu in tasks: kernel maps, or the contexts that have them', async () => {
    const { e0, rc } = rig();
    await setUp(rig());
    const map =
      'gpu.createKernelMap({ sum: function add(a) { return a + 1 } }, (x) => add(x[this.thread.x]) * 2, { output: 3 })';
    const running = e0.execute(`globalThis.found = await asJson(${map}(resident))`);
    if (rc.engines[0]?.device.gpuMode === 'webgpu') {
      await rejects(() => running, Error, /contexts cpu, wasm, tensorflow or headlessgl/);
    } else {
      await running;
      assert.equal(JSON.parse(await e0.pull<string>('found')), { result: [8, 10, 12], sum: [4, 5, 6] });
    }
    await e0.clear();
  });
  test('gpu in tasks: bigints, and types of no parameter, are refused by name', async () => {
    const { e0 } = rig();
    const types = (names: string) => `gpu.createKernel((x, y) => y, { output: 3, argumentTypes: ${names} })`;
    const faults: readonly (readonly [string, RegExp])[] = [
      [`gpu.createKernel(${READ}, { output: 3 })(5n)`, /a kernel takes numbers, not the bigint 5: Number\(5n\)/],
      [types("{ q: 'Float', x: 'Array', y: 'Float' }"), /argumentTypes names x, y, each once: q is none of them/],
      [types("{ x: 'Array' }"), /argumentTypes names x, y, each once: y is missing/],
      ['gpu.createKernel(async (x) => x, { output: 3 })', /async functions, generator functions/],
    ];
    for (const [code, message] of faults) await rejects(() => e0.execute(`await ${code}`), Error, message);
  });
}
