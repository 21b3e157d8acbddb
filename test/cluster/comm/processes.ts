// Links between processes: a peer that is killed, that computes for long, and a listener in a worker thread.
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { ConnectionError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { startPeer, stopPeer } from '../../support/comm-child.ts';
import { Mailbox, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('processes');
const transport = zeromqTransport({ insecureLoopback: true });
const ANY = 'tcp://127.0.0.1:*';

test('a listener that is killed in mid transfer, both ways', async () => {
  const peer = await startPeer('listen', ANY);
  const box = new Mailbox();
  const link = transport.connect(peer.endpoint, box);
  void link.send([Buffer.from('hello')]);
  await box.until(1);
  void link.send([Buffer.from('flood')]);
  const sent = link.send([Buffer.from('echo'), Buffer.alloc(800_000_000)]);
  await waitFor(() => link.pendingBytes < 790_000_000, 'the transfer to begin');
  peer.process.kill('SIGKILL');
  await rejects(() => sent, ConnectionError, /lost/);
  await waitFor(() => box.downs.length > 0, 'onDown');
  assert.is(box.messages.length, 1);
  assert.is(link.pendingBytes, 0);
  await link.close();
  assert.is(box.downs.length, 1);
});

test('a client that is killed in mid transfer', async () => {
  const box = new Mailbox();
  const listener = await transport.listen(ANY, box);
  const peer = await startPeer('connect', listener.endpoint);
  await box.until(1);
  peer.process.kill('SIGKILL');
  await once(peer.process, 'exit');
  await waitFor(() => box.downs.length > 0, 'onDown');
  assert.is(box.downs.length, 1);
  await rejects(() => box.links[0]?.send([Buffer.alloc(1)]) ?? Promise.resolve(), ConnectionError);
  await listener.close();
});

test('a peer that computes for longer than the heartbeats allow keeps its link', async () => {
  const peer = await startPeer('listen', ANY);
  const box = new Mailbox();
  const link = transport.connect(peer.endpoint, box);
  void link.send([Buffer.from('hello')]);
  await box.until(1);
  void link.send([Buffer.from('block 8000')]);
  // Far more messages than the pipes hold, each sent on its own.
  for (let i = 0; i < 1000; i++) {
    void link.send([Buffer.from(`queued ${i}`)]);
    await new Promise(setImmediate);
  }
  await box.until(1001);
  assert.is(String(box.messages[1000]?.[0]), 'queued 999');
  assert.is(box.downs.length, 0);
  await link.close();
  await stopPeer(peer);
});

test('a worker thread closes its listener, then the process ends with its own code', async () => {
  for (let round = 0; round < 3; round++) {
    const peer = await startPeer('worker', ANY);
    const box = new Mailbox();
    const link = transport.connect(peer.endpoint, box);
    void link.send([Buffer.from('hello')]);
    await box.until(1);
    const gone = once(peer.process, 'exit');
    peer.process.stdin?.write('close');
    await waitFor(() => box.downs.length === 1, 'the goodbye');
    assert.equal(await gone, [7, null]);
    await link.close();
  }
});

test.run();
