// Unix sockets: streams that no peer writes, and files in shared memory that no peer makes.

import { once } from 'node:events';
import { chmodSync, closeSync, linkSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Batch } from '../../../src/comm/batch.ts';
import { COUNTED, DATA, HEADER_BYTES, writeHeader } from '../../../src/comm/packet.ts';
import { BulkReader, BulkWriter } from '../../../src/comm/unix/bulk.ts';
import { BulkFolder } from '../../../src/comm/unix/bulk-folder.ts';
import { answer, Deframer, offer, prefixed, released } from '../../../src/comm/unix/framing.ts';
import { Outgoing } from '../../../src/comm/unix/outgoing.ts';
import { MAX_SLOTS, SLOTS } from '../../../src/comm/unix/outgoing-file.ts';
import { unixTransport } from '../../../src/comm/unix/unix-transport.ts';
import { ConnectionError, ProtocolError } from '../../../src/errors.ts';
import { rejects, throws } from '../../support/assert.ts';
import { Mailbox, pattern, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('comm/unix');
const MIB = 1024 * 1024;
let directory = '';
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dv-unix-'));
});
test.after(() => rm(directory, { recursive: true, force: true }));

let count = 0;
const fresh = (): string => join(directory, `f${count++}`);
const folderOf = (path = fresh()): BulkFolder => new BulkFolder(path);

/** A packet with one small message. */
function packet(text: string, sequence = 0): Buffer {
  const batch = new Batch(64);
  const bytes = Buffer.from(text);
  batch.message([bytes], bytes.length);
  return batch.seal(COUNTED, sequence, 0);
}

/** A packet that announces one large part, with its first chunk. */
function chunkPacket(bytes: number): Buffer {
  const batch = new Batch(64);
  batch.start(0, 1, bytes);
  batch.chunk({ transfer: 0, part: 0, partBytes: bytes, offset: 0, bytes });
  return batch.seal(COUNTED | DATA, 0, 0);
}

test('a stream cut at every place gives the same packets, data and notices', () => {
  const events: string[] = [];
  const stream = Buffer.concat([
    prefixed(packet('one'), 0),
    offer('1-x'),
    answer(true),
    prefixed(chunkPacket(5), 5),
    Buffer.from('bytes'),
    released(3),
    prefixed(packet('two', 1), 7, 2),
    answer(false),
  ]);
  const deframer = () =>
    new Deframer(MIB, {
      packet: (head, data) => events.push(`packet ${head.length} ${data?.toString()}`),
      filed: (head, slot, bytes) => events.push(`filed ${head.length} ${slot} ${bytes}`),
      offer: (name) => events.push(`offer ${name}`),
      answer: (isTaken) => events.push(`answer ${isTaken}`),
      released: (slot) => events.push(`released ${slot}`),
    });
  deframer().read(stream);
  const whole = events.splice(0);
  assert.is(whole.length, 7);
  assert.ok(whole[3]?.endsWith('bytes'), whole[3]);
  for (let cut = 1; cut < stream.length; cut++) {
    const reader = deframer();
    reader.read(stream.subarray(0, cut));
    reader.read(stream.subarray(cut));
    assert.equal(events.splice(0), whole, `cut at ${cut}`);
  }
  const reader = deframer();
  for (const byte of stream) reader.read(Buffer.of(byte));
  assert.equal(events, whole);
});

/** A listener, and what a peer of raw bytes gets back. */
async function withStranger(
  run: (say: (...bytes: Buffer[]) => Promise<void>, box: Mailbox) => Promise<void>,
): Promise<void> {
  const path = fresh();
  const box = new Mailbox();
  const transport = unixTransport({ folder: folderOf(), silent: { ms: 200 } });
  const listener = await transport.listen(`unix://${path}`, box);
  const say = async (...bytes: Buffer[]): Promise<void> => {
    const socket = connect(path).on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().write(Buffer.concat(bytes));
    await closed;
  };
  try {
    await run(say, box);
    const friend = new Mailbox();
    const link = transport.connect(listener.endpoint, friend);
    await link.send([Buffer.from('honest')]);
    await waitFor(() => box.messages.some(([text]) => String(text) === 'honest'), 'the honest peer');
    await link.close();
  } finally {
    await listener.close();
  }
}

const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
  return bytes;
};
const INLINE = 0xffffffff;

/** Streams that end their connection at once. */
const HOSTILE: Readonly<Record<string, () => Buffer[]>> = {
  HTTP: () => [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  'random bytes': () => [pattern(5000, 3)],
  'a ZeroMQ greeting': () => [Buffer.from('ff00000000000000017f', 'hex'), Buffer.alloc(54)],
  'a packet of 4 GB': () => [words(0xffffffff, 0, INLINE)],
  'a packet shorter than its header': () => [words(HEADER_BYTES - 1, 0, INLINE), Buffer.alloc(HEADER_BYTES - 1)],
  'data of 4 GB': () => [prefixed(chunkPacket(5), 0xffffffff)],
  'data of one byte too many': () => [prefixed(chunkPacket(5), 2 * MIB + 1)],
  'a packet of another magic': () => [prefixed(Buffer.alloc(HEADER_BYTES), 0)],
  'a packet out of order': () => [prefixed(packet('x', 5), 0)],
  'data without a chunk': () => [prefixed(packet('x'), 3), Buffer.from('abc')],
  'an unknown notice': () => [words(0, 9, 0)],
  'an answer to no offer': () => [answer(true)],
  'a release of a free slot': () => [released(0)],
  'a release of a slot that is none': () => [released(INLINE - 1)],
  'an offer without a name': () => [words(0, 1, 0)],
  'an offer with a name of 4 GB': () => [words(0, 1, INLINE)],
  'an offer of a path': () => [offer('../../etc/passwd')],
  'an offer of an absolute path': () => [offer('/etc/passwd')],
  'a slot without data': () => [words(HEADER_BYTES, 0, 0)],
  'a packet that does not go on': () => [prefixed(packet('x'), 0).subarray(0, -1)],
  nothing: () => [],
  'two offers': () => [offer(`1-${'0'.repeat(32)}`), offer(`1-${'0'.repeat(32)}`)],
  'data in a file that was not offered': () => [prefixed(chunkPacket(5), 5, 0)],
};

for (const [name, stream] of Object.entries(HOSTILE)) {
  test(`a stranger that sends ${name} is dropped, and nothing is delivered`, () =>
    withStranger(async (say, box) => {
      await say(...stream());
      assert.equal(box.messages, []);
      assert.equal(box.downs, []);
    }));
}

test('a peer that breaks the protocol after a good message is down', () =>
  withStranger(async (say, box) => {
    await say(prefixed(packet('good'), 0), words(0, 9, 0));
    assert.is(String(box.messages[0]?.[0]), 'good');
    await waitFor(() => box.downs.length === 1, 'the end of that link');
    assert.instance(box.downs[0], ProtocolError);
  }));

test('data in a bulk file are read once, in bounds, and only from a file that is long enough', async () => {
  const folder = folderOf();
  const reader = new BulkReader(folder, 16);
  const names: string[] = [];
  const writer = new BulkWriter(new Outgoing(folder, 16), { offer: (offered) => names.push(offered), wake: () => {} });
  writer.propose();
  writer.propose();
  assert.is(names.length, 1, 'once');
  const name = names[0] as string;
  assert.is(writer.isOpen, false);
  assert.is(reader.open(name), true);
  throws(() => reader.open(name), ProtocolError, /second/);
  writer.answered(true);
  assert.equal(entries(folder), [], 'without a name');
  const slots = Array.from({ length: SLOTS }, (_, i) => writer.write(pattern(16, i)) as number);
  assert.ok(writer.isFull);
  slots.forEach((slot, i) => {
    const to = Buffer.alloc(18);
    reader.frame(slot, 16).copyTo(to, 1);
    assert.is(Buffer.compare(to.subarray(1, 17), pattern(16, i)), 0);
  });
  for (const slot of slots) writer.release(slot);
  throws(() => writer.release(0), ProtocolError, /not in use/);
  assert.is(writer.write(pattern(4)), SLOTS - 1, 'the slot that was used last');
  throws(() => reader.frame(MAX_SLOTS, 4), ProtocolError, /no slot/);
  throws(() => reader.frame(0, 17), ProtocolError, /no slot/);
  const other = folder.create() as { name: string; descriptor: number };
  const short = new BulkReader(folder, 16);
  short.open(other.name);
  throws(() => short.frame(1, 4).copyTo(Buffer.alloc(4), 0), ProtocolError, /shorter/);
  folder.remove(other.name);
  closeSync(other.descriptor);
  for (const end of [reader, short, writer]) end.close();
});

const entries = (folder: BulkFolder): string[] => {
  try {
    return readdirSync(folder.path);
  } catch {
    return [];
  }
};

test('a writer without room gives up, and its data go another way', () => {
  const path = fresh();
  const folder = folderOf(path);
  const file = folder.create() as { name: string; descriptor: number };
  const readOnly = openSync(join(path, file.name), 'r');
  closeSync(file.descriptor);
  const narrow = Object.assign(folder, { create: () => ({ name: file.name, descriptor: readOnly }) });
  const writer = new BulkWriter(new Outgoing(narrow, 16), { offer: () => {}, wake: () => {} });
  writer.propose();
  writer.answered(true);
  assert.is(writer.write(pattern(16)), undefined);
  assert.is(writer.isOpen, false);
  writer.close();
});

test('names, links and folders that are not private are refused', () => {
  const path = fresh();
  const folder = folderOf(path);
  const good = folder.create() as { name: string; descriptor: number };
  const named = (digit: string): string => `${process.pid}-${digit.repeat(32)}`;
  for (const bad of ['', 'x', '../x', `${good.name}/`, `${good.name}\0`, `-${'0'.repeat(32)}`, `1-${'0'.repeat(33)}`])
    throws(() => folder.open(bad), ProtocolError, /not the name/);
  throws(() => folder.open(named('a')), Error, /ENOENT/);
  symlinkSync('/etc/passwd', join(path, named('b')));
  throws(() => folder.open(named('b')), Error, /ELOOP/);
  mkdirSync(join(path, named('c')));
  throws(() => folder.open(named('c')), ProtocolError, /not a file/);
  writeFileSync(join(path, named('d')), '');
  linkSync(join(path, named('d')), join(path, named('e')));
  throws(() => folder.open(named('d')), ProtocolError, /not a file/);
  chmodSync(path, 0o755);
  throws(() => folder.open(good.name), Error, /not a private folder/);
  assert.is(folder.create(), undefined);
  closeSync(good.descriptor);
  const elsewhere = fresh();
  symlinkSync(path, elsewhere);
  assert.is(folderOf(elsewhere).create(), undefined, 'a symlink in place of the folder');
  const file = fresh();
  writeFileSync(file, '');
  assert.is(folderOf(file).create(), undefined);
});

test('what a dead process left is swept, and what a living one has is not', () => {
  const path = fresh();
  mkdirSync(path, { mode: 0o700 });
  const [dead, living] = [`4194305-${'0'.repeat(32)}`, `${process.pid}-${'1'.repeat(32)}`];
  for (const name of [dead, living, 'something else']) writeFileSync(join(path, name), '');
  const folder = folderOf(path);
  const file = folder.create() as { name: string; descriptor: number };
  assert.equal(readdirSync(path).sort(), [living, file.name, 'something else'].sort());
  folder.remove(file.name);
  closeSync(file.descriptor);
});

test('the folder goes with the last file', () => {
  const folder = folderOf();
  const files = [folder.create(), folder.create()] as { name: string; descriptor: number }[];
  for (const { name, descriptor } of files) {
    folder.remove(name);
    closeSync(descriptor);
  }
  throws(() => readdirSync(folder.path), Error, /ENOENT/);
  const again = folder.create() as { name: string; descriptor: number };
  assert.equal(readdirSync(folder.path), [again.name]);
  folder.remove(again.name);
  closeSync(again.descriptor);
});

test('large messages leave no file, whoever closes first, and also where the peer refuses the file', async () => {
  const mine = folderOf();
  const memory = () => undefined;
  for (const theirs of [mine, folderOf()]) {
    const path = fresh();
    const box = new Mailbox();
    const listener = await unixTransport({ folder: theirs, memory }).listen(`unix://${path}`, box);
    const link = unixTransport({ folder: mine, memory }).connect(`unix://${path}`, new Mailbox());
    const data = pattern(20 * MIB, 5);
    await link.send([data]);
    await link.send([data]);
    assert.ok((await box.until(2)).every(([got]) => Buffer.compare(got as Uint8Array, data) === 0));
    const sent = link.send([Buffer.alloc(200 * MIB)]);
    await waitFor(() => link.pendingBytes < 200 * MIB, 'the transfer to begin');
    await listener.close();
    await rejects(() => sent, ConnectionError);
    await link.close();
    assert.equal([...entries(mine), ...entries(theirs)], []);
  }
});

test('silent peers over the limit are closed, the oldest first; one that has spoken stays', async () => {
  const path = fresh();
  const box = new Mailbox();
  const transport = unixTransport({ folder: folderOf(), silent: { most: 3 } });
  const listener = await transport.listen(`unix://${path}`, box);
  const talker = transport.connect(listener.endpoint, new Mailbox());
  await talker.send([Buffer.from('first')]);
  await waitFor(() => box.messages.length === 1, 'the one that speaks');
  const closed: number[] = [];
  for (let n = 0; n < 6; n++) {
    const socket = connect(path).on('error', () => {});
    socket.resume().once('close', () => closed.push(n));
    await once(socket, 'connect');
  }
  await waitFor(() => closed.length >= 3, 'the end of the oldest');
  assert.equal(closed, [0, 1, 2]);
  await talker.send([Buffer.from('second')]);
  await waitFor(() => box.messages.length === 2, 'the second message');
  await talker.close();
  await listener.close();
});

test('the first message leaves alone; those after it share packets of some size, until the peer speaks', async () => {
  const path = fresh();
  const sizes: number[] = [];
  const server = createServer((socket) => {
    const packet = (bytes: Buffer) => sizes.push(bytes.length - HEADER_BYTES);
    const none = () => {};
    const deframer = new Deframer(MIB, { packet, filed: none, offer: none, answer: none, released: none });
    socket.on('data', (bytes: Buffer) => deframer.read(bytes)).on('error', none);
    sockets.push(socket);
  });
  const sockets: Socket[] = [];
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const box = new Mailbox();
  const link = unixTransport({ folder: folderOf() }).connect(`unix://${path}`, box);
  const speak = async (n: number) => {
    sockets[0]?.write(prefixed(packet('hi', n), 0));
    await waitFor(() => box.messages.length === n + 1, 'what the peer says');
  };
  // A message of 92 bytes is a record of 100.
  const send = (n: number) => {
    for (let i = 0; i < n; i++) void link.send([Buffer.alloc(92)]);
  };
  const got = async (records: number) => {
    await waitFor(() => sizes.reduce((sum, bytes) => sum + bytes, 0) === 100 * records, 'the packets');
    return sizes.splice(0).map((bytes) => bytes / 100);
  };
  await waitFor(() => sockets.length === 1, 'the connection');
  await speak(0);
  send(1);
  assert.equal(await got(1), [1]);
  send(2);
  assert.equal(await got(2), [2], 'the peer has not spoken');
  await speak(1);
  send(4);
  assert.equal(await got(4), [1, 3]);
  // A turn that has sent what waited begins anew, too.
  send(200);
  assert.equal(await got(200), [1, 82, 82, 35]);
  await link.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('a peer that goes amid a packet is down, and a silent one takes nothing', async () => {
  const path = fresh();
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(path);
  const box = new Mailbox();
  const link = unixTransport({ folder: folderOf() }).connect(`unix://${path}`, box);
  await waitFor(() => sockets.length === 1, 'the connection');
  sockets[0]?.write(prefixed(packet('whole'), 0));
  sockets[0]?.end(prefixed(packet('cut off', 1), 0).subarray(0, -2));
  await waitFor(() => box.downs.length === 1, 'the end');
  assert.equal(
    box.messages.map(([text]) => String(text)),
    ['whole'],
  );
  await rejects(() => link.send([Buffer.alloc(1)]), ConnectionError);
  server.close();
});

test('the header of a packet cannot be changed by a slot that was read before', async () => {
  const header = Buffer.alloc(HEADER_BYTES);
  writeHeader(header, COUNTED, 0, 0);
  const seen: Buffer[] = [];
  const reader = new Deframer(MIB, {
    packet: (head) => seen.push(Buffer.from(head)),
    filed: () => {},
    offer: () => {},
    answer: () => {},
    released: () => {},
  });
  const bytes = prefixed(header, 0);
  reader.read(bytes.subarray(0, 20));
  const rest = bytes.subarray(20);
  reader.read(rest);
  rest.fill(0xff);
  assert.equal(seen[0], header);
});

test.run();
