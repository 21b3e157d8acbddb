import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { CORNERS_CSV, FIELDS_CSV, headOf, rowsOf } from '../../../../src/batch/results/csv.ts';
import { linesOf } from '../../../../src/batch/results/line-reader.ts';
import type { BatchRecord } from '../../../../src/batch/results/record.ts';
import { surveyCsv, surveyJson } from '../../../../src/batch/results/survey.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('batch/results: what an earlier run left');
const folder = temporaryFolder('directview-survey-');
test.after(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string | Uint8Array): string {
  const path = join(folder, String(files++));
  writeFileSync(path, text);
  return path;
}
const record = (image: string, more: Partial<BatchRecord> = {}): BatchRecord => {
  return { image, path: `/p/${image}`, size: 1, mtime: 2, run: 'r', ...more };
};
const line = (one: unknown) => `${JSON.stringify(one)}\n`;
const none = join(folder, 'none');

test('lines longer than a chunk, empty lines, and an end without a line feed', async () => {
  const long = 'é'.repeat(400_000);
  const lines: [number, boolean][] = [];
  for await (const { text, isWhole, end } of linesOf(file(`${long}\n\nx`))) {
    lines.push([text.length, isWhole]);
    if (lines.length === 1) assert.is(end, 800_001);
  }
  assert.equal(lines, [
    [400_000, true],
    [0, true],
    [1, false],
  ]);
});

test('no file has no lines; any other error is an error', async () => {
  for await (const _ of linesOf(none)) assert.unreachable();
  const failure = await (async () => {
    for await (const _ of linesOf(folder)) assert.unreachable();
  })().catch((error: unknown) => error);
  assert.is((failure as NodeJS.ErrnoException).code, 'EISDIR');
});

test('JSON lines: the last record of a picture counts, a line that was cut off goes, strange lines stay', async () => {
  const whole =
    line(record('a')) + line({ some: 'thing' }) + line(record('a', { size: 9 })) + line(record('b', { error: 'no' }));
  const survey = await surveyJson(file(`${whole}${line(record('c')).slice(0, 30)}`));
  assert.equal([...survey.records.keys()], ['/p/a', '/p/b']);
  assert.equal([survey.records.get('/p/a')?.size, survey.records.get('/p/b')?.error], [9, 'no']);
  assert.equal([survey.length, survey.strange, survey.wantsFeed], [whole.length, 1, false]);
});

test('JSON lines: a last record that only lacks its line feed is kept', async () => {
  const text = (line(record('a')) + line(record('b'))).trimEnd();
  const { records, length, wantsFeed } = await surveyJson(file(text));
  assert.equal([records.size, length, wantsFeed], [2, text.length, true]);
});

test('JSON lines of earlier versions name no path: the name as typed is resolved', async () => {
  const { records } = await surveyJson(file(line({ image: 'x/a.png', corners: [] })));
  assert.equal([...records.keys()], [resolve('x/a.png')]);
});

const corners = (image: string, n: number) => record(image, { corners: Array.from({ length: n }, (_, i) => [i, i]) });
const COLUMNS = CORNERS_CSV.fixed as readonly string[];
const rows = (one: BatchRecord) => rowsOf(CORNERS_CSV, one, COLUMNS);

test('CSV: pictures, whole and cut off, with names that need quotes', async () => {
  const text =
    headOf(COLUMNS) + rows(corners('a', 3)) + rows(corners('b "x",\ny', 2)) + rows(record('c', { error: 'no "good"' }));
  const whole = await surveyCsv(file(text));
  assert.equal([...whole.paths], ['/p/a', '/p/b "x",\ny', '/p/c']);
  assert.equal([whole.columns, whole.length, whole.last?.isWhole], [COLUMNS, text.length, true]);
  const last = rows(corners('d', 5));
  for (let cut = 1; cut < last.length; cut++) {
    const { last: found, length } = await surveyCsv(file(text + last.slice(0, cut)));
    // With the first row, the picture is known and known to be cut off; before, only its bytes are.
    if (found?.path === '/p/d') assert.equal([found.isWhole, found.start], [false, text.length]);
    else assert.equal([found?.path, length], ['/p/c', text.length]);
  }
});

test('CSV: response, number of corners, no corners and failures are told apart', () => {
  const found = record('a', { corners: [[1, 2]], responses: [0.5], subpix: [[1.25, 2.5]] });
  assert.is(rows(found), 'a,1,2,1.25,2.5,0.5,1,,/p/a\n');
  assert.is(rows(record('b', { corners: [] })), 'b,,,,,,0,,/p/b\n');
  assert.is(rows(record('c', { error: 'broken' })), 'c,,,,,,,broken,/p/c\n');
});

test('CSV of any operation: numbers, texts and elements of arrays; a strange field is refused', () => {
  const one = record('a', { shape: [2, 2], mean: 0.5, red: [1, 2], name: 'x,y', ms: 3 });
  const columns = FIELDS_CSV.columns(one);
  assert.equal(columns, ['mean', 'red_0', 'red_1', 'name', 'ms', 'error']);
  assert.is(rowsOf(FIELDS_CSV, one, columns), 'a,0.5,1,2,"x,y",3,,/p/a\n');
  assert.is(rowsOf(FIELDS_CSV, record('b', { error: 'no' }), columns), 'b,,,,,,no,/p/b\n');
  assert.throws(() => rowsOf(FIELDS_CSV, record('c', { other: 1 }), columns), /field 'other'/);
});

test.run();
