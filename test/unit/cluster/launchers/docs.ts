// The launcher of docs/launchers.md is the one that runs in test/cluster/systems/own-launcher.ts.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { suite } from '../../../support/suite.ts';

const test = suite('launchers/docs');
const read = (path: string) => readFileSync(new URL(`../../../../../${path}`, import.meta.url), 'utf8');

test('the example of the document is the tested file', () => {
  assert.ok(read('docs/launchers.md').includes(read('test/support/systems/process-launcher.ts')));
});

test.run();
