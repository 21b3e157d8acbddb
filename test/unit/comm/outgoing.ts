// Bulk files of one transport: data for several peers are written once, and no peer holds up another.
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Link } from '../../../src/comm/transport.ts';
import { BulkReader, BulkWriter } from '../../../src/comm/unix/bulk.ts';
import { BulkFolder } from '../../../src/comm/unix/bulk-folder.ts';
import { answer, Deframer } from '../../../src/comm/unix/framing.ts';
import { Outgoing } from '../../../src/comm/unix/outgoing.ts';
import { SLOTS } from '../../../src/comm/unix/outgoing-file.ts';
import { unixTransport } from '../../../src/comm/unix/unix-transport.ts';
import { ProtocolError } from '../../../src/errors.ts';
import { throws } from '../../support/assert.ts';
import { Mailbox, pattern, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('comm/outgoing');
const MIB = 1024 * 1024;
const BYTES = 16;
let directory = '';
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dv-outgoing-'));
});
test.after(() => rm(directory, { recursive: true, force: true }));

let count = 0;
const fresh = (): string => join(directory, `o${count++}`);

const entries = (folder: BulkFolder): string[] => {
  try {
    return readdirSync(folder.path);
  } catch {
    return [];
  }
};

/** One link: a writer, and the reader at its peer, which answers at once. */
class End {
  readonly offers: string[] = [];
  readonly writer: BulkWriter;
  readonly #reader: BulkReader;
  woken = 0;

  constructor(outgoing: Outgoing, folder: BulkFolder) {
    this.#reader = new BulkReader(folder, BYTES);
    this.writer = new BulkWriter(outgoing, { offer: (name) => this.offers.push(name), wake: () => this.woken++ });
  }

  open(): this {
    this.writer.propose();
    return this.answer();
  }

  answer(): this {
    this.writer.answered(this.#reader.open(this.offers.at(-1) as string));
    return this;
  }

  send(data: Uint8Array): number {
    return this.writer.write(data) as number;
  }

  read(slot: number): Buffer {
    const to = Buffer.alloc(BYTES);
    this.#reader.frame(slot, BYTES).copyTo(to, 0);
    return to;
  }

  close(): void {
    this.writer.close();
    this.#reader.close();
  }
}

function scene(links: number): { folder: BulkFolder; outgoing: Outgoing; ends: End[] } {
  const folder = new BulkFolder(fresh());
  const outgoing = new Outgoing(folder, BYTES);
  const ends = Array.from({ length: links }, () => new End(outgoing, folder));
  for (const { writer } of ends) writer.propose();
  for (const end of ends) end.answer();
  return { folder, outgoing, ends };
}

test('links that begin together write to one file; the same data take one slot until every peer has read them', () => {
  const { folder, ends } = scene(3);
  const [a, b, c] = ends as [End, End, End];
  assert.is(new Set(ends.map(({ offers }) => offers[0])).size, 1);
  assert.equal(entries(folder), []);
  const data = pattern(BYTES, 1);
  const slot = a.send(data);
  assert.equal([b.send(data), c.send(data)], [slot, slot]);
  a.writer.release(slot);
  b.writer.release(slot);
  throws(() => a.writer.release(slot), ProtocolError, /not in use/);
  assert.is.not(a.send(pattern(BYTES, 2)), slot, 'the third peer may still read it');
  assert.equal(c.read(slot), data);
  c.writer.release(slot);
  assert.is(b.send(pattern(BYTES, 3)), slot);
  for (const end of ends) end.close();
});

test('a copy of the data is other data', () => {
  const { ends } = scene(2);
  const [a, b] = ends as [End, End];
  const data = pattern(BYTES, 1);
  assert.is.not(a.send(data), b.send(Buffer.from(data)));
  for (const end of ends) end.close();
});

test('data whose slot was written again are written once more', () => {
  const { ends } = scene(2);
  const [a, b] = ends as [End, End];
  const [first, second] = [pattern(BYTES, 1), pattern(BYTES, 2)];
  a.writer.release(a.send(first));
  const slot = a.send(second);
  const again = b.send(first);
  assert.is.not(again, slot);
  assert.equal([a.read(slot), b.read(again)], [second, first]);
  for (const end of ends) end.close();
});

test('data that lie in a free slot are held by the link that sends them', () => {
  const { ends } = scene(2);
  const [a, b] = ends as [End, End];
  const data = pattern(BYTES, 1);
  const slot = a.send(data);
  a.writer.release(slot);
  assert.is(b.send(data), slot);
  assert.is.not(a.send(pattern(BYTES, 2)), slot);
  assert.equal(b.read(slot), data);
  for (const end of ends) end.close();
});

test('a peer that gives nothing back holds up itself alone', () => {
  const { ends } = scene(2);
  const [stuck, quick] = ends as [End, End];
  for (let i = 0; i < SLOTS; i++) stuck.send(pattern(BYTES, i));
  assert.ok(stuck.writer.isFull);
  for (let i = 0; i < 10 * SLOTS; i++) {
    const data = pattern(BYTES, i);
    assert.not.ok(quick.writer.isFull || quick.writer.mustWait(data));
    const slot = quick.send(data);
    assert.equal(quick.read(slot), data);
    quick.writer.release(slot);
  }
  for (const end of ends) end.close();
});

test('a link that comes late gets a new file, and the others change to it at once', () => {
  const { folder, outgoing, ends } = scene(2);
  const [a, b] = ends as [End, End];
  const late = new End(outgoing, folder);
  late.writer.propose();
  for (const { offers } of ends) assert.is(offers.at(-1), late.offers[0]);
  assert.ok(a.writer.isFull, 'data wait for the answer');
  for (const end of [a, b, late]) end.answer();
  assert.equal(entries(folder), []);
  const data = pattern(BYTES, 1);
  const slot = a.send(data);
  assert.equal([b.send(data), late.send(data)], [slot, slot]);
  assert.equal(late.read(slot), data);
  for (const end of [a, b, late]) {
    end.writer.propose();
    end.close();
  }
  assert.is(a.offers.length, 2, 'no more files');
});

test('slots of a link that ended are never written again: its peer may read them yet', () => {
  const { outgoing, folder, ends } = scene(2);
  const [gone, stays] = ends as [End, End];
  const data = pattern(BYTES, 1);
  const slot = gone.send(data);
  gone.writer.close();
  stays.writer.propose();
  stays.answer();
  for (let i = 0; i < SLOTS; i++) stays.send(pattern(BYTES, 2 + i));
  assert.equal(gone.read(slot), data);
  const next = new End(outgoing, folder).open();
  assert.is(next.offers.length, 1);
  for (const end of [gone, stays, next]) end.close();
  assert.equal(entries(folder), []);
});

test('a peer that changes the file before it has given back its slots breaks the protocol', () => {
  const { outgoing, folder, ends } = scene(1);
  const [end] = ends as [End];
  end.send(pattern(BYTES));
  const late = new End(outgoing, folder);
  late.writer.propose();
  throws(() => end.answer(), ProtocolError, /given back/);
  for (const one of [end, late]) one.close();
  assert.equal(entries(folder), []);
});

test('a link that ends before its answer takes the name away with it', () => {
  const folder = new BulkFolder(fresh());
  const end = new End(new Outgoing(folder, BYTES), folder);
  end.writer.propose();
  assert.equal(entries(folder), end.offers);
  end.close();
  assert.equal(entries(folder), []);
});

/** So many listeners, and links of one transport to them. */
async function withLinks(n: number, run: (links: Link[], boxes: Mailbox[], path: string) => Promise<void>) {
  const folder = new BulkFolder(fresh());
  // Files alone: memory that is lent needs none.
  const memory = () => undefined;
  const transport = unixTransport({ folder, memory });
  const boxes = Array.from({ length: n }, () => new Mailbox());
  const listeners = await Promise.all(
    boxes.map((box) => unixTransport({ folder, memory }).listen(`unix://${fresh()}`, box)),
  );
  const silent = fresh();
  const links = [...listeners.map(({ endpoint }) => endpoint), `unix://${silent}`].map((endpoint) =>
    transport.connect(endpoint, new Mailbox()),
  );
  try {
    await run(links, boxes, silent);
  } finally {
    await Promise.all(links.map((link) => link.close()));
    await Promise.all(listeners.map((listener) => listener.close()));
    assert.equal(entries(folder), []);
  }
}

test('many messages to many peers, some of them the same: each gets its own, whoever goes amid them', () =>
  withLinks(5, async (links, boxes) => {
    const shared = Array.from({ length: 6 }, (_, i) => pattern(7 * MIB + i, i));
    const own = boxes.map((_, i) => pattern(3 * MIB, 50 + i));
    const sent = boxes.flatMap((_, i) => {
      const link = links[i] as Link;
      return [...shared.map((part) => link.send([Buffer.from(`${i}`), part])), link.send([own[i] as Buffer])];
    });
    await sent[0];
    await links[4]?.close();
    const ends = await Promise.allSettled(sent.slice(0, -7));
    assert.ok(ends.every(({ status }) => status === 'fulfilled'));
    for (const [i, box] of boxes.slice(0, 4).entries()) {
      const messages = await box.until(7);
      const bodies = messages.map((parts) => parts.at(-1) as Uint8Array);
      const wanted = [...shared, own[i] as Buffer];
      for (const [k, body] of bodies.entries()) assert.is(Buffer.compare(body, wanted[k] as Buffer), 0, `${i}: ${k}`);
    }
  }));

test('a peer that takes a file and reads nothing does not hold up the others', () =>
  withLinks(2, async (links, boxes, path) => {
    const sockets: Socket[] = [];
    const taken: string[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      const deframer = new Deframer(2 * MIB, {
        packet: () => {},
        filed: () => taken.push('data'),
        offer: (name) => {
          taken.push(name);
          socket.write(answer(true));
        },
        answer: () => {},
        released: () => {},
      });
      socket.on('data', (bytes: Buffer) => deframer.read(bytes)).on('error', () => {});
    }).listen(path);
    const large = pattern(150 * MIB, 9);
    const sent = links.map((link) => link.send([large]));
    await Promise.all(sent.slice(0, 2));
    for (const box of boxes) assert.is(Buffer.compare((await box.until(1))[0]?.[0] as Uint8Array, large), 0);
    await waitFor(() => taken.length === 1 + SLOTS, 'all its slots');
    for (const socket of sockets) socket.destroy();
    server.close();
    assert.is((await Promise.allSettled(sent))[2]?.status, 'rejected');
  }));

test.run();
