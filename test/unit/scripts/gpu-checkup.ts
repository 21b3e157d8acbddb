// The archive of the check-up has all files that its native packages load.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('scripts/gpu-checkup');
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = temporaryFolder('dvbundle-');
test.after(() => rmSync(folder, { recursive: true, force: true }));

type Contents = { readonly PACKAGES: Readonly<Record<string, readonly string[]>> };
const LOADED: readonly (readonly [name: string, others: readonly string[]])[] = [
  ['koffi', ['@koromix/koffi-linux-x64']],
  ['zeromq', ['cmake-ts']],
  ['commander', []],
];

async function copy(name: string): Promise<void> {
  const file = pathToFileURL(join(ROOT, 'scripts/gpu-checkup/contents.mjs')).href;
  const { PACKAGES } = (await import(file)) as Contents;
  const from = join(ROOT, 'node_modules', name);
  for (const part of ['package.json', ...(PACKAGES[name] ?? [])])
    if (existsSync(join(from, part)))
      cpSync(join(from, part), join(folder, 'node_modules', name, part), { recursive: true });
}

for (const [name, others] of LOADED) {
  const title = `${name} loads from its part of the archive`;
  const isThere = [name, ...others].every((one) => existsSync(join(ROOT, 'node_modules', one)));
  if (!isThere) test.skip(title, `${name} for linux-x64 is not installed`);
  else
    test(title, async () => {
      for (const one of [name, ...others]) await copy(one);
      const script = join(folder, `${name}.mjs`);
      writeFileSync(script, `await import('${name}'); console.log('loaded');`);
      const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', cwd: folder });
      assert.is(stdout, 'loaded\n', stderr);
    });
}

test.run();
