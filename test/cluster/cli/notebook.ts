// docs/notebook.md says what the REPL prints: its cells are typed, and what does not vary from run to run is compared.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { ClusterLab } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/notebook');
const lab = new ClusterLab();
test.after(() => lab.remove());

const DIST = fileURLToPath(new URL('../../../', import.meta.url));
const ROOT = join(DIST, '..');
/** Output in order of arrival, process ids, folders, errors (which go to stderr or have stacks). */
const VARIES = /^\[std|process\.pid|Uncaught|^\[\d+:execute\]|examples\/data/;

interface Row {
  readonly typed: string;
  readonly printed: string;
}

function textOf(cell: string): string {
  const lines = cell.split('<br>').map((line) => /<code>(.*)<\/code>/.exec(line)?.[1] ?? '');
  return lines.join('\n').replaceAll('&nbsp;', ' ').replaceAll('&lt;', '<').replaceAll('\\|', '|');
}

function rowsOf(page: string): Row[] {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| the notebook'));
  return rows.map((line) => {
    const [, , typed = '', printed = ''] = line.split(/(?<!\\)\|/);
    return { typed: textOf(typed.trim()), printed: textOf(printed.trim()) };
  });
}

test('the cells of the page print what it says', async () => {
  const rows = rowsOf(readFileSync(join(ROOT, 'docs/notebook.md'), 'utf8'));
  assert.ok(rows.length > 50, `only ${rows.length} cells`);
  const failing = rows.filter(({ printed }) => printed.startsWith('Uncaught')).map(({ typed }) => typed);
  assert.equal(failing, ['await e0.ns.zz'], 'the one cell that is to fail');
  const args = [join(DIST, 'src/cli/main.js'), 'repl', '-n', '4', '--device', 'cpu'];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stdin.end(rows.map(({ typed }) => (typed.startsWith('%%') ? `${typed}\n\n\n` : `${typed}\n`)).join(''));
  assert.is(await new Promise((resolve) => child.on('close', resolve)), 0);
  const printed = out.replace(/^(?:(?:px)?> |\.\.\. )+/gm, '');
  let at = 0;
  for (const row of rows) {
    if (row.printed === '' || VARIES.test(row.printed) || VARIES.test(row.typed)) continue;
    const found = printed.indexOf(`${row.printed}\n`, at);
    assert.ok(found >= 0, `after ${row.typed}: expected\n${row.printed}\nin\n${printed.slice(at, at + 2000)}`);
    at = found + row.printed.length;
  }
  assert.ok(at > 2000, 'most of the page is compared');
});

test.run();
