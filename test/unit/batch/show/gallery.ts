import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { noteOf } from '../../../../kernels/batch/note.ts';
import type { BatchRecord } from '../../../../src/batch/results/record.ts';
import { Gallery } from '../../../../src/batch/show/gallery.ts';
import { histogramOf } from '../../../../src/batch/show/histogram.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('batch/show');
const root = temporaryFolder('directview-show-');
test.after(() => rmSync(root, { recursive: true }));

const FACTS = { title: 'corners', parameters: '{}', lines: ['3/3 pictures'] };
const record = (image: string, more: Partial<BatchRecord> = {}): BatchRecord => {
  return { image, path: join(root, image), size: 1, mtime: 1, run: 'r', ...more };
};

test('a sheet or report that cannot be written: an error that names it, and nothing half written', async () => {
  const [sheet, html] = [join(root, 'none', 's.png'), join(root, 'none', 'r.html')];
  const gallery = new Gallery({ sheet, html }, 1);
  gallery.add(record('a.png', { error: 'broken' }), { order: 0 });
  const { errors } = await gallery.write(FACTS);
  assert.is(errors.length, 2);
  assert.match(errors[0] ?? '', /^cannot write .*s\.png: ENOENT/);
  assert.match(errors[1] ?? '', /^cannot write .*r\.html: ENOENT/);
  assert.equal(readdirSync(root), []);
});

test('a long batch: the sheet and the report say how many pictures they show', async () => {
  const [sheet, html] = [join(root, 's.png'), join(root, 'r.html')];
  const gallery = new Gallery({ sheet, html }, 3000);
  const grey = { width: 4, height: 4, channels: 3, background: '#888' } as const;
  const thumbnail = await sharp({ create: grey }).jpeg().toBuffer();
  let small = 0;
  for (let order = 0; order < 3000; order++) {
    const wanted = gallery.sideOf(order) !== undefined;
    if (wanted) small++;
    gallery.add(record(`${order}.png`, { corners: [[1, 1]] }), { order, thumbnail: wanted ? thumbnail : undefined });
  }
  assert.ok(small >= 1000 && small <= 1256, String(small));
  const { notes, errors } = await gallery.write(FACTS);
  assert.equal(errors, []);
  assert.match(
    notes.join('; '),
    /s\.png shows 256 of 3000 pictures, spread evenly; .*r\.html has 1000 small pictures for 3000/,
  );
  const page = readFileSync(html, 'utf8');
  assert.is(page.split('<img ').length - 1, 1000);
  assert.is(page.split('<td class="name">').length - 1, 3000);
  assert.is((await noteOf(sheet))?.kind, 'sheet');
});

test('a report of an earlier run is replaced whole, and names are text', async () => {
  const html = join(root, 'x.html');
  const gallery = new Gallery({ html }, 1);
  gallery.add(record('<script>.png', { mean: 0.25, error: undefined }), { order: 0 });
  await gallery.write(FACTS);
  assert.ok(existsSync(html));
  assert.match(readFileSync(html, 'utf8'), /&lt;script&gt;\.png<\/a><td class="n">0\.2500/);
});

test('histograms: whole numbers have bins of their own, equal ones one bin', () => {
  const bars = (values: number[]) => [...histogramOf(values, 'n').matchAll(/<title>([^<]*)</g)].map(([, text]) => text);
  assert.equal(bars([1, 2, 2, 4]), ['1: 1', '2: 2', '3: 0', '4: 1']);
  assert.equal(bars([0.5, 0.5]), ['0.500 to 1.50: 2']);
  assert.is(bars(Array.from({ length: 1000 }, (_, i) => i)).length, 24);
});

test.run();
