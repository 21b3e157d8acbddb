// The log of an engine: a bounded file that keeps its end.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import {
  addedText,
  engineOfLog,
  LogFile,
  logPath,
  readLog,
} from '../../../../../src/cluster/launchers/process/log-file.ts';
import { suite } from '../../../../support/suite.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const test = suite('cluster/log-file');
const dir = temporaryFolder('dvlog-');
test.after(() => rmSync(dir, { recursive: true }));

test('text comes back; a second writer of the same path goes on', async () => {
  const path = logPath(dir, 3);
  const first = new LogFile(path);
  first.write('a\n');
  first.close();
  first.close();
  const second = new LogFile(path);
  second.write('b\n');
  second.close();
  assert.is(await readLog(path), 'a\nb\n');
  assert.is(statSync(path).mode & 0o777, 0o600);
});

test('bounded: the last text stays, in two files at most', async () => {
  const path = join(dir, 'bounded');
  const log = new LogFile(path, 100);
  for (let i = 0; i < 1000; i++) log.write(`line ${i}\n`);
  log.close();
  const text = await readLog(path);
  assert.ok(text.endsWith('line 999\n') && text.length >= 100 && text.length <= 220, `${text.length}`);
  assert.equal(
    readdirSync(dir)
      .filter((name) => name.startsWith('bounded'))
      .sort(),
    ['bounded', 'bounded.1'],
  );
});

test('names', async () => {
  assert.equal(['engine-0.log', 'engine-12.log', 'engine-0.log.1', 'owner.json'].map(engineOfLog), [
    0,
    12,
    undefined,
    undefined,
  ]);
  assert.is(await readLog(join(dir, 'none')), '');
});

test('a path that cannot be written is no error', () => {
  const log = new LogFile(join(dir, 'none', 'x'));
  log.write('lost');
  log.close();
});

test('the text that was added; a line tells of text that is gone', () => {
  assert.is(addedText('', 'a\nb\n'), 'a\nb\n');
  assert.is(addedText('a\n', 'a\nb\n'), 'b\n');
  // The file was rotated: its beginning is gone.
  assert.is(addedText(`old\n${'x'.repeat(2000)}\n`, `${'x'.repeat(1500)}\nnew\n`), 'new\n');
  assert.match(addedText('old\n', 'alf a line\nnew\n'), /^\(lines are missing here: .*\)\nnew\n$/);
  assert.match(addedText('cut', 'alf a line\nnew\n'), /^\n\(lines are missing here: .*\)\nnew\n$/);
});

test.run();
