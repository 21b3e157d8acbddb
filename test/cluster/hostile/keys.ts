// A cluster with keys, on real processes: everything works over it, nobody gets in without a key, and keys show nowhere.
import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { loadClusterFile } from '../../../src/client/links/cluster-file.ts';
import { guestEngine } from '../../../src/cluster/agent/guest-engine.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { loadEngineFile } from '../../../src/cluster/files/engine-file.ts';
import type { SocketRole } from '../../../src/comm/transport.ts';
import { Credentials, newCredentials, SOCKETS } from '../../../src/comm/zeromq/credentials.ts';
import { ConnectionError } from '../../../src/errors.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import { rejects } from '../../support/assert.ts';
import { until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

declare const engine: {
  readonly id: number;
  readonly rank: number;
  allReduce(value: Float64Array): Promise<Float64Array>;
  recv(from: number, tag: string): Promise<unknown>;
};

const test = suite('hostile/keys');
const DIST = fileURLToPath(new URL('../../../', import.meta.url));
const home = temporaryFolder('dv-keys-');
process.env['DIRECTVIEW_HOME'] = join(home, 'state');

let cluster: Cluster;
let rc: Client;
let engineKeys: Credentials;
let clientKeys: Credentials;

test.before(async () => {
  cluster = await Cluster.start({ engines: 2, device: 'cpu', listen: 'tcp://127.0.0.1', name: 'keys' });
  rc = await Client.connect('keys');
  const { runDir, credentials } = loadClusterFile(cluster.file);
  clientKeys = credentials as Credentials;
  engineKeys = new Credentials(loadEngineFile(runDir).credentials as never);
});
test.after(async () => {
  await rc?.close();
  await cluster?.stop();
  rmSync(home, { recursive: true, force: true });
});

const record = (): EngineRecord => rc.engine(0) as EngineRecord;

function endpointOf(socket: SocketRole): string {
  const { runDir, controller } = loadClusterFile(cluster.file);
  if (socket === 'roster') return controller;
  return socket === 'registry' ? loadEngineFile(runDir).registry : record()[socket];
}

test('everything works over it: calls, mail between engines, large values, relays, output, guests, restarts', async () => {
  for (const endpoint of [
    cluster.info.controller,
    ...['tasks', 'control', 'peers'].map((s) => endpointOf(s as SocketRole)),
  ])
    assert.match(endpoint, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await rc.view(':').apply(() => 6 * 7), [42, 42]);
  const sum = rc.view(':').apply(() => engine.allReduce(new Float64Array([engine.rank + 1])));
  assert.equal(
    (await sum).map(([first]) => first),
    [3, 3],
  );
  const large = new Float64Array(2_000_000).fill(1.5);
  await rc.view(':').push({ large });
  assert.is((await rc.view(0).pull<Float64Array>('large')).at(-1), 1.5);
  await cluster.restart(1);
  await rc.waitForEngines(2);
  assert.is(await rc.view(1).apply(() => 1), 1);
  const guest = await guestEngine(loadClusterFile(cluster.file), { device: 'cpu' });
  await rc.waitForEngines(3);
  const all = rc.broadcast(':');
  assert.equal(await all.apply((a: Float64Array) => a.length, large), [2_000_000, 2_000_000, 2_000_000]);
  assert.is(await rc.view(guest.id).apply(() => engine.id), guest.id);
  await rc.view(guest.id).apply(() => void setTimeout(() => process.exit(0), 10));
  await guest.ended;
  await until('the guest has left', () => rc.ids.length === 2);
});

test('by the address alone there is no client, and with an old key a reason at once', async () => {
  const { controller, clusterId } = cluster.info;
  await rejects(
    () => Client.connect({ controller, clusterId }),
    ConnectionError,
    /there are no keys: connect by the cluster's name or file/,
  );
  const { secretKey, publicKeys: own } = newCredentials(clusterId).client.reveal();
  const publicKeys = { ...clientKeys.reveal().publicKeys, client: own.client };
  const credentials = new Credentials({ cluster: clusterId, party: 'client', secretKey, publicKeys });
  await rejects(
    () => Client.connect({ controller, clusterId, credentials }),
    ConnectionError,
    /does not admit this key/,
  );
});

const AS_NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
const asNobody = (...command: string[]) =>
  spawnSync('setpriv', [...AS_NOBODY, ...command], { encoding: 'utf8', timeout: 60_000, env: {}, cwd: '/' });

// A greeting without security, the end of its handshake, and a message. A server that takes it answers READY.
const SPEAK = `const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1');
const greeting = Buffer.alloc(64);
greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
greeting.write('NULL', 12);
const ready = Buffer.concat([Buffer.from([4, 6, 5]), Buffer.from('READY')]);
socket.write(Buffer.concat([greeting, ready, Buffer.from([0, 4]), Buffer.from('work')]));
socket.on('data', (bytes) => process.stdout.write(bytes.toString('latin1')));
socket.on('error', () => {});
socket.on('close', () => console.log('closed'));
setTimeout(() => { console.log('open'); process.exit(); }, 8000).unref();`;

const nobodyTest = 'another local user reads no key, and is sent away at every port';
if (asNobody(process.execPath, '-e', '1').status !== 0) test.skip(nobodyTest, 'setpriv cannot run node as nobody here');
else
  test(nobodyTest, () => {
    const { runDir } = loadClusterFile(cluster.file);
    for (const path of [cluster.file, join(runDir, 'engines.json')]) {
      assert.is(statSync(path).mode & 0o777, 0o600);
      assert.is.not(asNobody('/bin/cat', path).status, 0);
    }
    for (const socket of Object.keys(SOCKETS) as SocketRole[]) {
      const { stdout } = asNobody(process.execPath, '-e', SPEAK, endpointOf(socket).split(':').at(-1) as string);
      assert.match(stdout, /closed$/m);
      assert.not.match(stdout, 'READY');
    }
  });

test('keys show nowhere: arguments, environment, logs, output, status, list, inspect, JSON, errors', async () => {
  const texts = new Map<string, string>();
  for (const { pid } of rc.engines)
    for (const file of ['cmdline', 'environ'])
      texts.set(`${file} of ${pid}`, readFileSync(`/proc/${pid}/${file}`, 'latin1'));
  for (const id of rc.ids) texts.set(`log of ${id}`, await cluster.logs(id));
  const cli = async (...words: string[]) => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${DIST}src/cli/main.js`, ...words]);
    assert.match(stdout, /keys|tcp:/, stderr);
    return stdout + stderr;
  };
  texts.set('status', await cli('status', 'keys'));
  texts.set('status --json', await cli('status', 'keys', '--json'));
  texts.set('list', await cli('list'));
  texts.set(
    'inspect',
    inspect([cluster, cluster.info, Cluster.list(), rc, rc.engines], { depth: 9, showHidden: true }),
  );
  texts.set('JSON', JSON.stringify([cluster.info, Cluster.list(), rc.engines]));
  texts.set(
    'engine',
    String(
      await rc
        .view(0)
        .apply(() => [process.argv, process.env, Object.keys(globalThis)].map((x) => JSON.stringify(x)).join()),
    ),
  );
  const secrets = [clientKeys, engineKeys].map((keys) => keys.reveal().secretKey);
  for (const [what, text] of texts)
    assert.not(
      secrets.some((secret) => text.includes(secret)),
      `${what} shows a key`,
    );
});

test('the file goes with the cluster, and the next start has other keys', async () => {
  const old = clientKeys.reveal();
  await rc.close();
  await cluster.stop();
  assert.equal(readdirSync(process.env['DIRECTVIEW_HOME'] as string), []);
  cluster = await Cluster.start({ engines: 1, device: 'cpu', listen: { address: 'tcp://127.0.0.1' }, name: 'keys' });
  const now = (loadClusterFile(cluster.file).credentials as Credentials).reveal();
  assert.is.not(now.secretKey, old.secretKey);
  for (const party of ['controller', 'client', 'engine'] as const)
    assert.is.not(now.publicKeys[party], old.publicKeys[party]);
  rc = await Client.connect('keys');
});

test.run();
