// The page in a real browser, while tasks run; the report of the same run; and `directview top`.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Dashboard } from 'directview';
import * as assert from 'uvu/assert';
import { Browser } from '../../support/browser.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('cluster: the page of a dashboard');
const folder = temporaryFolder('dvdash-');
let rig: Rig;
let dashboard: Dashboard;
let page: Browser;
test.before(async () => {
  rig = await startRig(3);
  dashboard = await rig.cluster.dashboard();
  page = await Browser.open(dashboard.url, { width: 1300, height: 1400 });
});
test.after(async () => {
  await page?.close();
  await dashboard?.close();
  rmSync(folder, { recursive: true });
  await rig.stop();
});

/** Waits until an expression of the page gives what is wanted; gives it. */
async function see<T>(expression: string, holds: (value: T) => boolean, of = page): Promise<T> {
  for (;;) {
    const value = (await of.evaluate(expression)) as T;
    if (holds(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const cells = (row: number) => `[...document.querySelectorAll('#engines tr')][${row + 1}]?.innerText ?? ''`;
const text = (id: string) => `document.getElementById('${id}').innerText`;

test('it shows engines, a task stream that grows, progress by label and names by size', async () => {
  await see<number>(`document.querySelectorAll('#engines tr[data-engine]').length`, (n) => n === 3);
  await rig.v.push({ weights: new Float64Array(50_000) });
  const lview = rig.rc.loadBalanced().with({ label: 'spectra' });
  await lview.map(
    (x: number) => x * 2,
    Array.from({ length: 30 }, (_, i) => i),
  );
  await see<string>(text('labels'), (all) => /spectra\s+0\s+30\s+0/.test(all));
  await see<string>(text('names'), (all) => /weights\s+engine 2\s+400 kB/.test(all));
  const shown = `(() => { const c = document.querySelector('#stream canvas'); const d = c.getContext('2d').getImageData(75, 0, c.width - 75, c.height - 24).data;
    let n = 0; for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255 && Math.max(d[i], d[i + 1], d[i + 2]) - Math.min(d[i], d[i + 1], d[i + 2]) > 60) n++; return n; })()`;
  const before = await see<number>(shown, (n) => n > 20);
  await lview.map(
    async (x: number) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return x;
    },
    Array.from({ length: 30 }, (_, i) => i),
  );
  await see<number>(shown, (n) => n > before + 500);
  assert.is(await page.evaluate('location.href'), `${new URL(dashboard.url).origin}/`, 'the token is not to be seen');
  assert.is(await page.evaluate('document.cookie'), '', 'nor to be read by scripts');
  assert.match(String(await page.evaluate(text('charts'))), /Tasks per second/);
  assert.is(await page.evaluate(`document.querySelectorAll('#charts canvas').length`), 4);
  assert.is(await page.evaluate('document.documentElement.scrollWidth'), 1300, 'nothing sticks out');
});

test('a failed task is there with its traceback, and markup in it stays text', async () => {
  const bad = rig.rc
    .view(1)
    .with({ label: 'broken' })
    .apply(function findLine() {
      throw new RangeError('no line <img src=x onerror="document.title=1">');
    });
  await bad.get({ returnErrors: true });
  await see<string>(text('failures'), (all) => /broken\s+RangeError\s+no line <img/.test(all));
  await page.evaluate(`document.querySelector('#failures summary').click()`);
  await see<string>(text('failures'), (all) => /at findLine/.test(all));
  assert.is(await page.evaluate(`document.querySelectorAll('#failures img').length`), 0);
});

test('interrupt, behind a question: Cancel lets the task run, yes ends it', async () => {
  const endless = rig.rc
    .view(2)
    .with({ label: 'endless' })
    .apply(() => {
      for (;;) Math.sqrt(2);
    });
  await see<string>(cells(2), (row) => /endless/.test(row));
  const press = (selector: string) => page.evaluate(`document.querySelector('${selector}').click()`);
  const interrupt = `tr[data-engine="2"] button[data-verb=interrupt]`;
  await press(interrupt);
  assert.match(String(await page.evaluate(text('question'))), /engine 2/);
  await press('#no');
  assert.is(endless.ready, false);
  await press(interrupt);
  await press('#yes');
  const error = await endless.get({ returnErrors: true }).catch((thrown: unknown) => thrown);
  assert.match(String(error), /TaskInterrupted/);
  await see<string>(cells(2), (row) => /idle/.test(row));
});

test('logs with a filter', async () => {
  // Again and again: text that is printed before the task has ended is the task's.
  await rig.e0.execute('var talk = setInterval(() => console.log("first line\\nsecond row"), 100)');
  await see<string>(text('log'), (log) => /\[engine 0\] first line\n\[engine 0\] second row/.test(log));
  await page.evaluate(`(() => { const f = document.getElementById('log-filter'); f.value = 'ROW'; f.oninput(); })()`);
  const isOnlyRows = (log: string) => log !== '' && log.split('\n').every((line) => line === '[engine 0] second row');
  await see<string>(`${text('log')}.trim()`, isOnlyRows);
  await rig.e0.execute('clearInterval(talk)');
});

test('the report is one page that needs nothing else: tasks, labels, engines, errors', async () => {
  const file = join(folder, 'report.html');
  await rig.cluster.report(file);
  const report = await Browser.open(pathToFileURL(file).href, { width: 1200, height: 900 });
  try {
    assert.match(String(await report.evaluate(text('labels'))), /spectra\s+60\s+0/);
    assert.match(String(await report.evaluate(text('engines'))), /weights 400 kB/);
    assert.match(String(await report.evaluate(text('failures'))), /broken\s+RangeError/);
    assert.is(await report.evaluate(`document.querySelectorAll('#engines tr').length`), 4);
    assert.is(await report.evaluate(`performance.getEntriesByType('resource').length`), 0);
    assert.is(await report.evaluate(`document.querySelectorAll('#failures img').length`), 0);
  } finally {
    await report.close();
  }
});

test.run();
