// Rows 1 to 12: peers that do not speak, speak something else, or are not admitted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Dealer } from 'zeromq';
import { KeyRefused } from '../../../src/comm/link.ts';
import type { SocketRole } from '../../../src/comm/transport.ts';
import { Credentials, newCredentials } from '../../../src/comm/zeromq/credentials.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { ChaosProxy } from '../chaos/chaos-proxy.ts';
import { until } from '../cluster.ts';
import type { FaultRow, Seen } from '../faults/row.ts';
import { attack, cut, greeting, head, READY } from './attack.ts';
import { all, DIST, folder, LIMIT, MIB, ROLES, type Target, target } from './target.ts';

const GIB = 2n ** 30n;
const hello = Buffer.concat([head(6, 200n), Buffer.from('\x05HELLO'), Buffer.alloc(194)]);
const noise = Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 167 + 13) & 0xff));

/** A connection per socket and case that says only so much: the listener closes each. */
async function silence(): Promise<Seen> {
  const cases = [Buffer.alloc(0), greeting('NULL').subarray(0, 11), greeting('NULL'), greeting('CURVE')];
  const victims = await all();
  const since = performance.now();
  await Promise.all(
    victims.flatMap((victim) =>
      ROLES.flatMap((socket) =>
        cases.map(async (bytes) => {
          const peer = victim.raw(socket);
          if (bytes.length > 0) peer.write(bytes);
          await cut(peer);
        }),
      ),
    ),
  );
  for (const victim of victims) await victim.serves();
  return { detected: performance.now() - since };
}

/** The end of the handshake of a DEALER with these settings. */
async function handshake(endpoint: string, settings: object): Promise<string> {
  const dealer = new Dealer({ linger: 0, ...settings });
  // Before it connects: the monitor tells only of what comes later.
  const { events } = dealer;
  dealer.connect(endpoint);
  let event: string;
  do event = (await events.receive()).type;
  while (!event.startsWith('handshake') && event !== 'disconnect');
  dealer.close();
  return event;
}

async function withoutKeys(): Promise<Seen> {
  const victim = await target('tcp');
  for (const socket of ROLES)
    assert.match(await handshake(victim.endpoint(socket), {}), /^handshake:error|^disconnect/);
  return attack(Buffer.concat([greeting('NULL'), head(6, GIB)]));
}

async function wrongServerKey(): Promise<Seen> {
  const victim = await target('tcp');
  const { secretKey, publicKeys } = (victim.keys('client') as Credentials).reveal();
  const [curveServerKey] = Object.values(newCredentials('other').engine.reveal().publicKeys);
  const settings = { curveServerKey, curvePublicKey: publicKeys.client, curveSecretKey: secretKey };
  for (const socket of ROLES)
    assert.match(await handshake(victim.endpoint(socket), settings), /^handshake:error|^disconnect/);
  await victim.serves();
  return {};
}

/** The clients' key of another cluster, with the public keys of this one. */
function stranger(victim: Target): Credentials {
  const { publicKeys: theirs } = (victim.keys('client') as Credentials).reveal();
  const { secretKey, publicKeys: own } = newCredentials('other').client.reveal();
  return new Credentials({ cluster: 'x', party: 'client', secretKey, publicKeys: { ...theirs, client: own.client } });
}

async function unknownKey(): Promise<Seen> {
  const victim = await target('tcp');
  const transport = zeromqTransport({ credentials: stranger(victim) });
  for (const socket of ROLES) {
    const speaker = victim.speak(socket, transport);
    speaker.say({ type: 'hello', client: 'c' });
    assert.instance(await speaker.ended(), KeyRefused);
    assert.equal(speaker.heard, []);
    await speaker.close();
  }
  return attack(Buffer.concat([greeting('CURVE'), hello, head(2, GIB)]));
}

// A listener with keys in a process of its own, with or without an authenticator.
const LISTENER = (text: string, authenticates: boolean) => `import { zeromqTransport } from '${DIST}src/comm/zeromq.js';
import { authenticate } from '${DIST}src/comm/zeromq/authenticator.js';
import { Credentials } from '${DIST}src/comm/zeromq/credentials.js';
const credentials = new Credentials(${text});
if (${authenticates}) await authenticate(credentials);
const listener = await zeromqTransport({ credentials }).listen('tcp://127.0.0.1:*', { onMessage: () => {} }, 'tasks');
process.stdin.on('end', () => process.exit()).resume();
console.log(listener.endpoint);`;

/** The end of a handshake with the right key. */
async function rightKey(authenticates: boolean): Promise<string> {
  const keys = newCredentials('lonely');
  const script = join(folder(), `listener-${authenticates}.mjs`);
  writeFileSync(script, LISTENER(JSON.stringify(keys.engine.reveal()), authenticates), { mode: 0o600 });
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [endpoint] = await once(child.stdout, 'data');
    return await handshake(String(endpoint).trim(), keys.client.clientSettings('tasks'));
  } finally {
    child.stdin.end();
    await once(child, 'exit');
  }
}

async function noAuthenticator(): Promise<Seen> {
  assert.is(await rightKey(true), 'handshake', 'with one it is admitted');
  assert.match(await rightKey(false), /^handshake:error|^disconnect/);
  return {};
}

/** A peer that is let in sends a frame over the cap: it connects again, because it is cut. */
async function largeFrame(victim: Target, socket: SocketRole): Promise<void> {
  // The proxy counts connections: on a loaded machine a monitor of zeromq may tell of no disconnect.
  const proxy = new ChaosProxy(victim.endpoint(socket), join(folder(), `large-${socket}`));
  const dealer = new Dealer({ linger: 0, ...victim.dealerKeys(socket) });
  try {
    dealer.connect(proxy.endpoint);
    await dealer.send(Buffer.alloc(5_000_000));
    await until(`${socket} to cut its peer`, () => proxy.accepted >= 2, 40_000);
  } finally {
    dealer.close();
    await proxy.close();
  }
}

async function frames(): Promise<Seen> {
  for (const socket of ROLES) await largeFrame(await target('tcp'), socket);
  for (const victim of await all())
    for (const socket of ROLES) {
      const peer = victim.raw(socket);
      peer.write(Buffer.concat([greeting('NULL'), READY, head(2, 2n ** 63n - 1n)]));
      await cut(peer);
    }
  return attack(Buffer.concat([greeting('NULL'), head(6, 2n ** 63n - 1n)]));
}

/** Connections that are opened at once, the same number to each socket. */
const GROUP = 50;

function groupAt(victim: Target): Promise<Socket>[] {
  return Array.from({ length: GROUP }, async (_, n) => {
    const peer = victim.raw(ROLES[n % ROLES.length] as SocketRole);
    if (peer.connecting) await once(peer, 'connect');
    return peer;
  });
}

/** 500 connections at each cluster, some silent, some with a greeting. */
async function crowd(): Promise<Seen> {
  const victims = await all();
  const grown = await Promise.all(
    victims.map((victim) =>
      victim.growth(async () => {
        const peers: Socket[] = [];
        // A few at a time: a listener's queue of new connections holds 100, and the system makes others wait or refuses them.
        for (let n = 0; n < 500; n += GROUP) peers.push(...(await Promise.all(groupAt(victim))));
        for (const peer of peers.slice(250)) peer.write(Buffer.concat([greeting('NULL'), READY]));
        await victim.serves();
        for (const peer of peers) peer.destroy();
        await victim.serves();
      }),
    ),
  );
  for (const bytes of grown) assert.ok(bytes < LIMIT, `${(bytes / MIB).toFixed(1)} MiB`);
  return { note: `at most ${Math.round(Math.max(...grown) / MIB)} MiB more` };
}

/** The first with a routing id keeps it. */
async function sameId(): Promise<Seen> {
  const victim = await target('tcp');
  const routingId = 'victim';
  const settings = { linger: 0, routingId, receiveTimeout: 60_000, ...victim.dealerKeys('tasks') };
  const first = new Dealer(settings);
  first.connect(victim.endpoint('tasks'));
  const answers = async () => {
    await first.send(Buffer.alloc(5));
    assert.ok((await first.receive()).length > 0, 'it is told to go');
  };
  await answers();
  const thief = new Dealer({ ...settings, receiveTimeout: 300, sendTimeout: 300 });
  thief.connect(victim.endpoint('tasks'));
  await thief.send(Buffer.alloc(5)).catch(() => {});
  await answers();
  await answers();
  assert.is(
    await thief.receive().then(
      () => 'heard',
      () => 'nothing',
    ),
    'nothing',
  );
  first.close();
  thief.close();
  await victim.serves();
  return {};
}

/** Rows 1 to 12. */
export const WIRE_ROWS: readonly FaultRow[] = [
  {
    number: 1,
    fault: 'random bytes',
    expected: 'cut; under 32 MiB, and everybody is served',
    run: () => attack(noise),
  },
  {
    number: 2,
    fault: 'HTTP',
    expected: 'as 1',
    run: () => attack(Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')),
  },
  {
    number: 3,
    fault: 'nothing, half a greeting, a greeting, then silence',
    expected: 'closed by the listener',
    run: silence,
  },
  {
    number: 4,
    fault: 'a message of ZMTP 1.0, with 1 GB',
    expected: 'as 1; with keys nothing is delivered',
    run: () => attack(Buffer.concat([Buffer.from([1, 0]), head(0xff, GIB)])),
  },
  {
    number: 5,
    fault: 'no keys where keys are wanted, and a command of 1 GB',
    expected: 'the handshake fails; as 1',
    run: withoutKeys,
  },
  { number: 6, fault: 'CURVE with a wrong server key', expected: 'the handshake fails', run: wrongServerKey },
  {
    number: 7,
    fault: 'CURVE with an unknown client key; a HELLO of zeros and 1 GB',
    expected: 'KeyRefused, nothing is heard; as 1',
    run: unknownKey,
  },
  {
    number: 8,
    fault: 'no authenticator in the process that listens',
    expected: 'the right key is refused, too',
    run: noAuthenticator,
  },
  {
    number: 9,
    fault: 'a greeting with CURVE, then a command of 1 GB',
    expected: 'as 1',
    run: () => attack(Buffer.concat([greeting('CURVE'), head(6, GIB)])),
  },
  {
    number: 10,
    fault: 'frames of 2^63 - 1 bytes and of 5 MB, before and after authentication',
    expected: 'cut; as 1',
    run: frames,
  },
  { number: 11, fault: '500 idle connections', expected: 'everybody is served, and under 32 MiB', run: crowd },
  {
    number: 12,
    fault: 'the routing id of another connection',
    expected: 'the first one keeps it, the second is not heard',
    run: sameId,
  },
];
