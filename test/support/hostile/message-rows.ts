// Rows 13 to 19, and 21 to 23: peers that are let in, and send what no honest one sends.
import { setTimeout as pause } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { Dealer } from 'zeromq';
import { Client } from '../../../src/client/client.ts';
import type { SocketRole } from '../../../src/comm/transport.ts';
import { prefixed } from '../../../src/comm/unix/framing.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { newClientProof } from '../../../src/protocol/client-name.ts';
import type { ReplyMessage, TaskMessage } from '../../../src/protocol/messages.ts';
import { ChaosTransport } from '../chaos/chaos-proxy.ts';
import type { FaultRow, Seen } from '../faults/row.ts';
import { pattern } from '../links.ts';
import { cut, greeting, head } from './attack.ts';
import { forged, nested, tensor } from './forge.ts';
import { CHUNKS, FRAMES, RECORDS, SEQUENCES, UNFINISHED } from './packets.ts';
import type { Speaker } from './speaker.ts';
import { all, MIB, ROLES, type Target, target } from './target.ts';

/** The listener answers this with a goodbye: all that came before it has been looked at. */
const LAST_WORD = Buffer.alloc(5);
const LAST_BYTES = prefixed(LAST_WORD, 0).byteLength;

type PacketTable = Readonly<Record<string, readonly Buffer[][]>>;

/** The same as a stream on a Unix socket: each packet behind its prefix, its data after it. */
function streamOf(packets: readonly Buffer[][]): Buffer {
  const framed = packets.flatMap(([packet = Buffer.alloc(0), ...data]) => [
    prefixed(
      packet,
      data.reduce((sum, { byteLength }) => sum + byteLength, 0),
    ),
    ...data,
  ]);
  return Buffer.concat([...framed, prefixed(LAST_WORD, 0)]);
}

/** Sends them to each socket on Unix sockets, alone and one after the other: the first wrong one ends a connection. */
async function streams(victim: Target, tables: readonly PacketTable[]): Promise<void> {
  const lists = tables.flatMap((table) => Object.values(table));
  const inputs = [...lists, ...lists.flat().map((one) => [one])];
  for (const socket of ROLES) {
    for (let at = 0; at < inputs.length; at += 16) {
      await Promise.all(
        inputs.slice(at, at + 16).map((packets) => {
          const peer = victim.raw(socket);
          peer.write(streamOf(packets));
          return cut(peer);
        }),
      );
    }
  }
  await victim.serves();
}

/** Sends them to each socket of all clusters, past the link protocol: the sender is told to go, or cut. */
async function packets(tables: readonly PacketTable[]): Promise<Seen> {
  await streams(await target('unix'), tables);
  const inputs = tables.flatMap((table) => Object.values(table).flat());
  const victim = await target('tcp');
  await Promise.all(
    ROLES.map(async (socket) => {
      const dealer = new Dealer({ linger: 0, receiveTimeout: 60_000, ...victim.dealerKeys(socket) });
      dealer.connect(victim.endpoint(socket));
      // A few at a time: a listener owes strangers at most 64 goodbyes.
      for (let at = 0; at < inputs.length; at += 16) {
        for (const frames of [...inputs.slice(at, at + 16), [LAST_WORD]]) await dealer.send(frames);
        for (let said = ''; !said.includes('a packet of 5 bytes'); ) said = String((await dealer.receive())[0]);
      }
      dealer.close();
    }),
  );
  await victim.serves();
  return { note: `${inputs.length} inputs at each socket` };
}

/** Parts of 1 MiB in one message that a peer with a key sends. libzmq keeps them until the last one has come. */
const ENDLESS = 2000;
/** It is cut long before. */
const MOST = 1000 * MIB;

/** Packets that are none, small and large: everybody is served meanwhile. A message without end is cut. */
async function manyParts(): Promise<Seen> {
  const small = await packets([FRAMES]);
  const victim = await target('tcp');
  const parts = new Array<Buffer>(ENDLESS).fill(Buffer.alloc(MIB));
  const grown = await victim.growth(async (measure) => {
    for (const socket of ROLES) {
      const dealer = new Dealer({ linger: 0, ...victim.dealerKeys(socket) });
      const cut = new Promise((resolve) => void dealer.events.on('disconnect', resolve));
      dealer.connect(victim.endpoint(socket));
      void dealer.send(parts).catch(() => {});
      for (let isOver = false; !isOver; measure()) {
        await victim.serves();
        isOver = await Promise.race([cut.then(() => true), pause(10).then(() => false)]);
      }
      dealer.close();
    }
  });
  assert.ok(grown < MOST, `${Math.round(grown / MIB)} MiB`);
  return {
    note: `${small.note}; parts without end of a peer with a key: at most ${Math.round(grown / MIB)} MiB until it is cut`,
  };
}

/** Raw messages over a good link to each socket; what the tasks socket says to them. */
async function headers(messages: (socket: SocketRole) => readonly (Buffer | string)[]): Promise<Seen> {
  for (const victim of await all()) {
    for (const socket of ROLES) {
      const speaker = victim.speak(socket);
      const said = messages(socket);
      for (const message of said) speaker.raw([Buffer.from(message)]);
      if (socket === 'tasks') {
        const told = () => speaker.heard.filter(({ type }) => type === 'dropped').length;
        while (told() < said.length) await speaker.hear('dropped', () => told() === said.length);
      }
      await speaker.close();
    }
    await victim.serves();
  }
  return {};
}

const deep = (levels: number) => `{"v":1,"type":"fetch","id":${'['.repeat(levels)}${']'.repeat(levels)}}`;

const BAD_HEADERS = [
  '',
  Buffer.from([0xff, 0xfe, 0x80, 0x80]),
  'no JSON',
  '5',
  'null',
  '"text"',
  '[1]',
  '{}',
  '{"v":1}',
  '{"v":1,"type":"__proto__"}',
  '{"v":1,"type":"constructor"}',
  JSON.stringify({ v: 1, type: 'fetch', id: 'x'.repeat(64 * 1024) }),
  deep(20_000),
];

const PROTO = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}';

/** Keys that pollute, in headers and in values. */
async function polluted(): Promise<Seen> {
  const each: Readonly<Record<SocketRole, string>> = {
    tasks: `{"v":1,"type":"fetch",${PROTO},"id":{${PROTO}}}`,
    control: `{"v":1,"type":"status","id":1,"to":"u",${PROTO}}`,
    peers: `{"v":1,"type":"mail","from":1,"tag":"u:x",${PROTO}}`,
    roster: `{"v":1,"type":"hello","client":"c",${PROTO}}`,
    registry: `{"v":1,"type":"heartbeat","uuid":"nobody",${PROTO}}`,
  };
  await headers((socket) => [each[socket]]);
  for (const victim of await all()) {
    const value = JSON.parse(`{${PROTO},"a":[{${PROTO}}]}`);
    await victim.rc.view(0).push({ polluting: value });
    assert.equal(JSON.stringify(await victim.rc.view(0).pull('polluting')), JSON.stringify(value));
    await victim.rc.view(0).clear();
    await victim.serves();
  }
  assert.is(({} as { polluted?: unknown }).polluted, undefined);
  return {};
}

/** A CURVE handshake whose box is wrong, cut off or empty: the part of a MAC. */
async function boxes(): Promise<Seen> {
  const victim = await target('tcp');
  const whole = Buffer.concat([Buffer.from('\x05HELLO'), Buffer.from([1, 0]), Buffer.alloc(72), Buffer.alloc(120, 7)]);
  for (const body of [whole, whole.subarray(0, 100), Buffer.from('\x05HELLO'), Buffer.alloc(0)]) {
    await Promise.all(
      ROLES.map(async (socket) => {
        const peer = victim.raw(socket);
        const closed = new Promise((resolve) => peer.on('close', resolve));
        peer.write(Buffer.concat([greeting('CURVE'), head(6, BigInt(body.length)), body]));
        await closed;
      }),
    );
  }
  await victim.serves();
  return {};
}

/** One bit of a payload turned on its way, after authentication. */
async function turnedBit(): Promise<Seen> {
  const victim = await target('tcp');
  const network = new ChaosTransport(zeromqTransport({ credentials: victim.keys('client'), chunkBytes: 2 ** 20 }));

  const rc = await Client.connect(victim.file, { transport: network });
  const data = pattern(8 * 2 ** 20);
  await rc.view(0).apply(() => 1);
  network.at(victim.record.tasks).up.set({ corruptAfter: 3 * 2 ** 20 });
  await rc.view(0).push({ data });
  network.at(victim.record.tasks).down.set({ corruptAfter: 3 * 2 ** 20 });
  const back = await rc.view(0).pull<Uint8Array>('data');
  assert.ok(Buffer.from(data).equals(back), 'what arrives is what was sent');
  await rc.view(0).clear();
  await rc.close();
  await network.close();
  await victim.serves();
  return {};
}

/** The same request over its link, over another one, for another incarnation, and after its reply. */
async function replayed(): Promise<Seen> {
  for (const victim of await all()) {
    const proof = newClientProof();
    const task: TaskMessage = {
      type: 'task',
      id: `${proof.client}:1`,
      to: victim.record.uuid,
      method: 'apply',
      label: 'apply',
    };
    const count = { fn: () => Reflect.set(globalThis, 'runs', (Reflect.get(globalThis, 'runs') ?? 0) + 1), args: [] };
    const speakers = [victim.speak('tasks'), victim.speak('tasks')] as [Speaker, Speaker];
    for (const speaker of speakers) {
      speaker.say({ type: 'hello', ...proof });
      for (let n = 0; n < 3; n++) speaker.say(task, count);
      await speaker.hear('reply');
      speaker.say(task, count);
      speaker.say({ ...task, id: `${proof.client}:2`, to: 'an earlier one' }, count);
      const { error } = await speaker.hear('reply', ({ status }) => status === 'refused');
      assert.match(error?.message ?? '', /incarnation an earlier one/);
    }
    const thief = victim.speak('tasks');
    thief.say({ ...task, id: `${proof.client}:3` }, count);
    await thief.hear('dropped');
    await Promise.all([...speakers, thief].map((speaker) => speaker.close()));
    assert.is(await victim.rc.view(0).apply(() => Reflect.get(globalThis, 'runs') as number), 1, 'it ran once');
    await victim.rc.view(0).clear();
  }
  return {};
}

/** Numbers that are none: in packets, and in headers. */
async function sequences(): Promise<Seen> {
  await packets([SEQUENCES]);
  const id = (text: string) => `{"v":1,"type":"ping","id":${text},"to":"u"}`;
  return headers((socket) =>
    socket === 'control' ? ['9007199254740992', '-1', '0.5', '1e999', '"1"', 'null'].map(id) : [],
  );
}

const HEADS = [
  ['float32', -1],
  ['float32', 2 ** 31, 2 ** 31],
  ['float32', 0],
  ['float32', Number.NaN],
  ['float32', '2'],
  ['float32', 3],
  ['quaternion', 2],
  ['__proto__', 2],
];

/** A task by hand, past the checks of the client. */
async function reply(speaker: Speaker, message: TaskMessage, ...body: readonly Uint8Array[]): Promise<ReplyMessage> {
  speaker.raw([Buffer.from(JSON.stringify({ v: 1, ...message })), ...body]);
  return speaker.hear('reply', ({ id }) => id === message.id);
}

let sent = 0;
const byHand = ({ record }: Target, method: TaskMessage['method']): TaskMessage => ({
  type: 'task',
  id: `by-hand:${sent++}`,
  to: record.uuid,
  method,
  label: method,
});

async function shapes(): Promise<Seen> {
  for (const victim of await all()) {
    const speaker = victim.speak('tasks');
    for (const shape of HEADS) {
      const body = forged((host) => ({ names: ['forged'], values: [host(tensor(shape, 8))] }));
      const { status, error } = await reply(speaker, byHand(victim, 'push'), body);
      assert.is(status, 'error', JSON.stringify(shape));
      assert.match(error?.message ?? '', /shape|dtype|tensor/);
    }
    for (const body of [nested(200_000), Buffer.from('garbage'), Buffer.alloc(0)])
      assert.is((await reply(speaker, byHand(victim, 'push'), body)).status, 'error');
    await speaker.close();
    assert.is(await victim.rc.view(0).pull('typeof forged'), 'undefined');
    await victim.serves();
  }
  return { note: `${HEADS.length} shapes` };
}

async function chunks(): Promise<Seen> {
  const seen = await packets([CHUNKS, RECORDS]);
  const [tcp, unix] = (await all()) as [Target, Target];
  const dealer = new Dealer({ linger: 0, ...tcp.dealerKeys('tasks') });
  dealer.connect(tcp.endpoint('tasks'));
  for (const frames of UNFINISHED) await dealer.send(frames);
  await relayed(tcp);
  dealer.close();
  await tcp.serves();
  const peer = unix.raw('tasks');
  peer.write(streamOf(UNFINISHED).subarray(0, -LAST_BYTES));
  await relayed(unix);
  peer.destroy();
  await unix.serves();
  return seen;
}

/** Relayed chunks out of order, twice, out of range, or of bodies that nobody can hold. */
async function relayed(victim: Target): Promise<void> {
  const speaker = victim.speak('tasks');
  const base = { v: 1, type: 'relay', chain: [], sizes: [8, 8], part: 0, offset: 0 };
  const cases = [
    { key: 'hand.1', offset: 4 },
    { key: 'hand.2', part: 1 },
    { key: 'hand.3', part: 7 },
    { key: 'hand.4', offset: 9_007_199_254_740_991 },
    { key: 'hand.5', sizes: [2 ** 40] },
    { key: 'hand.6', sizes: Array(2000).fill(2 ** 34) },
  ];
  for (const one of cases) {
    speaker.raw([Buffer.from(JSON.stringify({ ...base, ...one })), Buffer.alloc(8)]);
    await speaker.hear(
      'dropped',
      ({ reason }) => /relayed/.test(reason) && speaker.heard.length >= cases.indexOf(one) + 1,
    );
  }
  await speaker.close();
}

const NAMES = [
  '__proto__',
  '../../x',
  'x'.repeat(2 ** 20),
  '',
  'a\u0000b',
  '\u001b[31m',
  'constructor.prototype.polluted',
  '__proto__.polluted',
  'a..b',
  '5',
];

async function names(): Promise<Seen> {
  for (const victim of await all()) await namesAt(victim);
  return { note: `${NAMES.length} names` };
}

async function namesAt(victim: Target): Promise<void> {
  const speaker = victim.speak('tasks');
  for (const name of NAMES) {
    const { status, error } = await reply(
      speaker,
      byHand(victim, 'push'),
      forged(() => ({ names: [name], values: [1] })),
    );
    assert.is(status, 'error', JSON.stringify(name.slice(0, 40)));
    assert.ok((error?.message.length ?? 0) < 2000, 'the error is short');
  }
  for (const bad of [
    { names: [{}], values: [1] },
    { names: 'a', values: 5 },
    { names: { length: 2 ** 32 }, values: [] },
    5,
    null,
  ])
    assert.is(
      (
        await reply(
          speaker,
          byHand(victim, 'push'),
          forged(() => bad),
        )
      ).status,
      'error',
    );
  await speaker.close();
  await victim.serves();
}

/** Rows 13 to 19, and 21 to 23. */
export const MESSAGE_ROWS: readonly FaultRow[] = [
  {
    number: 13,
    fault: 'missing, empty and surplus frames, messages of 10,000 parts and of parts without end',
    expected: 'told to go; others are served',
    run: manyParts,
  },
  {
    number: 14,
    fault: 'headers that are no UTF-8, no JSON, scalars, over 64 KiB, nested 20,000 deep',
    expected: 'dropped, and clients are told; the conversation goes on',
    run: () => headers(() => BAD_HEADERS),
  },
  {
    number: 15,
    fault: 'keys __proto__ and constructor.prototype in headers and values',
    expected: 'nothing is polluted; values arrive as they are',
    run: polluted,
  },
  { number: 16, fault: 'a handshake whose box (MAC) is wrong, cut off, empty', expected: 'cut', run: boxes },
  {
    number: 17,
    fault: 'one bit of a payload turned, with keys',
    expected: 'the link breaks, and the data arrives as it was sent',
    run: turnedBit,
  },
  {
    number: 18,
    fault: 'a request again: same link, another one, another incarnation, a thief',
    expected: 'runs once; refused',
    run: replayed,
  },
  {
    number: 19,
    fault: 'numbers with gaps, negative, 2^53, no numbers',
    expected: 'told to go, or dropped',
    run: sequences,
  },
  {
    number: 21,
    fault: 'tensors of impossible shapes, lengths and dtypes',
    expected: 'an error of the task, before memory is taken',
    run: shapes,
  },
  {
    number: 22,
    fault: 'chunks that overlap, lie outside, come twice, never end',
    expected: 'told to go, or dropped; others are served',
    run: chunks,
  },
  {
    number: 23,
    fault: 'names like __proto__, ../../x, 1 MB, empty, control characters',
    expected: 'an error of the task',
    run: names,
  },
];
