// Programs that are asked something: their answer, their own words when they fail, and nobody waits for one that is stuck.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ProgramFailed, programOutput } from '../../../../src/util/system/program-output.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('output of programs');
const LONG_MS = 60_000;
const folder = temporaryFolder('dv-output-');
test.after(() => rmSync(folder, { recursive: true }));

test('the text of a program that ends, and the last line of one that fails', async () => {
  assert.is(await programOutput('sh', ['-c', 'echo one; echo two'], LONG_MS), 'one\ntwo\n');
  const run = () => programOutput('sh', ['-c', 'echo first; echo the driver is gone; exit 9'], LONG_MS);
  const { isMissing } = await rejects(run, ProgramFailed, /^the driver is gone$/);
  assert.is(isMissing, false);
});

test('a program that is not there', async () => {
  const { isMissing } = await rejects(() => programOutput('no-such-program', [], LONG_MS), ProgramFailed, /ENOENT/);
  assert.is(isMissing, true);
});

test('a program that does not end, and whose child keeps its output open, is not waited for', async () => {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  // For both: to open it for one side waits for the other.
  const held = openSync(fifo, 'r+');
  const run = () => programOutput('sh', ['-c', 'trap "" TERM; cat "$0" & wait', fifo], 50);
  await rejects(run, ProgramFailed, /^no answer within 0\.05 s$/);
  // The child reads to the end of it, which comes now and not before.
  closeSync(held);
});

test.run();
