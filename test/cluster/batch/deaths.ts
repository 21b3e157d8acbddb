// Engines that die during a batch: each is started again, its picture tried once more, and nobody else's time is wasted.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { batch, type Operation } from 'directview';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import type { BatchRecord } from '../../../src/batch/results/record.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('batch: engines that die');
const root = temporaryFolder('dvdeaths-');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2, { device: 'wasm' });
  const picture = await sharp({ create: { width: 9, height: 7, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  mkdirSync(join(root, 'in'));
  for (let i = 0; i < 12; i++) await sharp(picture).toFile(join(root, 'in', `${String(i).padStart(2, '0')}.png`));
});
test.after(async () => {
  await rig.stop();
  rmSync(root, { recursive: true });
});

/** Does the batch with an operation that harms its engine at picture 5: `once` in the whole batch, or each time. */
async function run(name: string, harm: string, once: boolean) {
  const json = join(root, `${name}.jsonl`);
  const operation: Operation<{ harm: string; mark: string; once: boolean }> = async ({ path }, { tf, params }) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const { existsSync, writeFileSync } = await import('node:fs');
    if (path.endsWith('05.png') && !(params.once && existsSync(params.mark))) {
      writeFileSync(params.mark, '');
      const { wasm } = tf.backend() as unknown as { wasm: { _malloc(n: number): number; onAbort(): void } };
      if (params.harm === 'kill') process.kill(process.pid, 'SIGKILL');
      else if (params.harm === 'abort') wasm.onAbort();
      else for (;;) wasm._malloc(2 ** 28);
    }
    return { record: { engine: process.pid } };
  };
  const params = { harm, once, mark: join(root, `${name}.mark`) };
  const summary = await batch(operation as Operation, join(root, 'in'), { client: rig.rc, json, params });
  const lines = readFileSync(json, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as BatchRecord);
  assert.is(new Set(lines.map(({ path }) => path)).size, 12, 'one record per picture');
  assert.is(lines.length, 12, 'none twice');
  await until('both engines', () => rig.rc.length === 2);
  return { summary, lines };
}

for (const harm of ['kill', 'abort', 'memory']) {
  test(`${harm}: the engine is started again, and the picture done by another`, async () => {
    const pids = new Set(rig.rc.engines.map(({ pid }) => pid));
    const { summary } = await run(harm, harm, true);
    assert.equal([summary.done, summary.failed, summary.stopped], [12, 0, undefined]);
    assert.is(rig.rc.engines.filter(({ pid }) => pids.has(pid)).length, 1, 'one of two is new');
  });
}

test('a picture that ends its engine twice is blamed, with the reason; the others are done', async () => {
  const { summary, lines } = await run('twice', 'kill', false);
  assert.equal([summary.done, summary.failed, summary.stopped], [11, 1, undefined]);
  const bad = lines.find(({ error }) => error !== undefined) as BatchRecord;
  assert.match(bad.image, /05\.png$/);
  assert.match(bad.error ?? '', /^it ended two engines: .*SIGKILL/);
  assert.is(bad.final, false, 'a later run tries it again');
});

test('quick pictures share a task: a death costs none of them, and blames the right one', async () => {
  const many = join(root, 'many');
  mkdirSync(many);
  const one = readFileSync(join(root, 'in', '00.png'));
  for (let i = 0; i < 300; i++) writeFileSync(join(many, `${String(i).padStart(3, '0')}.png`), one);
  const json = join(root, 'many.jsonl');
  const operation: Operation = ({ path }) => {
    if (/(?:133|250)\.png$/.test(path)) process.kill(process.pid, 'SIGKILL');
    return { record: { ok: 1 } };
  };
  const summary = await batch(operation, many, { client: rig.rc, json });
  assert.equal([summary.done, summary.failed, summary.stopped], [298, 2, undefined]);
  const lines = readFileSync(json, 'utf8').trim().split('\n');
  const records = lines.map((line) => JSON.parse(line) as BatchRecord);
  assert.is(new Set(records.map(({ path }) => path)).size, 300);
  assert.is(records.length, 300);
  const bad = records.filter(({ error }) => error !== undefined).map(({ image }) => image.slice(-7));
  assert.equal(bad.sort(), ['133.png', '250.png']);
  await until('both engines', () => rig.rc.length === 2);
});

test.run();
