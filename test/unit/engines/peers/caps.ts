// Bounds for what other engines can make an engine hold: mail that nobody takes, and relayed bodies that never end.
import * as assert from 'uvu/assert';
import { Mailbox } from '../../../../engines/peers/mailbox.ts';
import { Relay } from '../../../../engines/peers/relay.ts';
import { ProtocolError } from '../../../../src/errors.ts';
import type { RelayMessage } from '../../../../src/protocol/messages.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/peers/caps');

test('mail counts with its tag, empty mail too, and counts no more when it is taken or forgotten', async () => {
  const mailbox = new Mailbox(
    () => 'engine 0',
    () => {},
  );
  for (let n = 0; n < 100; n++) mailbox.deliver(1, `u:${n}/${'t'.repeat(1000)}`, []);
  assert.ok(mailbox.bytes > 100 * 1000, `${mailbox.bytes} bytes`);
  const wanted = { from: 1, tag: `u:0/${'t'.repeat(1000)}`, timeout: 1000, what: 'for it' };
  await mailbox.take(wanted);
  mailbox.forget('u:');
  assert.is(mailbox.bytes, 0);
});

test('a small piece of mail does not keep all memory alive that came with it', async () => {
  const mailbox = new Mailbox(
    () => 'engine 0',
    () => {},
  );
  const wanted = { from: 1, tag: 'u:a', timeout: 1000, what: 'for it' };
  const arena = new Uint8Array(1 << 16).map((_, i) => i);
  mailbox.deliver(1, 'u:a', [arena.subarray(8, 24), arena]);
  const [small, large] = (await mailbox.take(wanted)) as [Uint8Array, Uint8Array];
  assert.equal([...small], [...arena.subarray(8, 24)]);
  assert.is(small.buffer.byteLength, 16);
  assert.is(large, arena, 'what is all of its memory is not copied');
});

const open = (key: string, size: number): RelayMessage => ({
  type: 'relay',
  key,
  chain: [],
  sizes: [size],
  part: 0,
  offset: 0,
});

test('so many relayed bodies may be under way, and no more; those that are there go on', async () => {
  const relay = new Relay(async () => {});
  const first = relay.take('0', 60_000);
  for (let n = 0; n < 4096; n++) relay.arrive(open(`${n}`, 2), new Uint8Array(1));
  throws(
    () => relay.arrive(open('one more', 2), new Uint8Array(1)),
    ProtocolError,
    /4096 relayed bodies are under way/,
  );
  relay.arrive({ ...open('0', 2), offset: 1 }, new Uint8Array(1));
  assert.is((await first)[0]?.length, 2);
  relay.arrive(open('one more', 2), new Uint8Array(1));
});

test.run();
