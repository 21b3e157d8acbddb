// The plan of a batch: what is done already, where files go, and what is refused. No engine is needed.
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as assert from 'uvu/assert';
import { withNote } from '../../../../kernels/batch/note.ts';
import type { BatchOptions } from '../../../../src/batch/batch-options.ts';
import { type BatchPlan, planBatch, shownPathsOf } from '../../../../src/batch/plan/plan.ts';
import { CORNERS_CSV, headOf, rowsOf } from '../../../../src/batch/results/csv.ts';
import { ClusterError } from '../../../../src/errors.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('batch/plan');
const root = temporaryFolder('directview-plan-');
test.after(() => rmSync(root, { recursive: true }));

const PNG = Buffer.from('\x89PNG\r\n\x1a\n0000IEND0000', 'latin1');
let folders = 0;
/** A folder with these files. */
function folder(...files: string[]): string {
  const path = join(root, String(folders++));
  for (const file of files) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), PNG);
  }
  return path;
}
const plan = (where: string | string[], options: BatchOptions) => planBatch('corners', where, options);
/** Does the batch, as far as its outputs tell a later plan. */
function carryOut({ work, digests, options }: BatchPlan): void {
  for (const { image, path, size, mtime, outputs } of work) {
    const out = options.out as string;
    if (outputs !== undefined) {
      mkdirSync(dirname(outputs.drawTo), { recursive: true });
      writeFileSync(outputs.drawTo, withNote(PNG, outputs.note));
    }
    const written = outputs === undefined ? undefined : [relative(out, outputs.drawTo)];
    const style = outputs === undefined ? undefined : digests.style;
    const record = { image, corners: [], written, style, path, size, mtime, run: digests.run };
    if (options.json !== undefined) appendFileSync(options.json, `${JSON.stringify(record)}\n`);
  }
}
const names = ({ work }: BatchPlan) => work.map(({ path }) => relative(root, path).replace(/^\d+\//, ''));
const places = ({ work, options }: BatchPlan) =>
  work.map(({ outputs }) => relative(options.out as string, outputs?.drawTo as string));

test('resumed from elsewhere, with other arguments, spelled otherwise: done is done', async () => {
  const dir = folder('a/1.png', 'b/2.png');
  const json = join(dir, 'r.jsonl');
  carryOut(await plan(join(dir, 'a'), { json }));
  const before = readFileSync(json, 'utf8');
  const here = process.cwd();
  process.chdir(join(dir, 'b'));
  try {
    assert.equal(names(await plan(['../a', '.'], { json: '../r.jsonl', skipExisting: true })), ['b/2.png']);
    const { work, done, failures } = await plan(['nosuch', '../a'], { json: '../r.jsonl', skipExisting: true });
    assert.equal([work.length, done.length, failures.length], [0, 1, 1]);
  } finally {
    process.chdir(here);
  }
  assert.is(readFileSync(json, 'utf8'), before, 'a plan changes nothing');
});

test('a picture that changed, other parameters, an output that is missing: done anew, and said', async () => {
  const dir = folder('a.png', 'b.png');
  const [json, out] = [join(dir, 'r.jsonl'), join(dir, 'out')];
  const options = { json, out, skipExisting: true };
  carryOut(await plan(dir, options));
  assert.is((await plan(dir, options)).done.length, 2);
  utimesSync(join(dir, 'a.png'), 1, 1);
  const changed = await plan(dir, options);
  assert.equal([names(changed), changed.notes[0]], [['a.png'], 'done anew: 1 changed on disk']);
  carryOut(changed);
  const other = await plan(dir, { ...options, params: { sigma: 3 } });
  assert.equal([other.work.length, other.notes[0]], [2, 'done anew: 2 other parameters']);
  assert.is((await plan(dir, { ...options, marks: { markSize: 40 } })).work.length, 2, 'other marks');
  rmSync(join(out, 'b.png'));
  const missing = await plan(dir, options);
  assert.equal([names(missing), missing.notes[0]], [['b.png'], 'done anew: 1 an output is missing']);
  assert.is((await plan(dir, { json, out: join(dir, 'out2'), skipExisting: true })).work.length, 2, 'another folder');
  const csv = join(dir, 'r.csv');
  writeFileSync(csv, headOf(CORNERS_CSV.fixed as readonly string[]));
  assert.is((await plan(dir, { ...options, csv })).work.length, 2, 'no rows in the CSV');
});

test('with --out alone the drawings tell what they were made from', async () => {
  const dir = folder('a.png', 'b.png');
  const options = { out: join(dir, 'out'), skipExisting: true };
  carryOut(await plan(dir, options));
  assert.equal([(await plan(dir, options)).work.length, (await plan(dir, options)).done.length], [0, 2]);
  writeFileSync(join(dir, 'a.png'), Buffer.concat([PNG, PNG]));
  assert.equal(names(await plan(dir, options)), ['a.png']);
  assert.is((await plan(dir, { ...options, params: { k: 0.1 } })).work.length, 2);
});

test('failures: final ones are left until --retry-failed, others are tried again', async () => {
  const dir = folder('a.png', 'b.png');
  const json = join(dir, 'r.jsonl');
  const { work, digests } = await plan(dir, { json });
  for (const [i, { image, path, size, mtime }] of work.entries()) {
    appendFileSync(
      json,
      `${JSON.stringify({ image, error: 'no', final: i === 0, path, size, mtime, run: digests.run })}\n`,
    );
  }
  const again = await plan(dir, { json, skipExisting: true });
  assert.equal([names(again), again.failedBefore], [['b.png'], 1]);
  assert.is((await plan(dir, { json, skipExisting: true, retryFailed: true })).work.length, 2);
});

test('an output that is a picture, or not ours, is refused and left as it was', async () => {
  const dir = folder('1.png', '2.png', '3.png');
  const [first, second] = [join(dir, '1.png'), join(dir, '2.png')];
  symlinkSync(first, join(dir, 'link'));
  writeFileSync(join(dir, 'notes.txt'), 'shopping');
  const REFUSED: [BatchOptions, RegExp][] = [
    [{ json: first }, /--json .*1\.png would overwrite|--json would overwrite .*1\.png/],
    [{ csv: first }, /--csv would overwrite/],
    [{ sheet: first }, /--sheet would overwrite/],
    [{ html: first }, /--html would overwrite/],
    [{ json: second }, /--json .*2\.png is one of the pictures/],
    [{ sheet: second }, /--sheet .*2\.png is one of the pictures/],
    [{ csv: join(dir, 'notes.txt') }, /which is not a CSV/],
    [{ json: join(dir, 'link') }, /would overwrite/],
    [{ json: join(dir, 'x'), csv: join(dir, 'x') }, /--json and --csv name the same file/],
    [{ sheet: join(dir, 'x'), html: join(dir, '.', 'x') }, /same file/],
  ];
  for (const [options, message] of REFUSED) {
    for (const skipExisting of [true, false]) {
      await rejects(() => plan([second, join(dir, '3.png')], { ...options, skipExisting }), ClusterError, message);
    }
  }
  const FOREIGN: Readonly<Record<string, string>> = {
    'labels.jsonl': '{"image":"1.png","label":"cat"}\n{"image":"2.png","label":"dog"}\n',
    'one-label.json': '{"image":"1.png","label":"cat"}',
    'cut-labels.jsonl': '{"image":"1.png","lab',
    'boxes.json': '{"image":"1.png","shape":[7,9],"boxes":[[1,2]]}\n',
    'list.json': '[{"image":"1.png"}]',
    'labels.csv': 'image,label\n1.png,cat\n',
    'paths.csv': 'image,label,path\n1.png,cat,/1.png\n',
  };
  for (const [name, text] of Object.entries(FOREIGN)) {
    const path = join(dir, name);
    writeFileSync(path, text);
    for (const kind of ['json', 'csv', 'sheet', 'html'] as const) {
      for (const skipExisting of [true, false]) {
        const refused = () => plan([second], { [kind]: path, json: path, skipExisting });
        await rejects(refused, ClusterError, /would overwrite|same file/);
        await rejects(() => plan([second], { [kind]: path }), ClusterError, /would overwrite/);
      }
    }
    assert.is(readFileSync(path, 'utf8'), text);
  }
  for (const path of [first, second]) assert.equal(readFileSync(path), PNG);
  assert.is(readFileSync(join(dir, 'notes.txt'), 'utf8'), 'shopping');
});

test('results of this version and of earlier ones may be continued or replaced, half lines too', async () => {
  const dir = folder('1.png');
  const picture = join(dir, '1.png');
  const now = `{"image":"1.png","shape":[7,9],"corners":[],"path":"${picture}","size":1,"mtime":1,"run":"x"}`;
  const JSON_LINES = [now, `${now}\n`, now.slice(0, 9), now.slice(0, 16), now.slice(0, 19), now.slice(0, 40)];
  const FAILED = '{"image":"1.png","error":"no","path":"/1.png","size":1,"mtime":1,"run":"x"}\n';
  const EARLIER = '{"image":"1.png","shape":[7,9],"corners":[[1,2]],"ms":3}\n';
  const TABLES = [
    headOf(CORNERS_CSV.fixed ?? []),
    headOf(['mean', 'ms', 'error']),
    'image,row,col,subpix_row,subpix_col\n',
  ];
  for (const [kind, texts] of [
    ['json', [...JSON_LINES, FAILED, EARLIER, '']],
    ['csv', [...TABLES, '']],
  ] as const) {
    for (const text of texts) {
      const path = join(dir, `results.${kind}`);
      writeFileSync(path, text);
      assert.is((await plan(picture, { [kind]: path })).work.length, 1, text);
    }
  }
});

test('a search that begins in the folder of the outputs finds its pictures, and none is replaced', async () => {
  const dir = folder('a/1.png', 'a/2.jpg');
  await rejects(
    () => plan(join(dir, 'a'), { out: join(dir, 'a') }),
    ClusterError,
    /would overwrite .*one of the pictures/,
  );
  const above = await plan(join(dir, 'a'), { out: dir });
  assert.equal(places(above), ['1.png', '2.jpg.png']);
  carryOut(above);
  assert.equal(names(await plan(join(dir, 'a'), { out: dir })), ['a/1.png', 'a/2.jpg']);
});

test('an output that cannot be read is fatal before anything is opened', async () => {
  const dir = folder('1.png');
  symlinkSync('r.jsonl', join(dir, 'r.jsonl'));
  await rejects(
    () => plan(dir, { json: join(dir, 'r.jsonl'), skipExisting: true }),
    ClusterError,
    /cannot read .*ELOOP/,
  );
});

test('adding an argument moves no path; two cameras never share a place, within or across runs', async () => {
  const dir = folder('cam1/IMG_1.png', 'cam2/IMG_1.png', 'cam2/sub/IMG_2.jpg');
  const out = join(dir, 'out');
  const [cam1, cam2] = [join(dir, 'cam1'), join(dir, 'cam2')];
  assert.equal(places(await plan(cam1, { out })), ['IMG_1.png']);
  const both = await plan([cam1, cam2], { out });
  assert.equal(places(both), ['IMG_1.png', 'cam2/IMG_1.png', 'sub/IMG_2.jpg.png']);
  carryOut(await plan(cam1, { out }));
  const second = await plan(cam2, { out, skipExisting: true });
  assert.equal(places(second), ['cam2/IMG_1.png', 'sub/IMG_2.jpg.png']);
  carryOut(second);
  for (const where of [[cam1, cam2], [cam2, cam1], [cam2]]) {
    assert.is((await plan(where, { out, skipExisting: true })).work.length, 0, where.join());
  }
  const mirrored = await plan([cam1, cam2], { out: join(dir, 'out2'), root: dir });
  assert.equal(places(mirrored), ['cam1/IMG_1.png', 'cam2/IMG_1.png', 'cam2/sub/IMG_2.jpg.png']);
  await rejects(() => plan(cam1, { out, root: cam2 }), ClusterError, /is not below --root/);
});

test('a file below --out that no batch has made is not overwritten', async () => {
  const dir = folder('in/a.png', 'out/a.png');
  await rejects(
    () => plan(join(dir, 'in'), { out: join(dir, 'out') }),
    ClusterError,
    /would overwrite .*no batch has made/,
  );
  assert.is((await plan(join(dir, 'in'), { out: join(dir, 'out'), overwrite: true })).work.length, 1);
});

test('names of 255 bytes have places of at most 255 bytes, each its own', async () => {
  const long = (letter: string) => `${'日'.repeat(83)}${letter}.jpg`;
  const dir = folder(long('ab'), long('ac'));
  const found = places(await plan(dir, { out: join(dir, 'out') }));
  assert.is(new Set(found).size, 2);
  for (const name of found) {
    assert.ok(Buffer.byteLength(name) <= 255, name);
    assert.match(name, /~[0-9a-f]{10}\.png$/);
  }
});

test('drawings and sheets of batches are passed over in folders, wherever they are', async () => {
  const dir = folder('a.png');
  carryOut(await plan(dir, { out: join(dir, 'marked') }));
  writeFileSync(join(dir, 'sheet.png'), withNote(PNG, { kind: 'sheet' }));
  const again = await plan(dir, { out: join(dir, 'marked2') });
  assert.equal([names(again), again.notes], [['a.png'], ['passed over: 2 drawings of batches']]);
});

test('rows of the CSV whose JSON lines were lost go, however many; those of other pictures stay', async () => {
  const dir = folder('1.png', '2.png', '3.png', '4.png');
  const [json, csv] = [join(dir, 'r.jsonl'), join(dir, 'r.csv')];
  carryOut(await plan(dir, { json }));
  const [columns, lines] = [CORNERS_CSV.fixed as readonly string[], readFileSync(json, 'utf8').split('\n')];
  const rows = lines.filter(Boolean).map((line) => rowsOf(CORNERS_CSV, JSON.parse(line), columns));
  writeFileSync(csv, headOf(columns) + rows.join(''));
  for (const kept of [4, 3, 2, 1]) {
    writeFileSync(json, `${lines.slice(0, kept).join('\n')}\n`);
    const { earlier, work } = await plan(dir, { json, csv, skipExisting: true });
    assert.is(work.length, 4 - kept);
    const wanted = (headOf(columns) + rows.slice(0, kept).join('')).length;
    assert.is(earlier?.csvEnd(shownPathsOf(work)).length, wanted, `${kept} of 4 lines are left`);
    assert.is(earlier?.csvEnd(new Set()).length, headOf(columns).length + rows.join('').length, 'nothing is done anew');
  }
});

test.run();
