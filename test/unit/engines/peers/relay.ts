// The way of a relayed body on one engine: whom it goes to, and into which memory.
import { setImmediate as turn } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { BLOCK_BYTES } from '../../../../engines/peers/arriving-body.ts';
import { Relay } from '../../../../engines/peers/relay.ts';
import type { Header, RelayMessage } from '../../../../src/protocol/messages.ts';
import { RELAY_BYTES, relayChunks } from '../../../../src/protocol/relay-chunks.ts';
import { deferred } from '../../../../src/util/deferred.ts';
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

test('those of this machine get large blocks, a network each chunk at once; each gets every byte once', async () => {
  const bytes = 2 * BLOCK_BYTES + 5 * MIB;
  const memory = new Uint8Array(bytes);
  const passed = new Map<number, [offset: number, bytes: number][]>([
    [2, []],
    [20, []],
  ]);
  const passOn = async (to: number, { offset }: RelayMessage, chunk: Uint8Array) => {
    assert.is(chunk.buffer, memory.buffer, 'it is passed on from its place');
    passed.get(to)?.push([offset, chunk.byteLength]);
  };
  const relay = new Relay(passOn, { isNear: (id) => id < 10, memory: () => memory });
  for (const { message, chunk } of relayChunks('k', [2, 20], [new Uint8Array(bytes).fill(7)]))
    relay.arrive(message, chunk);
  assert.is(passed.get(20)?.length, Math.ceil(bytes / RELAY_BYTES));
  assert.equal(passed.get(2), [
    [0, BLOCK_BYTES],
    [BLOCK_BYTES, BLOCK_BYTES],
    [2 * BLOCK_BYTES, 5 * MIB],
  ]);
  assert.is(memory[bytes - 1], 7);
  await relay.take('k', 1000);
});

test('each part ends a block', () => {
  const passed: (readonly [part: number, offset: number, bytes: number])[] = [];
  const passOn = async (_: number, { part, offset }: RelayMessage, chunk: Uint8Array) =>
    void passed.push([part, offset, chunk.byteLength]);
  const relay = new Relay(passOn, { isNear: () => true });
  const body = [3 * MIB, 8, MIB].map((size) => new Uint8Array(size));
  for (const { message, chunk } of relayChunks('k', [2], body)) relay.arrive(message, chunk);
  assert.equal(passed, [
    [0, 0, 3 * MIB],
    [1, 0, 8],
    [2, 0, MIB],
  ]);
});

test('a task gets the memory when the others have read it there', async () => {
  const [read, memory] = [deferred<void>(), new Uint8Array(MIB)];
  const relay = new Relay(() => read.promise, { memory: () => memory });
  relay.arrive(chunkOf([3]), new Uint8Array(MIB));
  let isTaken = false;
  const taken = relay.take('k', 1000).then((body) => {
    isTaken = true;
    return body;
  });
  await turn();
  assert.not(isTaken);
  read.resolve();
  assert.is((await taken)[0], memory);
});

test('a link that ends counts as read: the engine behind it asks the client', async () => {
  const memory = new Uint8Array(MIB);
  const relay = new Relay(async () => Promise.reject(new Error('gone')), { memory: () => memory });
  relay.arrive(chunkOf([3]), new Uint8Array(MIB));
  assert.is((await relay.take('k', 1000))[0], memory);
});

test('where another one is stopped or computes, its task gets a copy, and the other one may go on reading', async () => {
  // As engines give it.
  const memory = Buffer.allocUnsafeSlow(MIB);
  let passed: Uint8Array | undefined;
  const passOn = (_to: number, _message: RelayMessage, chunk: Uint8Array) => {
    passed = chunk;
    return new Promise<void>(() => {});
  };
  const relay = new Relay(passOn, { memory: () => memory });
  relay.arrive(chunkOf([3]), new Uint8Array(MIB).fill(5));
  const [own] = await relay.take('k', 1000);
  assert.is.not(own?.buffer, memory.buffer);
  own?.fill(9);
  assert.equal([own?.byteLength, passed?.[0], passed?.[MIB - 1]], [MIB, 5, 5]);
});

test('a chunk is read into its place, whether it goes on or not; it is not copied again', async () => {
  for (const chain of [[], [3]]) {
    const memory = new Uint8Array(MIB);
    const relay = new Relay(async () => {}, { memory: () => memory });
    const message = chunkOf(chain, 0, MIB / 2);
    relay.arrive(chunkOf(chain), new Uint8Array(MIB / 2).fill(1));
    const there = relay.destination(() => message, MIB / 2) as Uint8Array;
    assert.is(there.buffer, memory.buffer);
    assert.is(there.byteOffset, MIB / 2);
    there.fill(2);
    relay.arrive(message, there);
    const [body] = await relay.take('k', 1000);
    assert.is(body, memory);
    assert.equal([memory[0], memory[MIB / 2 - 1], memory[MIB / 2], memory[MIB - 1]], [1, 1, 2, 2]);
  }
});

test('a chunk that is small, stands nowhere, or belongs to another message gets memory of its own', () => {
  const relay = new Relay(async () => {});
  const place = (message: Header, bytes = MIB / 2) => relay.destination(() => message, bytes);
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
