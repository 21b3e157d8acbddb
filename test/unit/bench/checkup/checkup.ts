// The check-up's own logic, with parts that measure nothing: what it writes, and how it ends.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Checkup } from '../../../../bench/checkup/checkup.ts';
import type { Part } from '../../../../bench/checkup/parts.ts';
import type { Preflight } from '../../../../bench/checkup/preflight.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('bench/checkup');
const MAIN = fileURLToPath(new URL('../../../../bench/checkup/main.js', import.meta.url));

const ADAPTER = {
  adapter: 'a card',
  software: true,
  driver: '1',
  info: {},
  features: [],
  limits: {},
  matrixConfigs: [],
};
const found: Preflight = {
  adapter: ADAPTER,
  env: {},
  cards: 'no nvidia-smi',
  cuda: 'no CUDA',
  nodes: [],
  tried: [],
  lacking: [],
};

const part = (name: string, ...args: string[]): Part => {
  return { name, script: '../test/support/checkup-part.js', args, share: { least: 1, most: 30 } };
};

/** One run into a folder of its own. */
class Trial implements Disposable {
  readonly out = mkdtempSync(join(tmpdir(), 'dv-checkup-test-'));
  readonly lines: string[] = [];
  readonly checkup: Checkup;

  constructor(
    parts: readonly Part[],
    { budget = 60, preflight = found, software = true, onLine = (_line: string) => {} } = {},
  ) {
    const print = (line: string): void => {
      this.lines.push(line);
      onLine(line);
    };
    this.checkup = new Checkup({ budget, out: this.out, software, parts, find: async () => preflight, print });
  }

  json(): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.out, 'checkup.json'), 'utf8')) as Record<string, unknown>;
  }

  rows(): Record<string, unknown>[] {
    const text = readFileSync(join(this.out, 'checkup.jsonl'), 'utf8').trim();
    return text.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  [Symbol.dispose](): void {
    rmSync(this.out, { recursive: true, force: true });
  }
}

test('rows of all parts are in the JSONL and in the JSON, and the log has their output', async () => {
  using trial = new Trial([part('one'), part('two')]);
  assert.is(await trial.checkup.run(), 0);
  assert.equal(
    trial.rows().map((row) => [row['part'], row['verified']]),
    [
      ['one', true],
      ['two', true],
    ],
  );
  assert.equal(trial.json()['rows'], trial.rows());
  assert.is(trial.json()['exitCode'], 0);
  assert.match(readFileSync(join(trial.out, 'log.txt'), 'utf8'), 'part says end');
  assert.match(readFileSync(join(trial.out, 'seed.ts'), 'utf8'), 'export const SEED');
});

test('a wrong row or a part that fails ends with 1, and the parts after it run', async () => {
  using wrong = new Trial([part('one', 'end', 'element 3 is 1'), part('two')]);
  assert.is(await wrong.checkup.run(), 1);
  assert.is(wrong.rows().length, 2);
  assert.ok(wrong.lines.some((line) => line.startsWith('WRONG') && line.includes('element 3 is 1')));
  using failed = new Trial([part('one', 'fail'), part('two')]);
  assert.is(await failed.checkup.run(), 1);
  assert.is(failed.rows().length, 2);
});

test('without an adapter it ends with 3 and starts no part', async () => {
  const preflight = { ...found, adapter: undefined, tried: ['a way: no driver'] };
  using trial = new Trial([part('one')], { preflight });
  assert.is(await trial.checkup.run(), 3);
  assert.is(existsSync(join(trial.out, 'checkup.jsonl')), false);
  assert.is(trial.json()['exitCode'], 3);
  assert.ok(trial.lines.some((line) => line.includes('a way: no driver')));
});

test('a card that only CUDA opens is measured by the parts that need no adapter, and the exit code tells', async () => {
  const preflight = { ...found, adapter: undefined, cuda: true as const, tried: ['a way: no driver'] };
  using trial = new Trial([part('webgpu'), { ...part('cuda'), byCuda: true }], { preflight, software: false });
  assert.is(await trial.checkup.run(), 3);
  assert.equal(
    trial.rows().map((row) => row['part']),
    ['cuda'],
  );
  assert.ok(trial.lines.some((line) => line.includes('only what CUDA opens is measured')));
  using rehearsal = new Trial([{ ...part('cuda'), byCuda: true }], { preflight });
  assert.is(await rehearsal.checkup.run(), 3);
  assert.is(existsSync(join(rehearsal.out, 'checkup.jsonl')), false);
});

test('a search for an adapter that falls down ends with 1, in words and with all files', async () => {
  const out = mkdtempSync(join(tmpdir(), 'dv-checkup-test-'));
  const lines: string[] = [];
  const find = () => Promise.reject(new Error('no room for links'));
  const print = (line: string) => lines.push(line);
  assert.is(await new Checkup({ budget: 60, out, software: false, parts: [], find, print }).run(), 1);
  assert.ok(lines.includes('no adapter was looked for: no room for links'));
  assert.equal(readdirSync(out).sort(), ['checkup.json', 'log.txt', 'seed.ts']);
  rmSync(out, { recursive: true });
});

test('a part for which too little time is left is skipped by name', async () => {
  const long = { ...part('long'), share: { least: 1000, most: 2000 } };
  using trial = new Trial([long, part('short')]);
  assert.is(await trial.checkup.run(), 0);
  assert.equal(
    trial.rows().map((row) => row['part']),
    ['short'],
  );
  assert.ok(trial.lines.some((line) => line.startsWith('SKIPPED long')));
});

test('a run that compared nothing does not end as a right one', async () => {
  using trial = new Trial([{ ...part('long'), share: { least: 1000, most: 2000 } }]);
  assert.is(await trial.checkup.run(), 1);
  assert.ok(trial.lines.some((line) => line.startsWith('nothing was measured')));
});

test('the last words of a part that fails are printed, and in the JSON', async () => {
  using trial = new Trial([part('one', 'fail'), part('two')]);
  await trial.checkup.run();
  assert.ok(trial.lines.some((line) => line.startsWith('one ended with 1') && line.includes('part says fail')));
  const [one, two] = trial.json()['parts'] as { words?: string }[];
  assert.equal([one?.words, two?.words], ['part says fail', undefined]);
});

if (!existsSync('/dev/full')) test.skip('a full disk', 'there is no /dev/full');
else
  test('a full disk costs no part: rows are printed, and the exit code and the last line tell', async () => {
    using trial = new Trial([part('one'), part('two')]);
    for (const name of ['checkup.jsonl', 'log.txt']) {
      rmSync(join(trial.out, name), { force: true });
      symlinkSync('/dev/full', join(trial.out, name));
    }
    assert.is(await trial.checkup.run(), 1);
    assert.equal(
      trial.lines.filter((line) => / {2}row {2}right$/.test(line)).map((line) => line.split(' ')[0]),
      ['one', 'two'],
    );
    assert.match(trial.lines.at(-1) ?? '', /^NOT ALL WAS WRITTEN: ENOSPC/);
    assert.is((trial.json()['rows'] as unknown[]).length, 2);
  });

/** Neither in the system nor a process whose parent did not ask for its end so far. */
const isGone = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '';
  } catch {
    return true;
  }
};

if (process.platform !== 'linux') test.skip('what a part started', 'processes are looked for in /proc');
else
  test('what a part started ends with it, engines with groups of their own included', async () => {
    using trial = new Trial([part('one', 'engine')]);
    await trial.checkup.run();
    const [row] = trial.rows();
    while (!isGone(row?.['engine'] as number)) await turn();
  });

test('a part that hangs is ended at its share, with its rows', async () => {
  using trial = new Trial([{ ...part('hangs', 'wait'), share: { least: 0.1, most: 0.5 } }, part('two')]);
  assert.is(await trial.checkup.run(), 1);
  assert.ok(trial.rows().some((row) => row['part'] === 'two'));
  const [outcome] = trial.json()['parts'] as { code: string }[];
  assert.is(outcome?.code, 'SIGTERM');
});

test('a signal ends the part that runs and writes down what there is', async () => {
  const ended: number[] = [];
  const trial: Trial = new Trial([part('waits', 'wait'), part('never')], {
    onLine: (line) => {
      if (ended.length === 0 && line.startsWith('waits  row')) ended.push(trial.checkup.stop('SIGTERM'));
    },
  });
  await trial.checkup.run();
  assert.equal(ended, [143]);
  assert.equal(
    trial.rows().map((row) => row['part']),
    ['waits'],
  );
  const json = trial.json();
  assert.equal([json['ended'], json['exitCode'], json['rows']], ['SIGTERM', 143, trial.rows()]);
  trial[Symbol.dispose]();
});

test('the command ends with 3 where a driver file leads nowhere, and with 2 for wrong arguments', () => {
  const out = mkdtempSync(join(tmpdir(), 'dv-checkup-test-'));
  const run = (...args: string[]) => {
    const env = { ...process.env, VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: '/nonexistent.json' };
    return spawnSync(process.execPath, [MAIN, '--out', out, ...args], { env, encoding: 'utf8' });
  };
  const { status, stdout } = run();
  assert.is(status, 3, stdout);
  assert.match(stdout, 'nothing is measured');
  for (const args of [['--budget', 'soon'], ['--budget', '-1'], ['--only', 'nothing'], ['--fast']]) {
    const { status, stderr } = run(...args);
    assert.is(status, 2, `${args}`);
    assert.ok(stderr.trim().length > 0);
  }
  rmSync(out, { recursive: true });
});

test('results that cannot be written end it with 2 in words; a temporary folder that is not there does not', () => {
  const out = mkdtempSync(join(tmpdir(), 'dv-checkup-test-'));
  const run = (folder: string) => {
    const nowhere = '/nonexistent.json';
    const env = { ...process.env, VK_DRIVER_FILES: nowhere, VK_ICD_FILENAMES: nowhere, TMPDIR: '/dev/null/none' };
    return spawnSync(process.execPath, [MAIN, '--out', folder], { env, encoding: 'utf8' });
  };
  const refused = run('/dev/null/results');
  assert.equal([refused.status, refused.stderr.trim().split('\n').length], [2, 1]);
  assert.match(refused.stderr, /^--out \/dev\/null\/results cannot be written: /);
  const { status, stdout } = run(join(out, 'results'));
  assert.is(status, 3, stdout);
  assert.equal(readdirSync(join(out, 'results')).sort(), ['checkup.json', 'log.txt', 'seed.ts']);
  rmSync(out, { recursive: true });
});

test.run();
