// The way of a relayed body on one engine: whom it goes to, and into which memory.
import * as assert from 'uvu/assert';
import { Relay } from '../../../../engines/peers/relay.ts';
import type { Header, RelayMessage } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/peers/relay');
const MIB = 2 ** 20;

const chunkOf = (chain: readonly number[], part = 0, offset = 0): RelayMessage => ({
  type: 'relay',
  key: 'k',
  chain,
  sizes: [MIB],
  part,
  offset,
});

test('those of this machine that come next get a chunk each, and the first one behind them the rest of the chain', async () => {
  const passed: string[] = [];
  const passOn = async (to: number, { chain }: RelayMessage) => void passed.push(`${to}: ${chain}`);
  const relay = new Relay(passOn, { isNear: (id) => id < 10 });
  relay.arrive(chunkOf([2, 3, 20, 4, 21]), new Uint8Array(MIB));
  assert.equal(passed, ['20: 4,21', '2: ', '3: ']);
  passed.length = 0;
  await relay.start('other', [4, 5], [new Uint8Array(8)]);
  assert.equal(passed, ['4: ', '5: ']);
});

test('the last ones read a chunk into its place; it is not copied again', async () => {
  const memory = new Uint8Array(MIB);
  const relay = new Relay(async () => {}, { memory: () => memory });
  const message = chunkOf([], 0, MIB / 2);
  relay.arrive(chunkOf([]), new Uint8Array(MIB / 2).fill(1));
  const there = relay.destination(() => message, MIB / 2) as Uint8Array;
  assert.is(there.buffer, memory.buffer);
  assert.is(there.byteOffset, MIB / 2);
  there.fill(2);
  relay.arrive(message, there);
  const [body] = await relay.take('k', 1000);
  assert.is(body, memory);
  assert.equal([memory[0], memory[MIB / 2 - 1], memory[MIB / 2], memory[MIB - 1]], [1, 1, 2, 2]);
});

test('a chunk that goes on, is small, stands nowhere, or belongs to another message gets memory of its own', () => {
  const relay = new Relay(async () => {});
  const place = (message: Header, bytes = MIB / 2) => relay.destination(() => message, bytes);
  assert.is(place(chunkOf([3])), undefined);
  assert.is(place(chunkOf([]), 100), undefined);
  assert.is(place(chunkOf([], 0, MIB)), undefined);
  assert.is(place(chunkOf([], 7)), undefined);
  assert.is(place({ type: 'mail', from: 1, tag: 't' }), undefined);
  const unreadable = () => {
    throw new Error('no header');
  };
  assert.is(relay.destination(unreadable, MIB / 2), undefined);
});

test.run();
