// Private run directories: made 0700, swept when their process is over, and only then.
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import * as assert from 'uvu/assert';
import { selfIdentity } from '../../../../src/cluster/files/process-identity.ts';
import { createRunDir, removeRunDir, sweepRunDirs } from '../../../../src/cluster/files/run-dir.ts';
import { ClusterError } from '../../../../src/errors.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('run directory');
const root = temporaryFolder('dvrun-');
test.after(() => rmSync(root, { recursive: true, force: true }));

const NO_PID = 2 ** 22 + 1; // beyond the kernel's largest
const self = selfIdentity();

function plant(base: string, name: string, owner?: object, mode = 0o700): string {
  const path = join(base, name);
  mkdirSync(path);
  if (owner) writeFileSync(join(path, 'owner.json'), JSON.stringify(owner));
  chmodSync(path, mode);
  return path;
}

test('is private, bears the pid, and goes with all that is in it', () => {
  const path = createRunDir(root);
  assert.match(path, new RegExp(`/directview-${process.pid}-[0-9a-f]{8}$`));
  assert.is(lstatSync(path).mode & 0o777, 0o700);
  writeFileSync(join(path, 'socket'), '');
  removeRunDir(path);
  removeRunDir(path);
  assert.not(existsSync(path));
});

test('a relative base gives an absolute path', () => {
  const path = createRunDir(relative(process.cwd(), root));
  assert.ok(isAbsolute(path) && existsSync(path));
  removeRunDir(path);
});

test('a path too long for sockets is refused with the remedy', () => {
  const long = join(root, 'x'.repeat(80));
  mkdirSync(long);
  throws(() => createRunDir(long), ClusterError, /too long for sockets.*TMPDIR/);
});

test('a base that is not there is an error, not a crash of something later', () => {
  throws(() => createRunDir(join(root, 'none')), ClusterError, /no private directory/);
});

const KEPT: readonly [string, (base: string) => string][] = [
  ['of this process', (base) => createRunDir(base)],
  ['of a living process', (base) => plant(base, `directview-1-aa`, { ...self, pid: process.ppid, started: null })],
  ['of another host', (base) => plant(base, `directview-${NO_PID}-aa`, { ...self, pid: NO_PID, host: 'other' })],
  [
    'of another container',
    (base) => plant(base, `directview-${NO_PID}-aa`, { ...self, pid: NO_PID, space: 'pid:[1]' }),
  ],
  ['that is being made', (base) => plant(base, `directview-${process.ppid}-aa`)],
  ['open to others', (base) => plant(base, `directview-${NO_PID}-aa`, { ...self, pid: NO_PID }, 0o755)],
  ['with another name', (base) => plant(base, `directview-x-aa`, { ...self, pid: NO_PID })],
  ['with files but no owner', (base) => withFile(plant(base, `directview-${NO_PID}-aa`))],
  ['that is a link', (base) => link(base)],
];

function withFile(path: string): string {
  writeFileSync(join(path, 'something'), '');
  return path;
}

function link(base: string): string {
  const path = join(base, `directview-${NO_PID}-aa`);
  symlinkSync(plant(base, 'target', { ...self, pid: NO_PID }), path);
  return path;
}

for (const [kind, make] of KEPT) {
  test(`the sweep keeps one ${kind}`, () => {
    const base = mkdtempSync(join(root, 'k-'));
    const path = make(base);
    assert.equal(sweepRunDirs(base), []);
    assert.ok(existsSync(path));
  });
}

const SWEPT: readonly [string, (base: string) => string][] = [
  ['of a dead process', (base) => withFile(plant(base, `directview-${NO_PID}-aa`, { ...self, pid: NO_PID }))],
  ['whose pid another process has', (base) => plant(base, `directview-${process.pid}-aa`, { ...self, started: '1' })],
  ['that is empty and of a dead process', (base) => plant(base, `directview-${NO_PID}-aa`)],
];

for (const [kind, make] of SWEPT) {
  test(`the sweep removes one ${kind}`, () => {
    const base = mkdtempSync(join(root, 's-'));
    const path = make(base);
    assert.equal(sweepRunDirs(base), [path]);
    assert.not(existsSync(path));
  });
}

test('making one sweeps the base', () => {
  const base = mkdtempSync(join(root, 'm-'));
  const old = plant(base, `directview-${NO_PID}-aa`, { ...self, pid: NO_PID });
  createRunDir(base);
  assert.not(existsSync(old));
});

test.run();
