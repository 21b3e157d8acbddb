// Stacks of user errors on real engines: users' files keep their frames, whatever their folders are called.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import type { RemoteError } from '../../../src/errors.ts';
import { fromModule } from '../../../src/index.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

// The first five are paths of the engine's own files, of today and of before.
const FOLDERS = ['engines/runner', 'engines/verbs', 'engines/guard', 'engines/queue', 'engines/user-code', 'other'];
const INNER = 'export function inner() {\n  throw new Error("on purpose");\n}\n';
const OUTER = 'import { inner } from "./inner.mjs";\nexport function outer() {\n  return inner();\n}\n';

function didNotFail(): RemoteError {
  throw new Error('the call did not fail');
}

const test = suite('user frames');
let rig: Rig;
let root: string;

test.before(async () => {
  root = mkdtempSync(join(tmpdir(), 'dv-frames-'));
  for (const folder of FOLDERS) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, 'inner.mjs'), INNER);
    writeFileSync(join(root, folder, 'outer.mjs'), OUTER);
  }
  rig = await startRig(1);
});
test.after(async () => {
  rmSync(root, { recursive: true, force: true });
  await rig.stop();
});

for (const folder of FOLDERS) {
  test(`a module in ${folder} keeps both of its frames, and nothing of the engine follows`, async () => {
    const outer = fromModule(pathToFileURL(join(root, folder, 'outer.mjs')), 'outer');
    const error = await rig.e0.apply(outer as () => unknown).then(didNotFail, (e) => e as RemoteError);
    const frames = String(error.traceback)
      .split('\n')
      .filter((line) => /^\s+at /.test(line));
    assert.equal(
      frames.map((line) => /at (\w+) /.exec(line)?.[1]),
      ['inner', 'outer'],
      error.traceback,
    );
  });
}

test('a user function called by an engine function keeps its frames', async () => {
  const error = await rig.e0
    .apply(async () => {
      await Promise.resolve();
      const named = () => [1].map(() => JSON.parse('{'));
      return named();
    })
    .then(didNotFail, (e) => e as RemoteError);
  assert.match(String(error.traceback), /named/);
  assert.not.match(String(error.traceback), /directview:trampoline|task-loop/);
});

test.run();
