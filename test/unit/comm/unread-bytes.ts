// Messages without end over tcp: how they are told from links that are full, and that they are cut.
import * as assert from 'uvu/assert';
import { Dealer, Router } from 'zeromq';
import { type TcpConnection, tcpConnections } from '../../../src/comm/zeromq/tcp-connections.ts';
import { UnreadBytes } from '../../../src/comm/zeromq/unread-bytes.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { Mailbox } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('comm/unread-bytes');
const MIB = 2 ** 20;
const PORT = { side: 'local', number: 7000, windowBytes: 32 * MIB } as const;

const connection = (descriptor: number, mebibytes: number, localPort = 7000): TcpConnection => ({
  descriptor,
  localPort,
  remotePort: 40_000 + descriptor,
  peer: `peer ${descriptor}`,
  received: mebibytes * MIB,
});

test('a window of each connection and some more may wait', () => {
  const unread = new UnreadBytes(PORT);
  assert.is(unread.look([connection(5, 32), connection(6, 32)], 1), undefined);
  assert.is(unread.look([connection(5, 64), connection(6, 52)], 1), undefined);
  assert.is(unread.look([connection(5, 66), connection(6, 52)], 1)?.descriptor, 5);
});

test('bytes that were handed over, and those of other ports, do not wait', () => {
  const unread = new UnreadBytes(PORT);
  for (let total = 20; total < 2000; total += 20) {
    assert.is(unread.look([connection(5, total), connection(6, 5 * total, 7001)], 0), undefined, `${total} MiB`);
    unread.took([new Uint8Array(20 * MIB)]);
  }
});

test('what was handed over before cannot be saved up', () => {
  const unread = new UnreadBytes(PORT);
  for (let n = 0; n < 100; n++) unread.took([new Uint8Array(MIB)]);
  assert.is(unread.look([connection(5, 90)], 3600), undefined);
  assert.is(unread.look([connection(5, 90 + 75)], 0)?.descriptor, 5);
});

test('heads of frames and heartbeats add nothing', () => {
  const unread = new UnreadBytes(PORT);
  for (let n = 1; n < 200; n++) {
    for (let i = 0; i < 1000; i++) unread.took([new Uint8Array(10), new Uint8Array(10)]);
    // 20 bytes of each 1000 messages, 84 of their encryption, and 40 of a heartbeat a second.
    const received = n * (1000 * (20 + 84) + 40 * 60);
    assert.is(unread.look([{ ...connection(5, 0), received }], 60), undefined);
  }
  assert.is(unread.look([connection(5, 74)], 0), undefined);
});

test('a connection that is gone takes its bytes along; the fullest one is cut', () => {
  const unread = new UnreadBytes(PORT);
  unread.look([connection(5, 60), connection(6, 3)], 0);
  assert.is(unread.look([connection(6, 30)], 0), undefined);
  assert.is(unread.look([connection(6, 73)], 0), undefined);
  // The same descriptor, and another peer.
  const next = { ...connection(6, 3), peer: 'another' };
  assert.is(unread.look([next, connection(7, 120)], 0)?.descriptor, 7);
});

function needsSystem(name: string, run: () => Promise<void>): void {
  if (tcpConnections() === undefined) test.skip(name, 'the system does not tell what came over a connection');
  else test(name, run);
}

needsSystem('a peer of a listener that sends one message without end is cut, and others are served', async () => {
  const transport = zeromqTransport({ insecureLoopback: true });
  const box = new Mailbox();
  const listener = await transport.listen('tcp://127.0.0.1:*', box);
  const link = transport.connect(listener.endpoint, new Mailbox());
  const endless = new Dealer({ linger: 0 });
  const cut = new Promise<void>((resolve) => void endless.events.on('disconnect', () => resolve()));
  endless.connect(listener.endpoint);
  // One block of memory, sent 2000 times.
  void endless.send(new Array<Buffer>(2000).fill(Buffer.alloc(MIB))).catch(() => {});
  await link.send([Buffer.from('meanwhile')]);
  await cut;
  await link.send([Buffer.from('after')]);
  const heard = (await box.until(2)).map(([part]) => String(part));
  assert.equal(heard, ['meanwhile', 'after']);
  endless.close();
  await link.close();
  await listener.close();
});

needsSystem('a listener that answers with one message without end is cut: the link goes down', async () => {
  const endless = new Router({ linger: 0 });
  await endless.bind('tcp://127.0.0.1:*');
  const answered = endless.receive().then(([id]) => {
    void endless.send([id as Buffer, ...new Array<Buffer>(2000).fill(Buffer.alloc(MIB))]).catch(() => {});
  });
  const down = new Promise<Error>((resolve) => {
    const handlers = { onMessage: () => {}, onDown: (_: unknown, reason: Error) => resolve(reason) };
    const link = zeromqTransport({ insecureLoopback: true }).connect(endless.lastEndpoint as string, handlers);
    void link.send([Buffer.from('a question')]).catch(() => {});
  });
  await answered;
  assert.match((await down).message, /was lost/);
  endless.close();
});

test.run();
