// Links as pure logic: two ends joined by hand, packets that can be held back, forged and lost.
import * as assert from 'uvu/assert';
import { Hub, type SendOutcome } from '../../../src/comm/hub.ts';
import { type Carrier, limitsOf, PacketLink } from '../../../src/comm/link.ts';
import type { Frames } from '../../../src/comm/packet.ts';
import type { LinkHandlers, TransportOptions } from '../../../src/comm/transport.ts';
import { ConnectionError, ProtocolError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { Mailbox, pattern, sameParts, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('link');

class Wire implements Carrier {
  readonly name = 'the other end';
  readonly goodbyes: Frames[] = [];
  wake(): void {}
  async end(goodbye: Frames | undefined): Promise<void> {
    if (goodbye) this.goodbyes.push(goodbye);
  }
}

function end(handlers: LinkHandlers, options: TransportOptions = {}) {
  const wire = new Wire();
  return { wire, link: new PacketLink(wire, handlers, limitsOf(options, 1024)) };
}

function pair(options: TransportOptions = {}) {
  const box = new Mailbox();
  const back = new Mailbox();
  return { box, back, a: end(back, options), b: end(box, options) };
}

/** Carries one packet; true if there was one. */
function carry(from: PacketLink, to: PacketLink): boolean {
  const frames = from.take();
  if (frames !== undefined) to.receive(frames.map((frame) => Buffer.from(frame)));
  return frames !== undefined;
}

function carryAll(a: PacketLink, b: PacketLink): void {
  for (let moved = true; moved; ) {
    moved = carry(a, b);
    moved = carry(b, a) || moved;
  }
}

test('small messages that wait travel in one packet', () => {
  const { box, a, b } = pair();
  for (let i = 0; i < 100; i++) void a.link.send([Buffer.from(`${i}`), Buffer.alloc(i)]);
  assert.ok(carry(a.link, b.link));
  assert.not.ok(carry(a.link, b.link));
  assert.equal(
    box.messages.map((parts) => [String(parts[0]), parts[1]?.length]),
    Array.from({ length: 100 }, (_, i) => [`${i}`, i]),
  );
});

test('small messages may go from within the call, unless a large one is on its way', async () => {
  const calls: string[] = [];
  const wire = { name: '', end: async () => {}, wake: () => calls.push('wake'), urge: () => calls.push('urge') };
  const link = new PacketLink(wire, { onMessage: () => {} }, limitsOf({}, 64 * 1024));
  const peer = end(new Mailbox());
  const after = (act: () => void): string[] => {
    calls.length = 0;
    act();
    return [...calls];
  };
  assert.equal(
    after(() => void link.send([Buffer.from('first')])),
    ['urge'],
  );
  assert.equal(
    after(() => void link.send([Buffer.from('second')])),
    ['urge'],
  );
  assert.ok(carry(link, peer.link));
  assert.equal(
    after(() => void link.send([Buffer.alloc(100_000)])),
    ['wake'],
    'large',
  );
  while (carry(link, peer.link));
  assert.equal(
    after(() => void link.send([Buffer.from('behind it')])),
    ['wake'],
    'a large one is on its way',
  );
  while (carry(link, peer.link));
  // Nothing is left to be taken: what comes wakes nobody.
  assert.equal(
    after(() => assert.ok(carry(peer.link, link))),
    [],
  );
  assert.equal(
    after(() => void link.send([Buffer.from('alone again')])),
    ['urge'],
  );
  await link.close();
});

test('every part arrives aligned to 8 bytes', () => {
  const { box, a, b } = pair();
  const parts = [1, 0, 7, 13, 20_000, 3, 1000, 70_001].map((n) => pattern(n, n));
  for (const list of [parts.slice(0, 4), parts]) void a.link.send(list);
  carryAll(a.link, b.link);
  assert.ok(sameParts(box.messages[0] ?? [], parts.slice(0, 4)));
  assert.ok(sameParts(box.messages[1] ?? [], parts));
  for (const part of box.messages.flat()) assert.is(part.byteOffset % 8, 0);
});

test('small parts are copied at once', () => {
  const { box, a, b } = pair();
  const header = Buffer.from('before');
  void a.link.send([header]);
  void a.link.send([header, pattern(100_000)]);
  header.fill(0);
  carryAll(a.link, b.link);
  assert.is(String(box.messages[0]?.[0]), 'before');
  assert.is(String(box.messages[1]?.[0]), 'before');
});

test('the window bounds what is emitted, and acknowledgements open it again', async () => {
  const { box, a, b } = pair({ chunkBytes: 1000, windowBytes: 5000 });
  const sent = a.link.send([pattern(100_000)]);
  let bytes = 0;
  const held: Frames[] = [];
  for (let f = a.link.take(); f !== undefined; f = a.link.take()) {
    held.push(f);
    bytes += f[1]?.length ?? 0;
  }
  assert.is(bytes, 5000);
  assert.ok(a.link.pendingBytes >= 100_000);
  for (const frames of held) b.link.receive(frames);
  carryAll(a.link, b.link);
  await sent;
  assert.is(a.link.pendingBytes, 0);
  assert.is(box.messages[0]?.[0]?.length, 100_000);
});

test('packets of small messages are bounded, too, and batch up meanwhile', () => {
  const { box, a, b } = pair();
  const held: Frames[] = [];
  for (let i = 0; i < 1000; i++) {
    void a.link.send([Buffer.from(`${i}`)]);
    const frames = a.link.take();
    if (frames) held.push(frames);
  }
  assert.is(held.length, 32);
  for (const frames of held) b.link.receive(frames);
  carryAll(a.link, b.link);
  assert.is(box.messages.length, 1000);
  assert.is(String(box.messages[999]?.[0]), '999');
});

test('any chunk and window sizes end', async () => {
  for (const [chunkBytes, windowBytes] of [
    [1, 1],
    [3, 4],
    [4096, 4096],
    [10_000, 100],
    [999_999, 1_000_000],
  ]) {
    const { box, a, b } = pair({ chunkBytes: chunkBytes as number, windowBytes: windowBytes as number });
    const parts = [pattern(66_000), pattern(17_000, 2), pattern(5, 3)];
    const sent = a.link.send(parts);
    carryAll(a.link, b.link);
    await sent;
    assert.ok(sameParts(box.messages[0] ?? [], parts), `${chunkBytes}/${windowBytes}`);
  }
});

const leave: Record<string, (part: Uint8Array) => void> = {
  'transferred away': (part) => void structuredClone(part.buffer, { transfer: [part.buffer as ArrayBuffer] }),
  'made shorter': (part) => (part.buffer as ArrayBuffer & { resize(bytes: number): void }).resize(5000),
};

for (const [how, take] of Object.entries(leave)) {
  test(`memory that is ${how} amid its message: nobody gets the message, and the link goes on`, async () => {
    const { box, back, a, b } = pair();
    const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer;
    const buffer = how === 'made shorter' ? new Resizable(70_000, { maxByteLength: 80_000 }) : new ArrayBuffer(70_000);
    const part = new Uint8Array(buffer, 0, 70_000);
    const sent = a.link.send([pattern(100), part, pattern(20_000)]);
    const next = [pattern(30, 2), pattern(90_000, 3)];
    const arrived = a.link.send(next);
    void a.link.send([Buffer.from('small')]);
    for (let i = 0; i < 5; i++) assert.ok(carry(a.link, b.link));
    take(part);
    carryAll(a.link, b.link);
    await rejects(() => sent, TypeError, /^memory of the message was transferred away/);
    await arrived;
    assert.is(box.messages.length, 2);
    assert.ok(sameParts(box.messages[0] ?? [], next));
    assert.equal([box.downs, back.downs], [[], []]);
    assert.is(a.link.pendingBytes, 0);
  });
}

test('memory that is gone before its message is sent', async () => {
  const { box, a, b } = pair();
  for (const bytes of [100, 70_000]) {
    const part = new Uint8Array(bytes);
    structuredClone(part.buffer, { transfer: [part.buffer as ArrayBuffer] });
    await rejects(() => a.link.send([pattern(10), part]), TypeError, /^memory of the message was transferred away/);
  }
  carryAll(a.link, b.link);
  assert.equal(box.messages, []);
});

test('close rejects what is pending, says goodbye, and is idempotent', async () => {
  const { a, b, back, box } = pair();
  void b.link.send([Buffer.from('x')]);
  const sent = a.link.send([pattern(1_000_000)]);
  await Promise.all([a.link.close(), a.link.close()]);
  await rejects(() => sent, ConnectionError, /closed/);
  await rejects(() => a.link.send([Buffer.alloc(1)]), ConnectionError, /closed/);
  assert.is(a.link.take(), undefined);
  b.link.receive(a.wire.goodbyes[0] as Frames);
  assert.match(box.downs[0]?.message ?? '', /ended the link: closed/);
  assert.is(back.downs.length, 0);
  await rejects(() => b.link.send([Buffer.alloc(1)]), ConnectionError, /ended the link/);
});

test('a lost packet is noticed', () => {
  const { a, b, box } = pair();
  for (const text of ['a', 'b', 'c']) {
    void a.link.send([Buffer.from(text)]);
    if (text === 'b') a.link.take();
    else carry(a.link, b.link);
  }
  assert.is(box.messages.length, 1);
  assert.instance(box.downs[0], ProtocolError);
  assert.is(b.wire.goodbyes.length, 1);
});

test('what cannot be sent is refused before it is queued', async () => {
  const { a } = pair({ maxMessageBytes: 1000 });
  await rejects(() => a.link.send([Buffer.alloc(1001)]), ProtocolError, /1001 bytes; maxMessageBytes is 1000/);
  await rejects(() => a.link.send(['text' as unknown as Uint8Array]), TypeError, /part 0/);
  assert.is(a.link.pendingBytes, 0);
});

test('a handler that throws loses neither the link nor the next message', () => {
  let heard = 0;
  const b = end({
    onMessage: () => {
      heard++;
      throw new Error('handler');
    },
  });
  const a = end(new Mailbox());
  for (let i = 0; i < 3; i++) void a.link.send([Buffer.alloc(1)]);
  carryAll(a.link, b.link);
  assert.is(heard, 3);
  assert.not.ok(b.link.ended);
});

test('a handler may close the link amid a packet', () => {
  let heard = 0;
  const b = end({ onMessage: (_, link) => ++heard === 2 && void link.close() });
  const a = end(new Mailbox());
  for (let i = 0; i < 5; i++) void a.link.send([Buffer.alloc(1)]);
  carryAll(a.link, b.link);
  assert.is(heard, 2);
});

/** A hub whose socket is a list; `outcome` says what becomes of each packet. */
function hub(outcome: (id: string) => SendOutcome) {
  const sent: string[] = [];
  const box = new Mailbox();
  const it = new Hub('hub', box, limitsOf({}, 1024), async ([id]) => {
    const result = outcome(String(id));
    if (result === 'sent') sent.push(String(id));
    return result;
  });
  const greet = (id: string) => {
    const client = end(new Mailbox());
    void client.link.send([Buffer.from(id)]);
    it.receive([Buffer.from(id), ...(client.link.take() as Frames)]);
  };
  return { it, sent, box, greet };
}

test('a full peer does not hold up another, and gets its packet later', async () => {
  let open = false;
  const { sent, box, greet } = hub((id) => (id === 'slow' && !open ? 'full' : 'sent'));
  greet('slow');
  greet('fast');
  for (const link of box.links) void link.send([Buffer.from('answer')]);
  await waitFor(() => sent.length === 1, 'the fast peer');
  assert.equal(sent, ['fast']);
  open = true;
  await waitFor(() => sent.length === 2, 'the slow peer');
  assert.equal(sent, ['fast', 'slow']);
});

test('an unreachable peer is down', async () => {
  const { it, box, greet } = hub(() => 'gone');
  greet('x');
  it.probe();
  await waitFor(() => box.downs.length === 1, 'onDown');
  assert.is(it.size, 0);
});

test('a large message that stops amid is dropped when its lease ends', () => {
  const { it, box } = hub(() => 'sent');
  const client = end(new Mailbox());
  void client.link.send([Buffer.from('hello')]);
  it.receive([Buffer.from('x'), ...(client.link.take() as Frames)]);
  void client.link.send([pattern(100_000)]);
  it.receive([Buffer.from('x'), ...(client.link.take() as Frames)]);
  for (let i = 0; i < 60; i++) it.sweep();
  assert.match(box.downs[0]?.message ?? '', /stopped amid/);
});

test.run();
