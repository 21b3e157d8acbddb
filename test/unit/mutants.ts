// The list of `npm run mutants` fits the code: whoever rewrites a guarded line renews the mutant that takes it out.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const test = suite('mutants');

test('each of them still finds the text that it takes out', () => {
  const script = fileURLToPath(new URL('../../../scripts/mutants.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
});

test.run();
