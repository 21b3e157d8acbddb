// Outputs on a file system that is mounted read-only: in a namespace of its own, where a test may mount one.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { ClusterLab } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('batch: outputs on a read-only file system');
const lab = new ClusterLab();
const root = temporaryFolder('dvreadonly-');
const [input, mounted] = [join(root, 'in'), join(root, 'mounted')];
const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

for (const folder of [input, mounted]) mkdirSync(folder);
test.before(async () => {
  await sharp({ create: { width: 9, height: 7, channels: 3, background: '#888' } })
    .png()
    .toFile(join(input, 'a.png'));
});
test.after(() => {
  lab.remove();
  rmSync(root, { recursive: true, force: true });
});

/** Runs a shell with `mounted` as an empty file system that has a folder `sub` and is read-only. */
function onReadOnly(...command: string[]) {
  const mount = 'mount -t tmpfs none "$0" && mkdir "$0/sub" && mount -o remount,ro "$0" && exec "$@"';
  const args = ['--map-root-user', '--mount', 'sh', '-c', mount, mounted, ...command];
  return spawnSync('unshare', args, { encoding: 'utf8' });
}

const OUTPUTS: readonly (readonly [option: string, place: string])[] = [
  ['--out', 'new'],
  ['--out', 'sub'],
  ['--out', 'a/b/c'],
  ['--json', 'r.jsonl'],
  ['--csv', 'sub/r.csv'],
  ['--sheet', 's.png'],
  ['--html', 'sub/r.html'],
];

const mayMount = onReadOnly('true').status === 0;
for (const [option, place] of OUTPUTS) {
  const title = `${option} ${place}: refused by its reason before anything starts`;
  if (!mayMount) {
    test.skip(title, 'this system lets nobody mount in a namespace of their own');
    continue;
  }
  test(title, () => {
    const path = join(mounted, place);
    const { status, stderr } = onReadOnly(process.execPath, MAIN, 'corners', input, option, path, '-n', '1');
    assert.is(status, 1, stderr);
    assert.match(stderr, `cannot write`);
    assert.ok(stderr.includes(path), stderr);
    assert.match(stderr, 'EROFS: read-only file system');
    assert.equal(readdirSync(mounted), []);
    assert.equal(lab.leftovers(), []);
  });
}

test.run();
