import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as assert from 'uvu/assert';
import {
  type AtomicWriteOptions,
  draftBeside,
  isAbandonedDraft,
  writeFileAtomic,
  writeFileAtomicSync,
} from '../../../src/util/atomic-write.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('util/atomic-write');
const folder = temporaryFolder('directview-atomic-');
test.after(() => rmSync(folder, { recursive: true }));

type Write = (path: string, data: string | Uint8Array, options?: AtomicWriteOptions) => unknown;
const WRITERS: readonly [string, Write][] = [
  ['writeFileAtomic', writeFileAtomic],
  ['writeFileAtomicSync', writeFileAtomicSync],
];

for (const [name, write] of WRITERS) {
  const home = join(folder, name);
  mkdirSync(home);

  test(`${name}: creates and replaces, and leaves nothing else`, async () => {
    const path = join(home, 'a.txt');
    await write(path, 'one');
    await write(path, new Uint8Array([50]));
    assert.is(readFileSync(path, 'utf8'), '2');
    assert.equal(readdirSync(home), ['a.txt']);
  });

  test(`${name}: the mode is that of the new file`, async () => {
    const path = join(home, 'secret');
    writeFileSync(path, 'open to all', { mode: 0o644 });
    await write(path, 'private', { mode: 0o600 });
    assert.is(statSync(path).mode & 0o777, 0o600);
    rmSync(path);
  });

  test(`${name}: on failure the draft is removed, and what was there stays`, async () => {
    // A folder in the place of the file: the draft can be written and not renamed.
    const path = join(home, 'folder');
    mkdirSync(join(path, 'inside'), { recursive: true });
    const failure = await (async () => write(path, 'x'))().catch((error: unknown) => error);
    assert.instance(failure, Error);
    assert.equal(readdirSync(home).sort(), ['a.txt', 'folder']);
    assert.equal(readdirSync(path), ['inside']);
  });

  test(`${name}: a folder that is missing is an error`, async () => {
    const failure = await (async () => write(join(home, 'none', 'x'), 'x'))().catch((error: unknown) => error);
    assert.is((failure as NodeJS.ErrnoException).code, 'ENOENT');
  });
}

test('drafts of processes that are gone are known; those of living ones and of other machines, and other files, are left', async () => {
  const name = basename(draftBeside('/anywhere/photo.png'));
  assert.not(isAbandonedDraft(name), 'this process lives');
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  const [host, , random] = name.split('-') as [string, string, string];
  assert.ok(isAbandonedDraft(`${host}-${child.pid}-${random}`));
  assert.not(isAbandonedDraft(`.ffffff-${child.pid}-${random}`), 'of another machine');
  for (const other of ['.draft', 'a.draft', `x${host}-${child.pid}-${random}`, `${host}-${child.pid}-${random}.png`]) {
    assert.not(isAbandonedDraft(other), other);
  }
});

test.run();
