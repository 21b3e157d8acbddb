// Pictures that take too long: each fails by its name, its engine is started again where it must be, the others go on.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { batch, type Operation } from 'directview';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import type { BatchRecord } from '../../../src/batch/results/record.ts';
import { ClusterLab, Program } from '../../fixtures/cluster-lab.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('batch: time limits');
const lab = new ClusterLab();
const root = temporaryFolder('dvlimits-');
const input = join(root, 'in');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2, { device: 'cpu' });
  const picture = await sharp({ create: { width: 9, height: 7, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  mkdirSync(input);
  for (let i = 0; i < 12; i++) writeFileSync(join(input, `${String(i).padStart(2, '0')}.png`), picture);
});
test.after(async () => {
  await rig.stop();
  lab.remove();
  rmSync(root, { recursive: true });
});

const recordsOf = (json: string) =>
  readFileSync(json, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as BatchRecord);

/** Ways to take too long, at pictures 3 and 4. */
const WAYS: Readonly<Record<string, Operation>> = {
  'an endless loop': ({ path }) => {
    if (/0[34]\.png$/.test(path)) for (;;);
    return { record: { ok: 1 } };
  },
  'a promise that never resolves': async ({ path }) => {
    if (/0[34]\.png$/.test(path)) await new Promise(() => {});
    return { record: { ok: 1 } };
  },
  'work that goes on behind a promise': async ({ path, image }, { tf }) => {
    const sum = () => tf.sum(image.toTF(tf)).dataSync()[0];
    if (!/0[34]\.png$/.test(path)) return { record: { sum: sum() } };
    for (;;) await new Promise<void>((resolve) => setTimeout(() => resolve(void sum()), 1));
  },
  'a thread of the library that never answers': async ({ path }) => {
    const buffer = new Int32Array(new SharedArrayBuffer(4));
    if (/0[34]\.png$/.test(path)) Atomics.wait(buffer, 0, 0);
    return { record: { ok: 1 } };
  },
};

for (const [way, operation] of Object.entries(WAYS)) {
  test(`${way}: the picture fails by name, the others are done, and a later run tries it again`, async () => {
    const json = join(root, `${way}.jsonl`);
    const options = { client: rig.rc, json, runTimeout: 700 };
    const summary = await batch(operation, input, options);
    assert.equal([summary.done, summary.failed, summary.stopped], [10, 2, undefined]);
    const bad = summary.failures.map(({ image, reason }) => `${image.slice(-6)}: ${reason}`);
    assert.equal(bad, ['03.png: it took longer than 0.7 s', '04.png: it took longer than 0.7 s']);
    const records = recordsOf(json);
    assert.is(new Set(records.map(({ path }) => path)).size, 12);
    assert.is(records.length, 12);
    assert.ok(records.filter(({ error }) => error !== undefined).every(({ final }) => final === false));
    await until('both engines', () => rig.rc.length === 2);
    const again = await batch(operation, input, { ...options, skipExisting: true });
    assert.equal([again.pictures, again.failed, again.earlier], [2, 2, 10]);
    await until('both engines', () => rig.rc.length === 2);
  });
}

test('--timeout SECONDS on the command line', async () => {
  const slow = join(root, 'slow.mjs');
  writeFileSync(slow, 'export const operation = ({ path }) => { if (path.endsWith("07.png")) for (;;); };');
  const args = ['batch', slow, input, '--json', '-', '--timeout', '0.5', '-n', '2', '--device', 'cpu'];
  const { code, stdout, stderr } = await new Program('src/cli/main.js', args).done;
  assert.is(code, 1, stderr);
  assert.is(stdout.trim().split('\n').length, 11);
  assert.match(stderr, /^11\/12 pictures .*, 1 failed\nfailed: .*07\.png: it took longer than 0\.5 s$/m);
  const bad = await new Program('src/cli/main.js', ['batch', slow, input, '--timeout', '0']).done;
  assert.is(bad.code, 2);
});

test.run();
