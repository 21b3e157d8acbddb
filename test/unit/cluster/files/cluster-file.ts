// Cluster files: round trip, every kind of unsafe file, stale ones.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type ClusterFile, loadClusterFile } from '../../../../src/client/links/cluster-file.ts';
import { clusterHome } from '../../../../src/client/links/cluster-path.ts';
import {
  listClusters,
  removeClusterFile,
  sweepClusterFiles,
  writeClusterFile,
} from '../../../../src/cluster/files/cluster-file.ts';
import { selfIdentity } from '../../../../src/cluster/files/process-identity.ts';
import { ClusterError } from '../../../../src/errors.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('cluster file');
const root = temporaryFolder('dvfile-');
test.after(() => rmSync(root, { recursive: true, force: true }));

function file(name: string, more: Partial<ClusterFile> = {}): ClusterFile {
  const where = { controller: 'unix:///run/x/controller', runDir: '/run/x' };
  return { version: 1, name, clusterId: `id-${name}`, ...where, started: 1, owner: selfIdentity(), ...more };
}

const dead = { ...selfIdentity(), pid: 2 ** 22 + 1 };

test('what is written is read, by its owner only, and leaves no draft', () => {
  const home = join(root, 'a', 'b');
  const path = writeClusterFile(file('one'), home);
  assert.equal(loadClusterFile(path), file('one'));
  assert.is(lstatSync(path).mode & 0o777, 0o600);
  assert.is(lstatSync(home).mode & 0o777, 0o700);
  assert.equal(readdirSync(home), ['one.json']);
});

test('a home that others can open is refused', () => {
  const home = mkdtempSync(join(root, 'open-'));
  chmodSync(home, 0o755);
  throws(() => writeClusterFile(file('one'), home), ClusterError, /chmod 700/);
});

test('the name of a live cluster is taken, that of a dead one is free', () => {
  const home = mkdtempSync(join(root, 'name-'));
  writeClusterFile(file('one', { owner: dead }), home);
  writeClusterFile(file('one'), home);
  throws(() => writeClusterFile(file('one'), home), ClusterError, /'one' is running already \(pid \d+\)/);
});

for (const name of ['', '../x', 'a/b', '.hidden', 'a b', 'x'.repeat(65), '-rf', 'a\n']) {
  test(`'${name.slice(0, 10).replace('\n', '\\n')}' is no name`, () => {
    throws(() => writeClusterFile(file(name), root), ClusterError, /not a cluster name/);
  });
}

const UNSAFE: readonly [string, (path: string) => void, RegExp][] = [
  ['missing', () => {}, /no cluster file at/],
  ['open to the group', (path) => write(path, JSON.stringify(file('x')), 0o640), /mode is 0640/],
  ['open to all', (path) => write(path, JSON.stringify(file('x')), 0o644), /mode is 0644.*chmod 600/],
  ['a directory', (path) => mkdirSync(path), /not a regular file/],
  ['a pipe', (path) => execFileSync('mkfifo', ['-m', '600', path]), /not a regular file/],
  ['a link', (path) => link(path), /symbolic link/],
  ['empty', (path) => write(path, ''), /damaged/],
  ['truncated', (path) => write(path, JSON.stringify(file('x')).slice(0, 40)), /damaged/],
  ['a scalar', (path) => write(path, 'null'), /damaged/],
  ['without an owner', (path) => write(path, JSON.stringify({ ...file('x'), owner: 7 })), /damaged/],
  ['of another version', (path) => write(path, JSON.stringify(file('x', { version: 99 }))), /version 99.*version 1/],
];

function write(path: string, text: string, mode = 0o600): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

function link(path: string): void {
  write(`${path}.target`, JSON.stringify(file('x')));
  symlinkSync(`${path}.target`, path);
}

for (const [kind, make, message] of UNSAFE) {
  test(`a file that is ${kind} is refused`, () => {
    const path = join(mkdtempSync(join(root, 'u-')), 'x.json');
    make(path);
    throws(() => loadClusterFile(path), ClusterError, message);
  });
}

if (existsSync('/proc/self/pagemap')) {
  test('a file without an end is refused when it has given too much', () => {
    throws(() => loadClusterFile('/proc/self/pagemap'), ClusterError, /more bytes than it says, over 1048576/);
  });
} else test.skip('a file without an end is refused when it has given too much', 'this system has none');

if (process.getuid?.() === 0) {
  test("another user's file is refused", () => {
    const path = join(mkdtempSync(join(root, 'u-')), 'x.json');
    write(path, JSON.stringify(file('x')));
    chownSync(path, 12_345, 12_345);
    throws(() => loadClusterFile(path), ClusterError, /belongs to user 12345/);
  });
} else test.skip("another user's file is refused", 'only root can make one');

test('the list knows the living from the stale, and skips what is not ours', () => {
  const home = mkdtempSync(join(root, 'list-'));
  writeClusterFile(file('live'), home);
  writeClusterFile(file('gone', { owner: dead }), home);
  writeClusterFile(file('elsewhere', { owner: { ...dead, host: 'another-host' } }), home);
  write(join(home, 'open.json'), JSON.stringify(file('open')), 0o644);
  write(join(home, 'misnamed.json'), JSON.stringify(file('live')));
  assert.equal(
    listClusters(home).map(({ name, stale }) => [name, stale]),
    [
      ['elsewhere', false],
      ['gone', true],
      ['live', false],
    ],
  );
  assert.equal(listClusters(join(home, 'nowhere')), []);
});

test('the sweep removes the files of killed clusters, and no others', () => {
  const home = mkdtempSync(join(root, 'sweep-'));
  writeClusterFile(file('live'), home);
  writeClusterFile(file('gone', { owner: dead }), home);
  sweepClusterFiles(home);
  assert.equal(readdirSync(home), ['live.json']);
});

test('a pid that the system has given to another process is stale', () => {
  const home = mkdtempSync(join(root, 'reused-'));
  writeClusterFile(file('one', { owner: { ...selfIdentity(), started: '1' } }), home);
  assert.equal(
    listClusters(home).map((one) => one.stale),
    [true],
  );
});

test('a file is removed only by its own cluster', () => {
  const home = mkdtempSync(join(root, 'rm-'));
  const path = writeClusterFile(file('one'), home);
  removeClusterFile(path, 'another id');
  assert.is(readdirSync(home).length, 1);
  removeClusterFile(path, 'id-one');
  removeClusterFile(path, 'id-one');
  assert.is(readdirSync(home).length, 0);
});

test('the home follows the environment', () => {
  const saved = { ...process.env };
  try {
    process.env['DIRECTVIEW_HOME'] = '/a';
    assert.is(clusterHome(), '/a');
    delete process.env['DIRECTVIEW_HOME'];
    process.env['XDG_STATE_HOME'] = '/b';
    assert.is(clusterHome(), '/b/directview');
    delete process.env['XDG_STATE_HOME'];
    assert.match(clusterHome(), /\/\.local\/state\/directview$/);
  } finally {
    Object.assign(process.env, saved);
  }
});

test.run();
