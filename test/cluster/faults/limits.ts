// Where a process runs: few descriptors, no home that can be written, no entry in the list of users.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import type { Listener } from '../../../src/comm/transport.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { ClusterError } from '../../../src/errors.ts';
import { rejects, throws } from '../../support/assert.ts';
import { echo } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/limits');
const DIST = fileURLToPath(new URL('../../../', import.meta.url));
const folder = temporaryFolder('dvlimits-');
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a module under a limit of descriptors, while this process goes on; `onText` is called when it has written something. */
async function limited(
  descriptors: number,
  code: string,
  onText: (child: ChildProcess, text: string) => void = () => {},
) {
  const file = join(folder, 'script.mjs');
  writeFileSync(file, code);
  const command = ['-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', process.execPath, file];
  const child = spawn('sh', command, { timeout: 60_000, stdio: ['pipe', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
    onText(child, String(text));
  });
  child.stderr.on('data', (text) => (stderr += text));
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { status, signal, stdout, stderr };
}

test('a link that would need the last descriptors is refused; the process goes on', async () => {
  const listener = await zeromqTransport({ insecureLoopback: true }).listen('tcp://127.0.0.1:*', echo);
  const { status, signal, stdout, stderr } = await limited(
    150,
    `import { zeromqTransport } from '${DIST}src/comm/zeromq.js';
const transport = zeromqTransport({ insecureLoopback: true });
const links = [];
const answers = [];
try {
  for (let i = 0; i < 500; i++) {
    let answered;
    const link = transport.connect('${listener.endpoint}', { onMessage: () => answered() });
    answers.push(new Promise((resolve) => (answered = resolve)));
    links.push(link);
  }
} catch (error) {
  console.log(error.name, error.message);
}
// All that were not refused come about, and work.
for (const link of links) void link.send([Buffer.from('to and fro')]);
await Promise.all(answers);
await Promise.all(links.map((link) => link.close()));
console.log('lives');`,
  );
  await listener.close();
  assert.is(status, 0, `${signal} ${stderr}`);
  assert.match(
    stdout,
    /^ConnectionError a link to tcp:.* descriptors: \d+ of this process are open, and 150 is its limit/,
  );
  assert.match(stdout, /lives\n$/);
});

/** Opens links where nobody listens until one is refused, says so, and waits for an answer on each of them. */
const EARLY = (transport: string, endpoint: string) => `import { clusterTransport } from '${DIST}src/comm/by-scheme.js';
const transport = clusterTransport({ insecureLoopback: true });
const links = [];
const answers = [];
let refusal;
while (refusal === undefined && links.length < 500) {
  let answered;
  try {
    links.push(transport.connect('${endpoint}', { onMessage: () => answered() }));
    answers.push(new Promise((resolve) => (answered = resolve)));
    // Those that were refused by the system have no descriptor for a while.
    if (links.length % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  } catch (error) {
    refusal = error;
  }
}
for (const link of links) void link.send([Buffer.from('${transport}')]);
console.log(refusal?.name, refusal?.message);
await Promise.all(answers);
await Promise.all(links.map((link) => link.close()));
console.log('lives');`;

for (const scheme of ['tcp', 'unix'] as const)
  test(`${scheme}: links that wait for their listener count, so that each of them finds room when it comes`, async () => {
    const where = scheme === 'tcp' ? 'tcp://127.0.0.1:*' : `unix://${folder}/early`;
    const transport = clusterTransport({ insecureLoopback: true });
    const before = await transport.listen(where, echo);
    await before.close();
    let listening: Promise<Listener> | undefined;
    const { status, signal, stdout, stderr } = await limited(150, EARLY(scheme, before.endpoint), () => {
      listening ??= transport.listen(before.endpoint, echo);
    });
    await (await listening)?.close();
    assert.is(status, 0, `${signal} ${stderr}`);
    assert.match(stdout, /^ConnectionError a link to .*; \d+ more are for links that are not connected yet\n/);
    assert.match(stdout, /lives\n$/);
  });

const FULL = `import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { zeromqTransport } from '${DIST}src/comm/zeromq.js';
const transport = zeromqTransport({ insecureLoopback: true });
const listener = await transport.listen('tcp://127.0.0.1:*', { onMessage: (parts, link) => void link.send(parts) });
const friend = () => {
  let heard;
  const link = transport.connect(listener.endpoint, { onMessage: () => heard() });
  const answer = () => new Promise((resolve) => { heard = resolve; void link.send([Buffer.from('x')]); });
  return { link, answer };
};
const early = friend();
await early.answer();
process.stdin.resume();
const held = [];
try { for (;;) held.push(openSync('/dev/null')); } catch {}
console.log(listener.endpoint);
await once(process.stdin, 'data');
for (let n = 0; n < 50; n++) {
  await early.answer();
  await new Promise((resolve) => setTimeout(resolve, 1));
}
console.log('answers');
for (const fd of held) closeSync(fd);
const late = friend();
await late.answer();
await Promise.all([early.link.close(), late.link.close()]);
await listener.close();
process.stdin.destroy();
console.log('lives');`;

test('tcp: a listener without a free descriptor serves those that are in, and others when there are some', async () => {
  const peers: Socket[] = [];
  const { status, signal, stdout, stderr } = await limited(150, FULL, (child, text) => {
    const port = /^tcp:.*:(\d+)$/m.exec(text)?.[1];
    if (port === undefined) return;
    for (let n = 0; n < 20; n++) peers.push(connect(Number(port), '127.0.0.1').on('error', () => {}));
    peers[19]?.once('connect', () => child.stdin?.write('connected'));
  });
  for (const peer of peers) peer.destroy();
  assert.is(status, 0, `${signal} ${stderr}`);
  assert.match(stdout, /answers\nlives\n$/);
});

test('a cluster that is too large for the limit is refused before anything starts', async () => {
  const { status, stdout, stderr } = await limited(
    300,
    `import { Cluster } from '${DIST}src/index.js';
try {
  await Cluster.start({ engines: 60, device: 'cpu' });
} catch (error) {
  console.log(error.name, error.message);
}`,
  );
  assert.is(status, 0, stderr);
  assert.match(
    stdout,
    /^ClusterError a cluster of 60 engines needs 1920 descriptors: .* 300 is its limit \(ulimit -n\)\n$/,
  );
});

for (const [what, home] of [['a folder that cannot be made', '/dev/null/home']] as const) {
  test(`an unnamed cluster does without its file: ${what}`, async () => {
    const before = process.env['DIRECTVIEW_HOME'];
    process.env['DIRECTVIEW_HOME'] = home;
    try {
      const cluster = await Cluster.start({ engines: 1, device: 'cpu' });
      try {
        const rc = await cluster.connect();
        assert.is(await rc.view(0).apply(() => 5), 5);
        throws(
          () => cluster.file,
          ClusterError,
          /^this cluster has no file: .* cannot be written .*set DIRECTVIEW_HOME/,
        );
      } finally {
        await cluster.stop();
      }
      await rejects(
        () => Cluster.start({ engines: 1, device: 'cpu', name: 'named' }),
        ClusterError,
        /cannot be written .*: set DIRECTVIEW_HOME to a folder of yours$/,
      );
    } finally {
      if (before === undefined) delete process.env['DIRECTVIEW_HOME'];
      else process.env['DIRECTVIEW_HOME'] = before;
    }
  });
}

const NOBODY = 54_321;
const { DIRECTVIEW_HOME: _home, XDG_STATE_HOME: _state, HOME: _own, ...bare } = process.env;

/** Runs a module of this package as a user without an entry in the list of users, and without a home. */
function asNobody(code: string) {
  const module = `import { Cluster } from '${DIST}src/index.js';\n${code}`;
  const command = ['--input-type=module', '-e', module];
  return spawnSync(process.execPath, command, {
    uid: NOBODY,
    gid: NOBODY,
    cwd: '/',
    env: { ...bare, TMPDIR: '/tmp' },
    encoding: 'utf8',
    timeout: 60_000,
  });
}

const notAsNobody = process.getuid?.() !== 0 ? 'only root may run programs as another user' : unreadable();

function unreadable(): string | undefined {
  const { status, stderr } = asNobody('');
  return status === 0 ? undefined : `another user cannot read this package: ${stderr.split('\n').at(-2)}`;
}

const UNKNOWN = 'a user that the system does not know runs an unnamed cluster; a named one wants a home';
if (notAsNobody !== undefined) test.skip(UNKNOWN, notAsNobody);
else
  test(UNKNOWN, () => {
    const { status, stdout, stderr } = asNobody(`
const cluster = await Cluster.start({ engines: 1, device: 'cpu' });
const rc = await cluster.connect();
console.log(await rc.view(0).apply(() => 5));
await cluster.stop();
await Cluster.start({ engines: 1, device: 'cpu', name: 'named' }).catch((error) => console.log(error.message));`);
    assert.is(status, 0, stderr);
    assert.is(stdout, `5\nuser ${NOBODY} has no home directory: set HOME, or DIRECTVIEW_HOME, to a folder of yours\n`);
  });

test.run();
