// The proxy that makes a bad network: each kind of weather does what it says to bytes, and to links.
import { rmSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import type { Listener } from '../../../src/comm/transport.ts';
import { type ChaosProxy, ChaosTransport } from '../../support/chaos/chaos-proxy.ts';
import { echo, Mailbox, pattern, sameParts, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('chaos proxy');
const folder = temporaryFolder('dv-proxy-');
const transport = new ChaosTransport(clusterTransport({ chunkBytes: 64 * 1024, insecureLoopback: true }));
const listeners: Listener[] = [];
test.after(async () => {
  await transport.close();
  for (const listener of listeners) await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A link to an echo, by way of a proxy of its own. */
async function scene(kind: 'unix' | 'tcp' = 'tcp') {
  const where = kind === 'unix' ? `unix://${folder}/e${listeners.length}` : 'tcp://127.0.0.1:*';
  const listener = await transport.listen(where, echo);
  listeners.push(listener);
  const box = new Mailbox();
  const link = transport.connect(listener.endpoint, box);
  const proxy: ChaosProxy = transport.at(listener.endpoint);
  void link.send([Buffer.from('hello')]);
  await box.until(1);
  return { box, link, proxy };
}

for (const kind of ['unix', 'tcp'] as const) {
  test(`${kind}: fair weather changes nothing`, async () => {
    const { box, link, proxy } = await scene(kind);
    // On Unix sockets larger parts pass beside the stream.
    const sent = [...Array.from({ length: 5 }, (_, n) => pattern(60_000, n)), pattern(5)];
    void link.send(sent);
    assert.ok(sameParts((await box.until(2))[1] as Uint8Array[], sent));
    assert.ok(proxy.up.passed > 300_000 && proxy.down.passed > 300_000);
    await link.close();
  });
}

test('delay: an answer takes both ways longer', async () => {
  const { box, link, proxy } = await scene();
  proxy.up.set({ delay: 60 });
  proxy.down.set({ delay: 60 });
  const start = performance.now();
  void link.send([Buffer.from('x')]);
  await box.until(2);
  assert.ok(performance.now() - start >= 119, 'two delays');
  await link.close();
});

test('rate: bytes pass no faster', async () => {
  const { box, link, proxy } = await scene();
  proxy.up.set({ rate: 1_000_000 });
  const start = performance.now();
  void link.send([pattern(200_000)]);
  await box.until(2);
  assert.ok(performance.now() - start >= 180, 'a fifth of a second');
  await link.close();
});

test('held: nothing passes, nobody is told, and all comes when it ends', async () => {
  const { box, link, proxy } = await scene();
  proxy.up.set({ isHeld: true });
  const before = proxy.up.passed;
  void link.send([Buffer.from('x')]);
  proxy.down.set({ delay: 1 });
  await new Promise(setImmediate);
  assert.is(proxy.up.passed, before);
  proxy.up.clear();
  await box.until(2);
  assert.is(box.downs.length, 0);
  await link.close();
});

for (const after of [0, 10, 100_000]) {
  test(`cut after ${after} bytes: the link goes down, and another one works`, async () => {
    const { box, link, proxy } = await scene();
    const before = proxy.up.passed;
    proxy.up.set({ cutAfter: after });
    link.send([pattern(300_000)]).catch(() => {});
    await waitFor(() => box.downs.length === 1, 'the cut');
    assert.is(proxy.up.passed, before + after, 'not a byte more');
    await link.close();
  });
}

test('blocked: no link comes about until it is mended', async () => {
  const { box, link, proxy } = await scene();
  proxy.block();
  await waitFor(() => box.downs.length === 1, 'the cut');
  await link.close();
  const later = new Mailbox();
  const second = transport.connect(listeners.at(-1)?.endpoint as string, later);
  void second.send([Buffer.from('x')]);
  const refused = proxy.accepted;
  await waitFor(() => proxy.accepted > refused, 'a refused connection');
  assert.is(later.messages.length, 0);
  proxy.mend();
  await later.until(1);
  await second.close();
});

test('corrupt: one byte differs', async () => {
  const { box, link, proxy } = await scene();
  // Beyond the records of the packet, amid the chunk.
  proxy.up.set({ corruptAfter: 30_000 });
  const sent = pattern(60_000);
  void link.send([sent, pattern(10_000)]);
  const [got] = (await box.until(2))[1] as Uint8Array[];
  const wrong = sent.reduce((count, byte, i) => count + (byte === got?.[i] ? 0 : 1), 0);
  assert.is(wrong, 1);
  await link.close();
});

test.run();
