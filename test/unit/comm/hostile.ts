// Peers that send what no peer sends: the listener lives, delivers nothing of it, and serves others meanwhile.
import { connect as netConnect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { Dealer } from 'zeromq';
import { LAST } from '../../../src/comm/packet.ts';
import type { Link, Listener } from '../../../src/comm/transport.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { CHUNKS, FRAMES, noise, RECORDS, SEQUENCES } from '../../support/hostile/packets.ts';
import { Mailbox, pause } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('hostile');
const transport = zeromqTransport({ insecureLoopback: true });
let listeners: Listener[] = [];
let honest: { link: Link; box: Mailbox }[] = [];
/** First bytes of each message that was delivered: only the honest may appear. */
const delivered: string[] = [];
let answered = 0;

test.before(async () => {
  const handlers = {
    onMessage: (parts: Uint8Array[], link: Link) => {
      delivered.push(Buffer.from(parts[0] ?? []).toString('latin1', 0, 16));
      void link.send(parts);
    },
  };
  listeners = [await transport.listen('tcp://127.0.0.1:*', handlers)];
  honest = listeners.map((listener) => {
    const box = new Mailbox();
    return { box, link: transport.connect(listener.endpoint, box) };
  });
  await stillServes();
});

test.after(async () => {
  await Promise.all(honest.map(({ link }) => link.close()));
  await Promise.all(listeners.map((listener) => listener.close()));
});

/** The honest links still get their answers, and nobody else was heard. */
async function stillServes(): Promise<void> {
  answered++;
  for (const { link } of honest) void link.send([Buffer.from('honest')]);
  await Promise.all(honest.map(({ box }) => box.until(answered)));
  for (const { box } of honest) assert.is(box.downs.length, 0);
  assert.equal([...new Set(delivered)], ['honest']);
}

/** The listener answers this with a goodbye: all that came before it has been looked at. */
const LAST_WORD = Buffer.alloc(5);

/** Sends multiparts as a DEALER that speaks ZeroMQ but not our wire: it is told to go. */
async function dealers(...multiparts: readonly Buffer[][]): Promise<void> {
  for (const listener of listeners) {
    const socket = new Dealer({ linger: 500, sendTimeout: 2000, receiveTimeout: 10_000 });
    socket.connect(listener.endpoint);
    for (const frames of [...multiparts, [LAST_WORD]]) await socket.send(frames);
    assert.ok((await goodbyes(socket)) >= 1, 'it is told to go');
    socket.close();
  }
  await stillServes();
}

/** How many goodbyes came before the one for the last word. */
async function goodbyes(socket: Dealer): Promise<number> {
  for (let count = 0; ; ) {
    const [packet] = (await socket.receive()) as [Buffer];
    if (packet.includes('a packet of 5 bytes')) return count;
    if ((packet.readUInt32LE(4) >>> 8) & LAST) count++;
  }
}

/** Writes raw bytes, without ZeroMQ. */
async function raw(...writes: Buffer[]): Promise<void> {
  for (const listener of listeners) {
    const socket = open(listener.endpoint).on('error', () => {});
    // One write after the other, each as a packet of its own; unit/comm/liveness waits for the listener's end of it.
    for (const bytes of writes) await new Promise((resolve) => socket.write(bytes, resolve));
    socket.destroy();
  }
  await stillServes();
}

function open(endpoint: string): Socket {
  return netConnect(Number(endpoint.split(':').at(-1)), '127.0.0.1');
}

test('raw: random bytes', () => raw(noise(10), noise(1000), noise(100_000)));
test('raw: HTTP', () => raw(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')));
test('raw: silence, and a greeting cut short', () => raw(Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3])));
test('raw: a ZMTP frame of 2^63 bytes', () =>
  raw(
    Buffer.concat([Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]), Buffer.from('NULL'), Buffer.alloc(48)]),
    Buffer.from([0x06, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  ));
test('raw: an unversioned ZMTP 1.0 peer', () => raw(Buffer.from([1, 0]), Buffer.from([4, 0, 0x65, 0x76, 0x69])));

for (const [what, multiparts] of Object.entries({ ...FRAMES, ...SEQUENCES, ...CHUNKS, ...RECORDS }))
  test(what, () => dealers(...multiparts));
test('a frame above the cap ends the connection', async () => {
  for (const { endpoint } of listeners) {
    const socket = new Dealer({ linger: 0 });
    const cut = new Promise<void>((resolve) => socket.events.on('disconnect', () => resolve()));
    socket.connect(endpoint);
    await socket.send(Buffer.alloc(5_000_000));
    await Promise.race([cut, pause(10_000).then(() => assert.unreachable('it was taken in'))]);
    socket.close();
  }
  await stillServes();
});
test('100 strangers at once', async () => {
  const [listener] = listeners;
  const sockets = Array.from({ length: 100 }, () => new Dealer({ linger: 0 }));
  for (const socket of sockets) socket.connect((listener as Listener).endpoint);
  await Promise.all(sockets.map((socket, i) => socket.send(noise(20 + i))));
  await stillServes();
  for (const socket of sockets) socket.close();
  await stillServes();
});

test.run();
