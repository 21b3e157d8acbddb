// directview.config.json and .ts: the first folder that has one, and keys and values that are refused.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { siteDefaults } from '../../../../src/cli/commands/engines/site-config.ts';
import { ClusterError } from '../../../../src/errors.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('cli/site config');
const dir = temporaryFolder('dv-site-');
const folders = ['work', 'home'].map((name) => join(dir, name));
test.before(() => {
  for (const folder of folders) mkdirSync(folder);
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

const write = (folder: number, text: string, name = 'directview.config.json') =>
  writeFileSync(join(folders[folder] as string, name), text);

test('none, that of the home, and that of the working directory before it', async () => {
  assert.equal(await siteDefaults(folders), {});
  write(1, '{ "engines": 2 }');
  assert.equal(await siteDefaults(folders), { engines: 2 });
  write(0, '{ "launcher": { "kind": "slurm", "partition": "gpu" }, "min": 1 }');
  assert.equal(await siteDefaults(folders), { launcher: { kind: 'slurm', partition: 'gpu' }, min: 1 });
});

test('wrong keys, wrong values and text that cannot be read, with the path of the file', async () => {
  for (const [text, pattern] of [
    ['{ "engins": 2 }', /directview\.config\.json: unknown key 'engins' \(did you mean 'engines'\?\)/],
    ['{ "launcher": "slrum" }', /directview\.config\.json: launcher is one of/],
    ['{ "name": "x" }', /unknown key 'name'/],
    ['[]', /directview\.config\.json/],
    ['{ "engines": "8" }', /directview\.config\.json: engines must be a whole number/],
    ['{ "listen": "tcp://0.0.0.0" }', /directview\.config\.json: listen: tcp:\/\/0\.0\.0\.0 means every network/],
  ] as const) {
    write(0, text);
    await rejects(() => siteDefaults(folders), TypeError, pattern);
  }
  write(0, '\uFEFF{ "engines": 2 }');
  assert.equal(await siteDefaults(folders), { engines: 2 });
  write(0, '{ nonsense');
  await rejects(() => siteDefaults(folders), ClusterError, /directview\.config\.json cannot be read/);
});

test('a module gives its default export', async () => {
  rmSync(join(folders[0] as string, 'directview.config.json'));
  write(0, 'const engines: number = 3;\nexport default { engines };\n', 'directview.config.ts');
  assert.equal(await siteDefaults(folders), { engines: 3 });
});

test('a module that throws, or gives nothing, with the path of the file', async () => {
  for (const [text, says] of [
    ['throw new Error("no such partition");', /directview\.config\.ts cannot be loaded: no such partition/],
    ['export const engines = 3;', /directview\.config\.ts has no default export/],
  ] as const) {
    const folder = temporaryFolder('dv-site-');
    writeFileSync(join(folder, 'directview.config.ts'), text);
    await rejects(() => siteDefaults([folder]), ClusterError, says);
  }
});

test.run();
