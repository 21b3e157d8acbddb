// The public types under every TypeScript and every module setting that README promises; our own also without skipLibCheck.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { packagesOf } from '../support/architecture/public-types.ts';
import { type Consumer, consumer } from '../support/consumer.ts';
import { suite } from '../support/suite.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const test = suite('type versions');

// Functions for engines, in a file of its own: the names must not be there for the other files of this repository.
const ENGINE = `
import type {} from 'directview/engine';
import type { DirectView, Tensor as T } from 'directview';

export async function onEngines(view: DirectView<'many'>): Promise<void> {
  const ids: number[] = await view.apply(() => engine.id);
  const all: number[] = await view.apply(() => engine.allReduce(engine.rank));
  const whole: Float64Array[] = await view.apply(() => engine.allReduce(new Float64Array(3), (a, b) => a + b));
  const lists: (number[] | undefined)[] = await view.apply(() => engine.gather(engine.size));
  const mail: string[] = await view.apply(async () => {
    await engine.send(0, 'tag', { x: 1 });
    return engine.recv<string>(1, 'tag', { timeout: 5 });
  });
  const product: T[] = await view.apply(() => matmul(tensor([[1]]), [[2]]));
  const total: number[] = await view.apply(() => sum(range(3)) + sum(new Tensor('float32', [2])));
  const means: number[] = await view.apply(() => {
    const mean = tf.tidy(() => tf.mean(tf.matMul(tf.ones([2, 2]), tf.exp(tf.tensor([[1, 2], [3, 4]])))));
    return mean.dataSync()[0] ?? 0;
  });
  await view.apply(() => {
    display({ x: 1 });
    engine.publish({ done: 0.5 });
  });
  await view.apply(async () => {
    const kernel = gpu.createKernel(function (this: { thread: { x: number } }, a: number[]) {
      return 2 * (a[this.thread.x] ?? 0);
    }, { output: [3] });
    return (await kernel([1, 2, 3])) as number[];
  });
  const sizes = await view.apply(async (path: string) => (await readPicture(path)).image.size, 'a.png');
  const corners = await view.apply((path: string) => findCorners(path), 'a.png');
  // @ts-expect-error what an engine does not have
  await view.apply(() => engine.rnak);
  // @ts-expect-error a rank is a number
  await view.apply(() => engine.send('0', 'tag', 1));
  const edges = await view.apply((path: string) => {
    return readPicture(path).then(({ image }) => tf.conv2d(image.toTF(tf), tf.tensor4d([1], [1, 1, 1, 1]), 1, 'same').shape);
  }, 'a.png');
  void edges;
  // @ts-expect-error not an op
  await view.apply(() => tf.matmul(1, 2));
  void [ids, all, whole, lists, mail, product, total, means, sizes, corners];
}
`;

// A project that has other types for the libraries.
const LIBRARIES = `
import type { DirectView } from 'directview';
declare module 'directview/engine' {
  interface EngineLibraries {
    tf: { mine(): 'mine' };
  }
}
export const mine = (view: DirectView<'one'>): PromiseLike<'mine'> => view.apply(() => tf.mine());
`;

/** As tsc --init of TypeScript up to 5.8 writes it. */
const CLASSIC = { module: 'commonjs', moduleResolution: 'node10' };
const SETTINGS: readonly (readonly [compiler: string, title: string, settings: Readonly<Record<string, unknown>>])[] = [
  ['typescript-5.4', 'NodeNext', { lib: ['es2022'] }],
  ['typescript-5.4', 'commonjs and node10', { ...CLASSIC, target: 'es2016', lib: ['es2022'] }],
  ['typescript-5.9', 'NodeNext', {}],
  ['typescript-5.9', 'commonjs and node10', { ...CLASSIC, esModuleInterop: true }],
  ['typescript', 'NodeNext', {}],
  ['typescript', 'esnext and bundler', { module: 'esnext', moduleResolution: 'bundler' }],
];

/** The blocks of TypeScript in README, each a file. */
const readme = (): string[] =>
  [...readFileSync(`${ROOT}README.md`, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] as string);

const lines = (errors: string): string[] => errors.split('\n').filter((line) => line !== '');

let project: Consumer;
let libraries: Consumer;
test.before(() => {
  project = consumer(['@types/node', 'expect-type']);
  project.write('contract.ts', readFileSync(`${ROOT}test/fixtures/consumer/contract.ts`, 'utf8'));
  project.write('engine.ts', ENGINE);
  for (const [i, block] of readme().entries()) project.write(`readme-${i}.mts`, block);
  libraries = consumer();
  libraries.write('engine.ts', LIBRARIES);
});
test.after(() => {
  project.remove();
  libraries.remove();
});

for (const [compiler, title, settings] of SETTINGS) {
  const name = `${compiler}, ${title}`;
  if (existsSync(`${ROOT}node_modules/${compiler}`)) {
    test(name, () => assert.equal(lines(project.typeErrors(settings, compiler)), []));
  } else test.skip(name, `${compiler} is not installed: npm ci`);
}

test('README has a program in TypeScript', () => assert.ok(readme().length > 0));

// Their own declarations need types of browsers, and have faults without them.
test('the declarations name no types of tfjs, gpu.js and other libraries', () => {
  assert.equal(packagesOf(['dist/src/index.d.ts', 'dist/engines/globals/ambient.d.ts']), ['acorn']);
});

test("a project's own types of tf and gpu", () => {
  assert.equal(lines(libraries.typeErrors({ types: ['node', 'directview/engine'] })), []);
});

test.run();
