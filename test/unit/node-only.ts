// Other runtimes are refused by one sentence at import, before zeromq is loaded.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const test = suite('node-only');
const pathOf = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url));

function underRuntime(name: string, file: string): { readonly status: number | null; readonly stderr: string } {
  const preload = `data:text/javascript,globalThis.${name}={version:'1'};process.on('exit',()=>process.report.getReport().sharedObjects.some((o)=>o.includes('zeromq'))%26%26console.error('zeromq is loaded'))`;
  return spawnSync(process.execPath, ['--import', preload, file], { encoding: 'utf8' });
}

for (const name of ['Bun', 'Deno']) {
  for (const file of ['index.js', 'cli/main.js']) {
    test(`${file} under ${name}`, () => {
      const { status, stderr } = underRuntime(name, pathOf(file));
      assert.is(status, 1);
      assert.match(stderr, `Error: directview runs on Node.js only, 20.19 or newer: ${name} cannot run zeromq`);
      assert.not.match(stderr, 'zeromq is loaded');
    });
  }
}

test('Node itself is welcome', () => {
  const { status, stderr } = underRuntime('nothingSpecial', pathOf('index.js'));
  assert.is(status, 0);
  assert.match(stderr, 'zeromq is loaded', 'the check of this test works');
});

test.run();
