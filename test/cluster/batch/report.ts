// The report and the contact sheet, looked at: the page in a real browser, its pixels and its elements.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { batch } from 'directview';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { Browser } from '../../support/browser.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { golden } from '../../support/golden-corners.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('batch: the report');
const root = temporaryFolder('dvreport-');
let rig: Rig;
test.before(async () => {
  rig = await startRig(1, { device: 'wasm' });
});
test.after(async () => {
  await rig.stop();
  rmSync(root, { recursive: true });
});

/** Pixels of a colour, about. */
async function count(
  path: string | Buffer,
  [r, g, b]: readonly [number, number, number],
  within = 24,
): Promise<number> {
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  let n = 0;
  for (let at = 0; at < info.width * info.height * 3; at += 3) {
    const d =
      Math.abs((data[at] as number) - r) +
      Math.abs((data[at + 1] as number) - g) +
      Math.abs((data[at + 2] as number) - b);
    if (d < within) n++;
  }
  return n;
}

test('a page with small pictures, counts, failures in red and a histogram, which needs no other file', async () => {
  const input = join(root, 'in <b> & "c"');
  mkdirSync(input);
  for (const name of ['coins', 'page'] as const) await sharp(golden(name).path).toFile(join(input, `${name}.png`));
  writeFileSync(join(input, '<img src=x>.png'), 'text');
  const [html, sheet] = [join(root, 'r.html'), join(root, 's.png')];
  await batch('corners', input, { client: rig.rc, html, sheet, marks: { color: 'lime', on: 'color' } });
  const page = await Browser.open(pathToFileURL(html).href, { width: 1000, height: 1400 });
  try {
    const number = async (selector: string) => page.evaluate(`document.querySelectorAll('${selector}').length`);
    assert.is(await page.evaluate('[...document.images].filter((one) => one.naturalWidth > 50).length'), 2);
    assert.is(await number('tr.failed'), 2, 'in the list of failures, and in its row');
    assert.ok(((await number('svg rect')) as number) >= 2);
    const cells = await page.evaluate(
      `[...document.querySelectorAll('table:last-of-type td.n')].map((td) => td.innerText).join()`,
    );
    assert.match(String(cells), /^,,[\d.]*,26,[\d.]+,[\d.]+,151,[\d.]+,[\d.]+$/);
    assert.match(String(await page.evaluate('document.body.innerText')), /<img src=x>\.png/);
    assert.is(await page.evaluate('document.documentElement.scrollWidth'), 1000, 'nothing sticks out');
    assert.is(
      await page.evaluate(
        `performance.getEntriesByType('resource').filter((one) => !one.name.startsWith('data:')).length`,
      ),
      0,
    );
    const shot = await page.screenshot();
    assert.ok((await count(shot, [253, 236, 238])) > 5000, 'rows of failures');
    assert.ok((await count(shot, [59, 110, 165])) > 2000, 'bars');
    assert.ok((await count(shot, [0, 255, 0], 200)) > 100, 'marks on the small pictures');
  } finally {
    await page.close();
  }
  assert.ok((await count(sheet, [0, 255, 0], 200)) > 200, 'marks on the sheet');
  const { width } = await sharp(sheet).metadata();
  assert.is(width, 8 + 2 * 168, 'a tile for the failed picture too');
});

test.run();
