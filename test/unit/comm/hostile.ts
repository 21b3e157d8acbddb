// Peers that send what no peer sends: the listener lives, delivers nothing of it, and serves others meanwhile.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as netConnect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Dealer } from 'zeromq';
import { Batch } from '../../../src/comm/batch.ts';
import { COUNTED, DATA, HEADER_BYTES, LAST, writeHeader } from '../../../src/comm/packet.ts';
import type { Link, Listener } from '../../../src/comm/transport.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { Mailbox, pause } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('hostile');
const transport = zeromqTransport({ insecureLoopback: true });
let directory = '';
let listeners: Listener[] = [];
let honest: { link: Link; box: Mailbox }[] = [];
/** First bytes of each message that was delivered: only the honest may appear. */
const delivered: string[] = [];
let answered = 0;

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dv-hostile-'));
  const handlers = {
    onMessage: (parts: Uint8Array[], link: Link) => {
      delivered.push(Buffer.from(parts[0] ?? []).toString('latin1', 0, 16));
      void link.send(parts);
    },
  };
  const endpoints = [`ipc://${join(directory, 's')}`, 'tcp://127.0.0.1:*'];
  listeners = await Promise.all(endpoints.map((endpoint) => transport.listen(endpoint, handlers)));
  honest = listeners.map((listener) => {
    const box = new Mailbox();
    return { box, link: transport.connect(listener.endpoint, box) };
  });
  await stillServes();
});

test.after(async () => {
  await Promise.all(honest.map(({ link }) => link.close()));
  await Promise.all(listeners.map((listener) => listener.close()));
  await rm(directory, { recursive: true, force: true });
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
  if (endpoint.startsWith('ipc://')) return netConnect(endpoint.slice('ipc://'.length));
  return netConnect(Number(endpoint.split(':').at(-1)), '127.0.0.1');
}

/** Reproducible noise. */
function noise(bytes: number): Buffer {
  let state = bytes + 12345;
  return Buffer.from(
    Array.from({ length: bytes }, () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return state >>> 16;
    }),
  );
}

/** A packet with a good header over the given records. */
function packet(records: Buffer, flags = COUNTED, sequence = 0): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), records]);
  writeHeader(bytes, flags, sequence, 0);
  return bytes;
}

function words(...values: number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer);
}

function start(count: number, total: number, transfer = 0): Buffer {
  const tail = Buffer.alloc(8);
  tail.writeDoubleLE(total);
  return Buffer.concat([words(2, transfer, count), tail]);
}

interface Forged {
  part?: number;
  partBytes?: number;
  offset?: number;
  bytes?: number;
  transfer?: number;
}

/** START of one part of 100 bytes, then the given chunks of 50 zero bytes each. */
function chunks(...list: Forged[]): Buffer[][] {
  return list.map((forged, i) => {
    const batch = new Batch(256);
    if (i === 0) batch.start(0, 1, 100);
    batch.chunk({ transfer: 0, part: 0, partBytes: 100, offset: 0, bytes: 50, ...forged });
    return [batch.seal(COUNTED | DATA, i, 0), Buffer.alloc(50)];
  });
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

test('noise in frames', () => dealers([noise(3)], [noise(16)], [noise(5000)], [noise(300_000), noise(300)]));
test('empty frames and many frames', () => dealers([Buffer.alloc(0)], [Buffer.alloc(0), Buffer.alloc(0)]));
test('a message of 10,000 parts', () => dealers(Array.from({ length: 10_000 }, () => Buffer.from('x'))));
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
test('wrong magic, wrong version, unknown flags', () => {
  const good = packet(words(0x101, 3, 0x697665));
  const broken = [0, 4, 5].map((at) => {
    const copy = Buffer.from(good);
    copy[at] = 0x99;
    return [copy];
  });
  return dealers(...broken);
});
test('a link that starts in the middle', () => dealers([packet(words(0x101, 3, 0x697665), COUNTED, 7)]));
test('a data frame too many, and one too few', () =>
  dealers([packet(Buffer.alloc(0), COUNTED | DATA)], [packet(Buffer.alloc(0)), Buffer.from('x')]));
test('a data frame without a CHUNK record', () => dealers([packet(Buffer.alloc(0), COUNTED | DATA), Buffer.from('x')]));
test('records cut off at every byte', () => {
  const whole = Buffer.concat([start(3, 100), words(3, 8), Buffer.alloc(8)]);
  return dealers(...Array.from({ length: whole.length - 1 }, (_, n) => [packet(whole.subarray(0, n + 1))]));
});
test('unknown records', () => dealers([packet(words(0))], [packet(words(99))], [packet(words(0xffffffff))]));
test('MESSAGE: lengths beyond the packet, a count beyond it, too long', () =>
  dealers(
    [packet(words(0x101, 1000))],
    [packet(words(0x201, 0xffffffff, 0xffffffff))],
    [packet(words(0xffffff01))],
    [packet(Buffer.concat([words(0x101, 100_000), Buffer.alloc(100_000)]))],
  ));
for (const total of [2 ** 53, 2 ** 60, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 17 * 2 ** 30])
  test(`START: ${total} bytes`, () => dealers([packet(start(1, total))]));
test('START: no parts, and 2^32 - 1 parts', () => dealers([packet(start(0, 0))], [packet(start(0xffffffff, 10))]));
test('START: another number, and one inside another', () =>
  dealers([packet(start(1, 10, 5))], [packet(Buffer.concat([start(1, 10), start(1, 10, 1)]))]));
test('PART: without START, beyond the total, short of the total', () =>
  dealers(
    [packet(Buffer.concat([words(3, 4), Buffer.alloc(4)]))],
    [packet(Buffer.concat([start(2, 3), words(3, 4), Buffer.alloc(4)]))],
    [packet(Buffer.concat([start(1, 9), words(3, 4), Buffer.alloc(4)]))],
  ));
test('a message inside another', () => dealers([packet(Buffer.concat([start(1, 9), words(0x001)]))]));
test('CHUNK: without START', () => {
  const batch = new Batch(256);
  batch.chunk({ transfer: 0, part: 0, partBytes: 50, offset: 0, bytes: 50 });
  return dealers([batch.seal(COUNTED | DATA, 0, 0), Buffer.alloc(50)]);
});
test('CHUNK: twice', () => dealers(...chunks({}, {})));
for (const forged of [
  { offset: 50 },
  { offset: 60 },
  { offset: -50 },
  { offset: Number.NaN },
  { offset: 2 ** 53 },
  { bytes: 49 },
  { bytes: 0xffffffff },
  { part: 1 },
  { transfer: 1 },
  { partBytes: 40 },
  { partBytes: 101 },
  { partBytes: 2 ** 53 },
  { partBytes: -1 },
  { partBytes: Number.NaN },
])
  test(`CHUNK: ${JSON.stringify(forged)} (${Object.values(forged)[0]})`, () => dealers(...chunks(forged)));
test('CHUNK: the part changes its length', () => dealers(...chunks({}, { offset: 50, partBytes: 101 })));
test('DONE for what was never sent', () => dealers([packet(words(5, 0))]));
test('acknowledging what was never sent', () => {
  const bytes = packet(Buffer.alloc(0));
  writeHeader(bytes, COUNTED, 0, 1000);
  return dealers([bytes]);
});
test('a goodbye that does not end, and one by a stranger', () =>
  dealers([packet(words(0xffffff06))], [packet(words(0x006), 4)]));
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
