import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const RUN = fileURLToPath(new URL('../run.js', import.meta.url));
const test = suite('test runner');

interface Ran {
  readonly code: number | null;
  readonly lines: readonly string[];
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Ran {
  const options = { encoding: 'utf8', env: { ...process.env, TEST_GREP: '', TEST_AGAIN: '', ...env } } as const;
  const { status, stdout } = spawnSync(process.execPath, [RUN, ...args], options);
  return { code: status, lines: stdout.trim().split('\n') };
}

test('a part of the tree by name', () => {
  const { code, lines } = run(['unit/util/fifo', 'unit/util/thenable']);
  assert.is(code, 0);
  assert.is(lines.at(-1), '5 passed, 0 failed, 0 skipped');
});

test('files may be left out by a part of their names', () => {
  const { code, lines } = run([
    'unit/util/fifo',
    'unit/util/thenable',
    '--without',
    'thenable',
    '--without',
    'util/th',
  ]);
  assert.is(code, 0);
  assert.is(lines.at(-1), '3 passed, 0 failed, 0 skipped');
});

test('one test by name; files without such a test are not mentioned', () => {
  const { code, lines } = run(['unit/util', '--grep', 'first in, first out']);
  assert.is(code, 0);
  assert.match(lines[0] as string, /^ok {3}unit\/util\/fifo +1 passed/);
  assert.is(lines[1], '1 passed, 0 failed, 0 skipped');
});

test('names of nothing fail, and say so', () => {
  const tests = run(['unit/util/fifo', '--grep', 'no such test']);
  assert.equal(tests, { code: 1, lines: ["no test has 'no such test' in its name", '0 passed, 0 failed, 0 skipped'] });
  const files = run(['no/such/file']);
  assert.equal(files, { code: 1, lines: ['no test file has such a name', '0 passed, 0 failed, 0 skipped'] });
});

test('a failing test is printed with the command that runs it alone', () => {
  const { code, lines } = run(['runner/failing'], { TEST_FOLDER: FIXTURES });
  assert.is(code, 1);
  assert.match(lines[0] as string, /^FAIL runner\/failing +1 passed/);
  assert.ok(lines.includes(`     run it alone: npm test -- runner/failing --grep 'it'\\''s wrong'`), lines.join('\n'));
  assert.is(lines.at(-1), '1 passed, 1 failed, 0 skipped');
});

test('where no test is wanted, hooks clean up and the process ends', () => {
  const { code, lines } = run(['runner/failing', '--grep', 'no such test'], { TEST_FOLDER: FIXTURES });
  assert.is(code, 1);
  assert.is(lines.length, 2);
});

test('a file without any test fails', () => {
  const { code, lines } = run(['runner/empty'], { TEST_FOLDER: FIXTURES });
  assert.is(code, 1);
  assert.is(lines.at(-1), '0 passed, 1 failed, 0 skipped');
});

test('with TEST_AGAIN a file that failed gets a second try, and the log says how it went', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  const env = { TEST_FOLDER: FIXTURES, RUNNER_MARK: join(folder, 'mark') };
  try {
    const { code, lines } = run(['runner/once', 'runner/failing'], { ...env, TEST_AGAIN: '1' });
    assert.ok(lines.includes('AGAIN, alone: runner/once passed on the second try'), lines.join('\n'));
    assert.ok(lines.includes('AGAIN, alone: runner/failing failed again'));
    assert.is(lines.at(-1), '2 passed, 1 failed, 0 skipped');
    assert.is(code, 1);
    rmSync(env.RUNNER_MARK);
    assert.is(run(['runner/once'], env).lines.at(-1), '0 passed, 1 failed, 0 skipped');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
