// Rows 26 to 30: files, impostors, words for launchers, and a client that floods.
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { loadClusterFile } from '../../../src/client/links/cluster-file.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { Batch } from '../../../src/comm/batch.ts';
import { COUNTED, DATA } from '../../../src/comm/packet.ts';
import { BulkFolder } from '../../../src/comm/unix/bulk-folder.ts';
import { offer, prefixed } from '../../../src/comm/unix/framing.ts';
import { authenticate } from '../../../src/comm/zeromq/authenticator.ts';
import { newCredentials } from '../../../src/comm/zeromq/credentials.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { ClusterError } from '../../../src/errors.ts';
import { Program } from '../../fixtures/cluster-lab.ts';
import { rejects } from '../assert.ts';
import type { FaultRow, Seen } from '../faults/row.ts';
import { cut } from './attack.ts';
import { folder, type Target, target } from './target.ts';

async function files(): Promise<Seen> {
  const victim = await target('tcp');
  const text = readFileSync(victim.file, 'utf8');
  const at = (name: string, content = text, mode = 0o600): string => {
    const path = join(folder(), `${name}.json`);
    writeFileSync(path, content, { mode });
    chmodSync(path, mode);
    return path;
  };
  const refused = (path: string, why: RegExp) => rejects(() => Client.connect(path), ClusterError, why);
  await refused(at('open', text, 0o644), /0644/);
  const link = join(folder(), 'link.json');
  symlinkSync(victim.file, link);
  await refused(link, /symbolic link/);
  const directory = join(folder(), 'directory.json');
  mkdirSync(directory);
  await refused(directory, /not a regular file/);
  for (let bytes = 0; bytes < text.length - 2; bytes += 97) await refused(at('cut', text.slice(0, bytes)), /./);
  await refused(at('version', text.replace(/"version":\s*\d+/, '"version":99')), /version/);
  await refused(at('long', `${text}${' '.repeat(2 ** 20)}`), /over/);
  await refused(at('deep', '['.repeat(100_000)), /./);
  const foreign = at('foreign');
  try {
    chownSync(foreign, 65534, 65534);
    await refused(foreign, /belongs to user 65534/);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
  await victim.serves();
  return {};
}

/** Somebody else listens where the controller did, and knows its public key. */
async function impostor(): Promise<Seen> {
  folder();
  const cluster = await Cluster.start({ engines: 1, device: 'cpu', listen: 'tcp://127.0.0.1', name: 'impostor' });
  const info = loadClusterFile(cluster.file);
  await cluster.stop();
  const keys = newCredentials(info.clusterId);
  const authentication = await authenticate(keys.controller);
  const heard: string[] = [];
  const transport = zeromqTransport({ credentials: keys.controller });
  const onMessage = (parts: Uint8Array[]) => heard.push(String(parts[0]));
  const listener = await transport.listen(info.controller, { onMessage }, 'roster');
  // Somebody who knows the impostor gets in meanwhile.
  const connecting = Client.connect(info, { timeout: 1500 });
  const friend = zeromqTransport({ credentials: keys.client }).connect(
    info.controller,
    { onMessage: () => {} },
    'roster',
  );
  void friend.send([Buffer.from('friend')]).catch(() => {});
  await rejects(() => connecting, Error, /./);
  assert.equal([...new Set(heard)], ['friend'], 'it hears nothing of the client');
  await friend.close();
  await listener.close();
  await authentication.close();
  return {};
}

const WORDS = [
  '$(touch pwned)',
  '`touch pwned`',
  '; touch pwned',
  '../../pwned',
  'a\nb',
  'a b',
  '-rf',
  '--help',
  'x'.repeat(300),
  '',
  '\u0000',
  '.',
  '..',
];

async function words(): Promise<Seen> {
  folder();
  for (const name of WORDS)
    await rejects(() => Cluster.start({ engines: 1, device: 'cpu', name }), Error, /name|must|wants/);
  for (const listen of [
    'tcp://$(touch pwned)',
    'tcp://127.0.0.1;touch pwned',
    'tcp://127.0.0.1:1\n#SBATCH x',
    'ssh://host -oProxyCommand=touch',
  ])
    await rejects(() => Cluster.start({ engines: 1, device: 'cpu', listen }), Error, /./);
  for (const name of WORDS.slice(0, 5)) {
    const { code, stderr } = await new Program('src/cli/main.js', [
      'start',
      '--name',
      name,
      '-n',
      '1',
      '--device',
      'cpu',
    ]).done;
    assert.is.not(code, 0, name);
    assert.match(stderr, /name|directview/);
  }
  for (const word of WORDS.slice(0, 7))
    for (const launcher of [
      { kind: 'ssh', hosts: word },
      { kind: 'slurm', partition: word },
      { kind: 'slurm', account: word },
    ] as const)
      await rejects(() => Cluster.start({ engines: 1, device: 'cpu', launcher }), Error, /./);
  assert.not(existsSync('pwned'));
  assert.not(existsSync(join(folder(), 'pwned')));
  return { note: 'engines start without a shell; hosts and fields of schedulers are plain words' };
}

const NAME = `${process.pid}-${'b'.repeat(32)}`;

/** Things in the folder of shared memory under a name that a peer could offer, and how each is made. */
const FILES: Readonly<Record<string, (path: string) => void>> = {
  'nothing there': () => {},
  'a symbolic link': (path) => symlinkSync('/etc/passwd', path),
  'a folder': (path) => mkdirSync(path),
  'a second name of a file': (path) => {
    writeFileSync(`${path}2`, 'x'.repeat(2 ** 16));
    linkSync(`${path}2`, path);
  },
  'an empty file': (path) => writeFileSync(path, ''),
};

/** A packet whose data lie in slot 0 of a file. */
function filedPacket(bytes: number): Buffer {
  const batch = new Batch(64);
  batch.start(0, 1, bytes);
  batch.chunk({ transfer: 0, part: 0, partBytes: bytes, offset: 0, bytes });
  return prefixed(batch.seal(COUNTED | DATA, 0, 0), bytes, 0);
}

/** Peers offer names of files that they have not made, or that are too short, and send data "in" them: they are cut. */
async function sharedMemory(): Promise<Seen> {
  const victim = await target('unix');
  const { path: shared } = new BulkFolder();
  mkdirSync(shared, { mode: 0o700, recursive: true });
  const offered = async (name: string): Promise<void> => {
    const peer = victim.raw('tasks');
    peer.write(Buffer.concat([offer(name), filedPacket(2 ** 16)]));
    await cut(peer);
  };
  for (const name of ['../../etc/passwd', '/etc/passwd', `../directview-0/${NAME}`, 'x'.repeat(64)])
    await offered(name);
  for (const make of Object.values(FILES)) {
    try {
      make(join(shared, NAME));
      await offered(NAME);
    } finally {
      for (const name of [NAME, `${NAME}2`]) rmSync(join(shared, name), { recursive: true, force: true });
    }
  }
  await victim.serves();
  // It goes with the last file.
  if (readdirSync(shared).length === 0) rmdirSync(shared);
  return { note: `${Object.keys(FILES).length} kinds of files` };
}

/** One client sends as fast as it can; the pings and tasks of another one are answered in between. */
async function flood(): Promise<Seen> {
  const notes: string[] = [];
  for (const kind of ['tcp', 'unix'] as const) notes.push(`${kind}: ${await floodAt(await target(kind))}`);
  return { note: notes.join('; ') };
}

async function floodAt(victim: Target): Promise<string> {
  await using flooding = await Client.connect(victim.file);
  const view = flooding.view(0);
  let last = 0;
  const started = performance.now();
  const burst = Array.from({ length: 30_000 }, () =>
    view
      .apply(() => 1)
      .get()
      .then(() => (last = performance.now())),
  );
  let worst = 0;
  for (let n = 0; n < 3; n++) {
    const since = performance.now();
    await victim.rc.status(0);
    assert.is(await victim.rc.view(0).apply((x: number) => x, n), n);
    worst = Math.max(worst, performance.now() - since);
  }
  const answered = performance.now();
  await Promise.all(burst);
  assert.ok(answered < last, 'the other one did not wait for the end of the flood');
  await victim.serves();
  const rate = Math.round(burst.length / (last - started));
  return `${rate} thousand a second, a ping and a task of the other took at most ${Math.round(worst)} ms`;
}

/** Rows 26 to 30. */
export const OUTSIDE_ROWS: readonly FaultRow[] = [
  {
    number: 26,
    fault: 'cluster files: mode 0644, symbolic link, directory, cut off, another version, another owner',
    expected: 'ClusterError, which says why',
    run: files,
  },
  {
    number: 27,
    fault: "an impostor at the controller's address, without its key",
    expected: 'it hears nothing; the client fails within its time',
    run: impostor,
  },
  {
    number: 28,
    fault: 'shared memory: a name that points elsewhere, a symbolic link, a wrong size',
    expected: 'refused',
    skip: existsSync('/dev/shm') ? undefined : 'there is no /dev/shm',
    run: sharedMemory,
  },
  {
    number: 29,
    fault: 'shell characters and newlines in names, addresses and arguments',
    expected: 'refused, and nothing runs',
    run: words,
  },
  {
    number: 30,
    fault: 'tens of thousands of tiny requests of one client',
    expected: 'another one is answered in between',
    run: flood,
  },
];
