// The example operations, and what operations of all kinds may do to a batch.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BatchOptions, batch, type Operation, readPicture, type Tensor } from 'directview';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import type { BatchRecord } from '../../../src/batch/results/record.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { golden } from '../../support/golden-corners.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('batch: operations');
const root = temporaryFolder('dvoperations-');
const coins = golden('coins').path;
const example = (name: string) => new URL(`../../../examples/operations/${name}.js`, import.meta.url);
let rig: Rig;
test.before(async () => {
  rig = await startRig(2, { device: 'wasm' });
});
test.after(async () => {
  await rig.stop();
  rmSync(root, { recursive: true });
});

let folders = 0;
async function folder(n: number): Promise<string> {
  const path = join(root, String(folders++));
  mkdirSync(path);
  for (let i = 0; i < n; i++) {
    const background = { r: 20 * i, g: 0, b: 0 };
    await sharp({ create: { width: 8, height: 6, channels: 3, background } })
      .png()
      .toFile(join(path, `${i}.png`));
  }
  return path;
}
const run = (operation: Parameters<typeof batch>[0], where: string | string[], options: BatchOptions) =>
  batch(operation, where, { client: rig.rc, ...options });
const recordsIn = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as BatchRecord);

/** Gaussian and Sobel in float64, mirrored at the border. */
function edgesOf(image: Tensor, sigma: number): number[][] {
  const [rows, cols] = image.shape as [number, number];
  const mirror = (i: number, n: number) => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  const filter = (at: (r: number, c: number) => number, down: number[], across: number[]) => {
    const [h, w] = [(down.length - 1) / 2, (across.length - 1) / 2];
    return (r: number, c: number) => {
      let sum = 0;
      for (let i = -h; i <= h; i++)
        for (let j = -w; j <= w; j++) sum += at(r + i, c + j) * (down[i + h] as number) * (across[j + w] as number);
      return sum;
    };
  };
  const pixel = (r: number, c: number) => image.at(mirror(r, rows) * cols + mirror(c, cols));
  const reach = Math.ceil(3 * sigma);
  const bell = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const gauss = bell.map((x) => x / bell.reduce((a, b) => a + b));
  const smooth = filter(pixel, gauss, gauss);
  const [slope, ramp] = [
    [-0.5, 0, 0.5],
    [0.25, 0.5, 0.25],
  ];
  const [y, x] = [
    filter(smooth, slope as number[], ramp as number[]),
    filter(smooth, ramp as number[], slope as number[]),
  ];
  return [10, 100, 200].map((r) => [5, 77, 300].map((c) => Math.hypot(y(r, c), x(r, c))));
}

test('edges: the picture and the record agree with a reference', async () => {
  const [out, json] = [join(root, 'edges'), join(root, 'edges.jsonl')];
  const { done, notes } = await run(example('edges'), coins, { out, json, params: { sigma: 1.5 } });
  assert.is(done, 1);
  assert.match(notes.join(), /left \d+ tensors on 1 pictures/);
  const [record] = recordsIn(json);
  const strongest = record?.['strongest'] as number;
  const { image } = await readPicture(coins, { dtype: 'float64' });
  const drawn = (await readPicture(join(out, 'coins.png'))).image;
  const wanted = edgesOf(image, 1.5).flat();
  const got = [10, 100, 200].flatMap((r) => [5, 77, 300].map((c) => drawn.at(r * 384 + c) * strongest));
  for (const [i, value] of wanted.entries()) assert.ok(Math.abs(value - (got[i] as number)) <= strongest / 250, `${i}`);
  assert.equal(
    (await rig.rc.view(':').apply(() => tf.memory().numTensors)).map((n) => n < 10),
    [true, true],
  );
});

test('histogram: colours as a table, of a picture shrunk on the engine', async () => {
  const csv = join(root, 'colours.csv');
  const dir = await folder(3);
  const { done } = await run(example('histogram'), dir, { csv, params: { bins: 4 } });
  assert.is(done, 3);
  const [head, ...rows] = readFileSync(csv, 'utf8').trim().split('\n');
  const bins = ['red', 'green', 'blue'].flatMap((name) => [0, 1, 2, 3].map((i) => `${name}_${i}`));
  assert.is(head, ['image', ...bins, 'ms', 'error', 'path'].join());
  for (const [i, row] of rows.entries()) {
    const cells = row.split(',');
    assert.is(cells[0], join(dir, `${i}.png`));
    assert.equal(
      cells.slice(1, 13).map((cell) => Math.round(Number(cell))),
      [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
    );
  }
});

test('match: the template is found where it was cut out', async () => {
  const template = join(root, 'template.png');
  await sharp(coins).extract({ left: 75, top: 170, width: 50, height: 40 }).png().toFile(template);
  const [json, out] = [join(root, 'match.jsonl'), join(root, 'match')];
  await run(example('match'), coins, { json, out, params: { template } });
  const { row, col, score } = recordsIn(json)[0] as unknown as { row: number; col: number; score: number };
  assert.equal([row, col], [170, 75]);
  assert.ok(Math.abs(score - 1) < 1e-3, String(score));
  assert.ok(existsSync(join(out, 'coins.png')));
});

const noted: Operation = ({ image, shape }, { params }) => ({
  record: { mean: image.at(0), rows: shape[0], params },
  files: { '.txt': `first pixel ${image.at(0)}` },
});

test('a function as it is, with files of its own; foreign files are not overwritten, records are kept all the same', async () => {
  const dir = await folder(3);
  const [out, json] = [join(dir, 'out'), join(dir, 'r.jsonl')];
  mkdirSync(out);
  writeFileSync(join(out, '1.png.txt'), 'mine');
  const { done, failed, failures } = await run(noted, dir, { out, json, params: { a: 1 } });
  assert.equal([done, failed], [2, 1]);
  assert.match(failures[0]?.reason ?? '', /cannot write .*1\.png\.txt: it exists/);
  assert.is(readFileSync(join(out, '1.png.txt'), 'utf8'), 'mine');
  assert.is(readFileSync(join(out, '2.png.txt'), 'utf8').slice(0, 11), 'first pixel');
  const records = recordsIn(json);
  assert.equal(
    records.map(({ written }) => written),
    [['0.png.txt'], [], ['2.png.txt']],
  );
  assert.equal([records[1]?.['rows'], records[1]?.['params']], [6, { a: 1 }]);
  rmSync(join(out, '1.png.txt'));
  const again = await run(noted, dir, { out, json, params: { a: 1 }, skipExisting: true });
  assert.equal([again.done, again.earlier], [1, 2]);
  assert.equal(readdirSync(out).sort(), ['0.png.txt', '1.png.txt', '2.png.txt']);
});

test('an operation that throws fails its pictures alone, and they have records', async () => {
  const dir = await folder(4);
  const json = join(dir, 'r.jsonl');
  const picky: Operation = ({ path }) => {
    if (path.endsWith('2.png')) throw new RangeError('not this one');
    return { record: { good: 1 } };
  };
  const { done, failures } = await run(picky, dir, { json });
  assert.equal([done, failures], [3, [{ image: join(dir, '2.png'), reason: 'RangeError: not this one' }]]);
  const bad = recordsIn(json).find(({ error }) => error !== undefined) as BatchRecord;
  assert.equal([bad.image, bad.error, bad.errorName], [join(dir, '2.png'), 'RangeError: not this one', 'RangeError']);
});

test('an operation that cannot be loaded ends the batch in one sentence', async () => {
  const dir = await folder(5);
  const module = join(dir, 'broken.mjs');
  writeFileSync(module, 'export const operation = (;');
  const { stopped, failures, done } = await run(module, dir, { json: join(dir, 'r.jsonl') });
  assert.match(stopped ?? '', /^cannot load the operation .*broken\.mjs: SyntaxError/);
  assert.equal([failures.length, done], [0, 0]);
});

test('forgotten tensors are freed after each picture, and told of', async () => {
  const dir = await folder(6);
  const leaky: Operation = ({ image }, { tf }) => {
    for (let i = 0; i < 5; i++) image.toTF(tf);
    return { record: { tensors: tf.memory().numTensors } };
  };
  const json = join(dir, 'r.jsonl');
  const { notes } = await run(leaky, dir, { json });
  assert.match(notes.join(), /left 30 tensors on 6 pictures/);
  const counts = recordsIn(json).map((record) => record['tensors'] as number);
  assert.ok(Math.max(...counts) - Math.min(...counts) < 5, String(counts));
});

test('TypeScript, from anywhere, with directview by its name', async () => {
  const dir = await folder(1);
  const module = join(dir, 'own.ts');
  writeFileSync(
    module,
    `import { type Operation, Tensor } from 'directview';
    export const operation: Operation = ({ image }) => ({ record: { isTensor: image instanceof Tensor } });`,
  );
  const json = join(dir, 'r.jsonl');
  const { stopped, done } = await run(module, join(dir, '0.png'), { json });
  assert.equal([stopped, done], [undefined, 1]);
  assert.is(recordsIn(json)[0]?.['isTensor'], true);
});

test('the examples are short', () => {
  for (const name of ['edges', 'histogram', 'match']) {
    const path = fileURLToPath(new URL(`../../../../examples/operations/${name}.ts`, import.meta.url));
    const code = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*|\*|import )/.test(line));
    assert.ok(code.length <= 20, `${name}: ${code.length} lines`);
  }
});

declare const tf: typeof import('@tensorflow/tfjs-core');

test.run();
