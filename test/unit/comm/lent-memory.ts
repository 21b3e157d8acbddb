// Memory that one process lends another: who may read it, and until when.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Batch } from '../../../src/comm/batch.ts';
import { PeerRefused } from '../../../src/comm/link.ts';
import { COUNTED, DATA } from '../../../src/comm/packet.ts';
import { BulkFolder } from '../../../src/comm/unix/bulk-folder.ts';
import {
  Deframer,
  memoryAnswer,
  memoryOffer,
  prefixed,
  prefixedLent,
  returned,
} from '../../../src/comm/unix/framing.ts';
import { Borrower, Lender } from '../../../src/comm/unix/lent-memory.ts';
import { type ProcessMemory, processMemory } from '../../../src/comm/unix/process-memory.ts';
import { unixTransport } from '../../../src/comm/unix/unix-transport.ts';
import { ConnectionError, ProtocolError } from '../../../src/errors.ts';
import { BoundedSet } from '../../../src/util/bounded.ts';
import { rejects, throws } from '../../support/assert.ts';
import { Mailbox, pattern } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('comm/lent-memory');
const MIB = 1024 * 1024;
let directory = '';
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dv-lent-'));
});
test.after(() => rm(directory, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(directory, `f${count++}`);

/** The system's way; undefined where it forbids it, as some sandboxes do. */
function system(): ProcessMemory | undefined {
  const memory = processMemory();
  const from = Buffer.allocUnsafeSlow(64).fill(3);
  const to = Buffer.allocUnsafeSlow(64);
  return memory?.read(process.pid, [{ from: memory.address(from), to }]) === true && to.equals(from)
    ? memory
    : undefined;
}
const canLend = system() !== undefined;
const needsSystem = (name: string, run: () => void | Promise<void>): void => {
  if (canLend) test(name, run);
  else test.skip(name, 'no process may read the memory of another here');
};

/** A lender that has offered, and its offer. */
function offered(): { lender: Lender; offer: string } {
  const offers: string[] = [];
  const lender = new Lender((text) => offers.push(text));
  lender.propose();
  lender.propose();
  assert.is(offers.length, 1);
  return { lender, offer: offers[0] as string };
}

/** Both ends, agreed. */
function pair(unreadable = new BoundedSet<number>(9)): { lender: Lender; borrower: Borrower } {
  const { lender, offer } = offered();
  const borrower = new Borrower(undefined, unreadable);
  assert.ok(lender.isWaiting);
  lender.answered(borrower.open(offer));
  assert.ok(lender.isOpen);
  return { lender, borrower };
}

needsSystem('what is lent is read into its place, and given back in order', () => {
  const { lender, borrower } = pair();
  const data = pattern(3 * MIB, 7);
  const place = Buffer.alloc(data.length + 20, 9);
  borrower.frame(lender.lend(data), data.length).copyTo(place, 11);
  assert.is(Buffer.compare(place.subarray(11, 11 + data.length), data), 0);
  assert.equal([place[10], place[11 + data.length]], [9, 9]);
  lender.returned();
  throws(() => lender.returned(), ProtocolError, /not lent/);
});

needsSystem('nothing is read from a lender that has closed: its data may be gone', () => {
  const { lender, borrower } = pair();
  const data = pattern(MIB, 1);
  const frame = borrower.frame(lender.lend(data), data.length);
  lender.close();
  throws(() => frame.copyTo(Buffer.alloc(MIB), 0), ConnectionError, /is gone/);
  assert.not.ok(lender.isOpen);
});

needsSystem('nothing is read from a lender that has not written the challenge', () => {
  const { lender, offer } = offered();
  const borrower = new Borrower();
  assert.match(borrower.open(offer) as string, /^[0-9a-f]{32}$/);
  const data = pattern(MIB, 1);
  throws(() => borrower.frame(lender.lend(data), MIB).copyTo(Buffer.alloc(MIB), 0), ConnectionError, /is gone/);
});

needsSystem('an address where nothing is', () => {
  const { borrower } = pair();
  throws(() => borrower.frame(16n, MIB).copyTo(Buffer.alloc(MIB), 0), ConnectionError, /is gone/);
});

needsSystem('memory that cannot be read, as that of some devices: its process is asked for files from then on', () => {
  const unreadable = new BoundedSet<number>(9);
  const { lender, borrower } = pair(unreadable);
  const data = pattern(MIB, 1);
  borrower.frame(lender.lend(data), MIB).copyTo(Buffer.alloc(MIB), 0);
  assert.is(unreadable.size, 0);
  throws(() => borrower.frame(16n, MIB).copyTo(Buffer.alloc(MIB), 0), ConnectionError, /is gone/);
  assert.is(new Borrower(undefined, unreadable).open(offered().offer), undefined);
});

needsSystem('a lender that has closed is lent from again', () => {
  const unreadable = new BoundedSet<number>(9);
  const { lender, borrower } = pair(unreadable);
  const frame = borrower.frame(lender.lend(pattern(MIB, 1)), MIB);
  lender.close();
  throws(() => frame.copyTo(Buffer.alloc(MIB), 0), ConnectionError, /is gone/);
  assert.ok(new Borrower(undefined, unreadable).open(offered().offer));
});

needsSystem('an offer with another process, place or proof is refused', () => {
  const { offer } = offered();
  const [pid, place, proof] = offer.split('-') as [string, string, string];
  const others = [`${pid}-${place}-${'0'.repeat(32)}`, `${pid}-10-${proof}`, `4194305-${place}-${proof}`];
  for (const text of others) assert.is(new Borrower().open(text), undefined, text);
  assert.ok(new Borrower().open(offer));
});

test('where there is no such call, nothing is offered, and offers are refused', () => {
  const offers: string[] = [];
  const lender = new Lender(
    (text) => offers.push(text),
    () => undefined,
  );
  lender.propose();
  assert.equal([offers, lender.isWaiting, lender.isOpen], [[], false, false]);
  assert.is(new Borrower(() => undefined).open(`1-1f-${'a'.repeat(32)}`), undefined);
});

const BAD_OFFERS = [
  '',
  '0-1-',
  'x',
  '12-zz-00',
  `-1-1f-${'a'.repeat(32)}`,
  `1-1f-${'g'.repeat(32)}`,
  `1-1f-${'a'.repeat(31)}`,
];
for (const text of BAD_OFFERS)
  test(`an offer that no peer makes: '${text}'`, () =>
    throws(() => new Borrower().open(text), ProtocolError, /offer of memory/));

test('a second offer, an answer to nothing, a challenge of another form, and data without an offer', () => {
  const borrower = new Borrower(() => undefined);
  borrower.open(`1-1f-${'a'.repeat(32)}`);
  throws(() => borrower.open(`1-1f-${'a'.repeat(32)}`), ProtocolError, /offer of memory/);
  throws(() => borrower.frame(1n, 5), ProtocolError, /without an offer/);
  throws(() => new Lender(() => {}).answered(undefined), ProtocolError, /no offer/);
});

needsSystem('a challenge of another form', () => {
  for (const text of ['', 'a'.repeat(31), 'g'.repeat(32)])
    throws(() => offered().lender.answered(text), ProtocolError, /another form/);
});

/** A packet that announces one large part, with its first chunk. */
function chunkPacket(bytes: number): Buffer {
  const batch = new Batch(64);
  batch.start(0, 1, bytes);
  batch.chunk({ transfer: 0, part: 0, partBytes: bytes, offset: 0, bytes });
  return batch.seal(COUNTED | DATA, 0, 0);
}

test('a stream cut at every place gives the same notices of memory', () => {
  const events: string[] = [];
  const head = chunkPacket(5);
  const stream = Buffer.concat([
    memoryOffer('1-2-3'),
    memoryAnswer('abc'),
    memoryAnswer(undefined),
    prefixedLent(head, 5, 0x7fff12345678n),
    returned(),
    prefixed(head, 5, 3),
  ]);
  const none = (): void => {};
  const deframer = () =>
    new Deframer(MIB, {
      packet: none,
      filed: (packet, slot) => events.push(`filed ${packet.equals(head)} ${slot}`),
      offer: none,
      answer: none,
      released: none,
      lending: {
        memory: (text) => events.push(`memory ${text}`),
        challenge: (text) => events.push(`challenge ${text}`),
        lent: (packet, address, bytes) => events.push(`lent ${packet.equals(head)} ${address.toString(16)} ${bytes}`),
        returned: () => events.push('returned'),
      },
    });
  const wanted = [
    'memory 1-2-3',
    'challenge abc',
    'challenge undefined',
    'lent true 7fff12345678 5',
    'returned',
    'filed true 3',
  ];
  for (let cut = 0; cut < stream.length; cut++) {
    const reader = deframer();
    reader.read(stream.subarray(0, cut));
    reader.read(stream.subarray(cut));
    assert.equal(events.splice(0), wanted, `cut at ${cut}`);
  }
});

/** Streams that end their connection at once. */
const HOSTILE: Readonly<Record<string, () => Buffer>> = {
  'lent data without an offer': () => prefixedLent(chunkPacket(5), 5, 4096n),
  'lent data after an offer that was refused': () =>
    Buffer.concat([memoryOffer(`1-1f-${'a'.repeat(32)}`), prefixedLent(chunkPacket(5), 5, 4096n)]),
  'more lent data than a chunk': () => prefixedLent(chunkPacket(5), 3 * MIB, 4096n),
  'a packet that is shorter than its address': () => prefixedLent(Buffer.alloc(3), 5, 4096n),
  'an answer to no offer': () => memoryAnswer('a'.repeat(32)),
  'a refusal of no offer': () => memoryAnswer(undefined),
  'memory that was not lent': () => returned(),
};
for (const [name, stream] of Object.entries(HOSTILE))
  test(`hostile: ${name}`, async () => {
    const path = fresh();
    const box = new Mailbox();
    const listener = await unixTransport({ folder: new BulkFolder(fresh()) }).listen(`unix://${path}`, box);
    const socket = connect(path).on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().write(stream());
    await closed;
    await listener.close();
    assert.is(box.messages.length, 0);
  });

/** The system's way; counts what is read. */
function counting(): { memory: ProcessMemory; reads: () => number } {
  const memory = system() as ProcessMemory;
  let reads = 0;
  const read: ProcessMemory['read'] = (pid, pieces) => {
    reads++;
    return memory.read(pid, pieces);
  };
  return { memory: { address: (bytes) => memory.address(bytes), read }, reads: () => reads };
}

/** Large messages in both directions; gives how often the listener and the connecting side read lent memory. */
async function exchange(ends: { here: boolean; there: boolean }, sizes: readonly number[]): Promise<number[]> {
  const [here, there] = [counting(), counting()];
  const folder = new BulkFolder(fresh());
  const of = (may: boolean, { memory }: { memory: ProcessMemory }) => (may ? memory : undefined);
  const [boxHere, boxThere] = [new Mailbox(), new Mailbox()];
  const listening = unixTransport({ folder, memory: () => of(ends.there, there) });
  const listener = await listening.listen(`unix://${fresh()}`, boxThere);
  const link = unixTransport({ folder, memory: () => of(ends.here, here) }).connect(listener.endpoint, boxHere);
  const data = sizes.map((bytes, i) => pattern(bytes, i));
  await Promise.all(data.map((part) => link.send([part])));
  const got = await boxThere.until(data.length);
  await Promise.all(data.map((part) => boxThere.links[0]?.send([part])));
  const back = await boxHere.until(data.length);
  for (const [i, part] of data.entries())
    for (const parts of [got[i], back[i]]) assert.is(Buffer.compare(parts?.[0] as Uint8Array, part), 0, `message ${i}`);
  await link.close();
  await listener.close();
  assert.equal(await readdir(folder.path).catch(() => []), []);
  return [there.reads(), here.reads()];
}

needsSystem('large messages are read in the memory of their sender, in both directions', async () => {
  // Each end reads the proof, then two chunks and one. The last chunk of 1 MiB is lent by the end that connected, and goes through
  // a file from the other one.
  assert.equal(await exchange({ here: true, there: true }, [5 * MIB, 1.5 * MIB]), [5, 4]);
});

needsSystem(
  'up to 1 MiB only who connected lends: an engine does not wait until such results have arrived',
  async () => {
    assert.equal(await exchange({ here: true, there: true }, [MIB, 200_000, 128 * 1024]), [4, 0]);
  },
);

needsSystem('what is smaller than the data of a file is not lent, either', async () => {
  assert.equal(await exchange({ here: true, there: true }, [128 * 1024 - 1]), [0, 0]);
});

needsSystem(
  'an end that can read the proof and not the data ends the link; over the next one they go through files',
  async () => {
    const memory = system() as ProcessMemory;
    const read: ProcessMemory['read'] = (pid, pieces) => pieces.length === 1 && memory.read(pid, pieces);
    const half: ProcessMemory = { address: (bytes) => memory.address(bytes), read };
    const folder = new BulkFolder(fresh());
    const [here, there] = [new Mailbox(), new Mailbox()];
    const listener = await unixTransport({ folder, memory: () => half }).listen(`unix://${fresh()}`, there);
    const transport = unixTransport({ folder });
    const data = pattern(3 * MIB, 5);
    const first = transport.connect(listener.endpoint, here);
    assert.not(
      (await rejects(() => first.send([data]), ConnectionError)) instanceof PeerRefused,
      'its message is not to blame',
    );
    const second = transport.connect(listener.endpoint, here);
    await second.send([data]);
    assert.is(Buffer.compare((await there.until(1))[0]?.[0] as Uint8Array, data), 0);
    await second.close();
    await listener.close();
  },
);

needsSystem('an end that cannot read gets the data through files', async () => {
  assert.equal(await exchange({ here: true, there: false }, [5 * MIB, 3 * MIB]), [0, 0]);
  assert.equal(await exchange({ here: false, there: true }, [5 * MIB, 3 * MIB]), [0, 0]);
});

test.run();
