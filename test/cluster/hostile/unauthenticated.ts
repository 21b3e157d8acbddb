// Peers that have not shown a key, or do not speak at all, at every listening socket of real engines and a real controller:
// what they cost, and that everybody else is served meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { loadClusterFile } from '../../../src/client/links/cluster-file.ts';
import { loadEngineFile } from '../../../src/cluster/files/engine-file.ts';
import type { SocketRole } from '../../../src/comm/transport.ts';
import { suite } from '../../support/suite.ts';

const test = suite('hostile/unauthenticated');
const DIST = fileURLToPath(new URL('../../../', import.meta.url));
const MIB = 2 ** 20;
/** The most that a process may grow by. */
const LIMIT = 32 * MIB;
const SOCKETS: readonly SocketRole[] = ['tasks', 'control', 'peers', 'roster', 'registry'];

/** The greeting of ZMTP 3.0 with this mechanism. */
function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  bytes.write(mechanism, 12);
  return bytes;
}

/** The head of a frame: 6 for a command, 2 for a message, 3 for one of several parts. */
function head(flags: number, bytes: bigint): Buffer {
  const frame = Buffer.alloc(9);
  frame[0] = flags;
  frame.writeBigUInt64BE(bytes, 1);
  return frame;
}

const GIB = 2n ** 30n;
const hello = Buffer.concat([head(6, 200n), Buffer.from('\x05HELLO'), Buffer.alloc(194)]);
const noise = Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 167 + 13) & 0xff));

/** The first bytes of each peer. 1 GB of zeros follows. */
const ROWS: readonly (readonly [name: string, first: Buffer])[] = [
  ['random bytes', noise],
  ['HTTP', Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')],
  ['a ZMTP 1.0 message of 1 GB', Buffer.concat([Buffer.from([1, 0]), head(0xff, GIB)])],
  ['a greeting without security, then a command of 1 GB', Buffer.concat([greeting('NULL'), head(6, GIB)])],
  ['a greeting with CURVE, then a command of 1 GB', Buffer.concat([greeting('CURVE'), head(6, GIB)])],
  [
    'a greeting with CURVE, a HELLO of zeros, then a message of 1 GB',
    Buffer.concat([greeting('CURVE'), hello, head(2, GIB)]),
  ],
  ['a frame of 2^63 - 1 bytes', Buffer.concat([greeting('NULL'), head(6, 2n ** 63n - 1n)])],
];

// Connects again whenever it is cut, until it has pushed 1 GB into sockets. Prints how much was taken.
const PUSH = `const { connect } = require('node:net');
const [address, first, total] = [process.argv[1], Buffer.from(process.argv[2], 'base64'), Number(process.argv[3])];
const zeros = Buffer.alloc(1 << 20);
const end = Date.now() + 6000;
let pushed = 0, cuts = 0;
function again() {
  if (pushed >= total || Date.now() > end) return void process.stdout.write(JSON.stringify({ pushed, cuts }), () => process.exit());
  const socket = connect(/^\\d+$/.test(address) ? { port: Number(address), host: '127.0.0.1' } : { path: address });
  const more = () => { while (pushed < total && (pushed += zeros.length, socket.write(zeros))); };
  socket.on('connect', () => { socket.write(first); more(); }).on('drain', more).on('error', () => {}).resume();
  socket.on('close', () => { cuts++; setImmediate(again); });
  setTimeout(() => socket.destroy(), 3000).unref();
}
again();`;

interface Started {
  readonly rc: Client;
  readonly pids: readonly number[];
  endpoint(socket: SocketRole): string;
  stop(): Promise<void>;
}

/** A cluster in a process of its own, whose memory is its controller's alone. */
async function start(options: object): Promise<Started> {
  const home = mkdtempSync(join(tmpdir(), 'dv-unauth-'));
  process.env['DIRECTVIEW_HOME'] = home;
  const script = join(home, 'host.mjs');
  writeFileSync(
    script,
    `import { Cluster } from '${DIST}src/index.js';
const cluster = await Cluster.start(${JSON.stringify({ engines: 1, device: 'cpu', name: 'target', ...options })});
process.stdin.on('end', () => cluster.stop()).resume();
console.log('ready');`,
  );
  const host = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(host.stdout, 'data');
  const rc = await Client.connect('target');
  const record = rc.engine(0);
  const { controller, runDir } = loadClusterFile(join(home, 'target.json'));
  return {
    rc,
    pids: [host.pid as number, record?.pid as number],
    endpoint: (socket) => {
      if (socket === 'roster') return controller;
      return socket === 'registry' ? loadEngineFile(runDir).registry : (record?.[socket] as string);
    },
    stop: async () => {
      await rc.close();
      host.stdin.end();
      await once(host, 'exit');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function resident(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Pushes at all sockets at once; meanwhile calls are answered. The most that each process has grown by. */
async function attack({ rc, pids, endpoint }: Started, first: Buffer): Promise<number[]> {
  const before = pids.map(resident);
  const most = pids.map(() => 0);
  const measure = () =>
    pids.forEach((pid, i) => {
      most[i] = Math.max(most[i] as number, resident(pid) - (before[i] as number));
    });
  let isOver = false;
  const pushing = SOCKETS.map(async (socket) => {
    const address = endpoint(socket).replace(/^(ipc|unix):\/\/|^tcp:\/\/.*:/, '');
    const args = ['-e', PUSH, address, first.toString('base64'), String(200 * MIB)];
    const peer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    peer.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await once(peer, 'close');
    return { socket, ...(JSON.parse(text) as { pushed: number; cuts: number }) };
  });
  const pushed = Promise.all(pushing).finally(() => {
    isOver = true;
  });
  for (let n = 0; !isOver; n++) {
    assert.is(await rc.view(0).apply((x: number) => x + 1, n), n + 1);
    assert.is((await rc.status()).size, 1);
    measure();
  }
  for (const { socket, cuts } of await pushed) assert.ok(cuts > 0, `${socket} cuts the peer`);
  await using late = await Client.connect('target');
  assert.is(await late.view(0).apply(() => 1), 1);
  measure();
  return most;
}

for (const [transport, options] of [
  ['tcp', { listen: 'tcp://127.0.0.1' }],
  ['ipc', { transport: 'zeromq' }],
  ['unix', {}],
] as const) {
  let target: Started;
  test(`${transport}: a cluster starts, and has warmed up`, async () => {
    target = await start(options);
    for (let n = 0; n < 300; n++) await target.rc.view(0).apply(() => 1);
    await attack(target, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  });
  for (const [name, first] of ROWS) {
    test(`${transport}: ${name}, 1 GB in all at five sockets: under 32 MiB, and everybody is served`, async () => {
      const most = await attack(target, first);
      for (const bytes of most) assert.ok(bytes < LIMIT, `${(bytes / MIB).toFixed(1)} MiB`);
    });
  }
  test(`${transport}: and ends`, () => target.stop());
}

test.run();
