// Channels over the in-process transport: what passes, what is refused, and who is told.
import * as assert from 'uvu/assert';
import { memoryTransport } from '../../../src/comm/memory.ts';
import type { Listener, Parts } from '../../../src/comm/transport.ts';
import { ConnectionError, ProtocolError } from '../../../src/errors.ts';
import type { Body } from '../../../src/protocol/codec.ts';
import { anyOf } from '../../../src/protocol/fields.ts';
import { encodeMessage } from '../../../src/protocol/header-codec.ts';
import {
  type Header,
  PEERS_INBOUND,
  type PeersInbound,
  TASKS_INBOUND,
  TASKS_OUTBOUND,
  type TasksOutbound,
} from '../../../src/protocol/messages.ts';
import { type Channel, type ChannelHandlers, listenChannels, openChannel } from '../../../src/rpc/channel.ts';
import type { Conversation } from '../../../src/rpc/conversations.ts';
import { rejects, throws } from '../../support/assert.ts';
import { pattern, sameParts, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('channel');
const transport = memoryTransport();

type TasksInbound = PeersInbound | Extract<Header, { type: 'hello' | 'task' | 'body' | 'fetch' }>;

/** Everything that an engine takes, on one socket. */
const TASKS: Conversation<TasksInbound, TasksOutbound> = {
  name: 'tasks',
  inbound: anyOf('type', TASKS_INBOUND, PEERS_INBOUND),
  outbound: TASKS_OUTBOUND,
};

/** Keeps everything that a side is told. */
class Side<In extends Header, Out extends Header> implements ChannelHandlers<In, Out> {
  readonly heard: { readonly message: In; readonly body: Body; readonly channel: Channel<Out> }[] = [];
  readonly downs: { readonly reason: Error; readonly channel: Channel<Out> }[] = [];
  readonly drops: Error[] = [];

  readonly message = (message: In, body: Body, channel: Channel<Out>) => {
    this.heard.push({ message, body, channel });
  };
  readonly down = (reason: Error, channel: Channel<Out>) => {
    this.downs.push({ reason, channel });
  };
  readonly dropped = (error: Error) => {
    this.drops.push(error);
  };

  async until(n: number): Promise<this> {
    await waitFor(() => this.heard.length >= n, `${n} messages`);
    return this;
  }
}

const MAIL = { type: 'mail', from: 1, tag: 't' } as const;
const NEED = { type: 'need', id: 'c:1' } as const;

async function withListener(
  run: (engine: Side<TasksInbound, TasksOutbound>, endpoint: string, listener: Listener) => Promise<void>,
): Promise<void> {
  const engine = new Side<TasksInbound, TasksOutbound>();
  const listener = await listenChannels({ transport, endpoint: 'memory://*', conversation: TASKS }, engine);
  try {
    await run(engine, listener.endpoint, listener);
  } finally {
    await listener.close();
  }
}

function open(endpoint: string, handlers: ChannelHandlers<TasksOutbound, TasksInbound>): Channel<TasksInbound> {
  return openChannel({ transport, endpoint, conversation: TASKS }, 'engine 3', handlers);
}

/** A peer that sends what it likes, as bytes. */
function stranger(endpoint: string): { send(parts: Parts): void; close(): Promise<void> } {
  const link = transport.connect(endpoint, { onMessage: () => {} });
  return { send: (parts) => void link.send(parts), close: () => link.close() };
}

test('messages and bodies go both ways', () =>
  withListener(async (engine, endpoint) => {
    const client = new Side<TasksOutbound, TasksInbound>();
    const channel = open(endpoint, client);
    const body = [pattern(100), pattern(200_000, 2)];
    await channel.send(MAIL, body);
    await channel.send({ type: 'fetch', id: 'c:1' });
    await engine.until(2);
    assert.equal(
      engine.heard.map(({ message }) => message),
      [MAIL, { type: 'fetch', id: 'c:1' }],
    );
    assert.ok(sameParts(engine.heard[0]!.body, body));
    assert.equal(engine.heard[1]!.body, []);
    await engine.heard[0]!.channel.send(NEED);
    await client.until(1);
    assert.equal(client.heard[0]!.message, NEED);
    assert.is(client.heard[0]!.channel, channel);
    assert.equal([...client.drops, ...engine.drops], []);
    await channel.close();
  }));

test('each peer has a channel of its own, the same for all its messages', () =>
  withListener(async (engine, endpoint) => {
    const [a, b] = [open(endpoint, new Side()), open(endpoint, new Side())];
    for (const tag of ['1', '2']) for (const channel of [a, b]) void channel.send({ ...MAIL, tag });
    await engine.until(4);
    const channels = engine.heard.map(({ channel }) => channel);
    assert.is(new Set(channels).size, 2);
    assert.is(channels.filter((channel) => channel === channels[0]).length, 2);
    await Promise.all([a.close(), b.close()]);
  }));

test('a kind that the other side may not send is refused, and the conversation goes on', () =>
  withListener(async (engine, endpoint) => {
    const peer = stranger(endpoint);
    peer.send(encodeMessage(NEED));
    peer.send(encodeMessage({ type: 'ping', id: 1, to: 'uuid' }));
    peer.send(encodeMessage({ type: 'cluster', request: 1, verb: { do: 'stop' } }));
    peer.send(encodeMessage(MAIL));
    await engine.until(1);
    assert.equal(
      engine.heard.map(({ message }) => message),
      [MAIL],
    );
    assert.equal(
      engine.drops.map((error) => [error.constructor, /'(\S+)'|"(\S+)"/.exec(error.message)?.slice(1).join('')]),
      [
        [ProtocolError, 'need'],
        [ProtocolError, 'ping'],
        [ProtocolError, 'cluster'],
      ],
    );
    await peer.close();
  }));

test('a client does not take what only clients send', () =>
  withListener(async (engine, endpoint) => {
    const client = new Side<TasksOutbound, TasksInbound>();
    const channel = open(endpoint, client);
    void channel.send(MAIL);
    await engine.until(1);
    // A broken engine may do things that the types forbid.
    void (engine.heard[0]!.channel as Channel<Header>).send({ type: 'fetch', id: 'c:1' });
    void engine.heard[0]!.channel.send(NEED);
    await client.until(1);
    assert.equal(
      client.heard.map(({ message }) => message),
      [NEED],
    );
    assert.is(client.drops.length, 1);
    assert.match(client.drops[0]!.message, /fetch/);
    await channel.close();
  }));

test('bytes that are no message are dropped, and who sent them goes on', () =>
  withListener(async (engine, endpoint) => {
    const peer = stranger(endpoint);
    peer.send([Buffer.from('GET / HTTP/1.1')]);
    peer.send([]);
    peer.send([Buffer.from('{"v":1,"type":"mail","from":-1,"tag":"t"}')]);
    peer.send(encodeMessage(MAIL));
    await engine.until(1);
    assert.is(engine.drops.length, 3);
    assert.match(engine.drops[2]!.message, /from/);
    await peer.close();
  }));

test('what a handler throws is passed on, and the next message arrives', async () => {
  const drops: string[] = [];
  let calls = 0;
  const handlers: ChannelHandlers<TasksInbound, TasksOutbound> = {
    message: () => {
      if (++calls === 1) throw new Error('broken');
    },
    dropped: (error) => drops.push(error.message),
  };
  const listener = await listenChannels({ transport, endpoint: 'memory://*', conversation: TASKS }, handlers);
  const channel = open(listener.endpoint, { message: () => {} });
  void channel.send(MAIL);
  void channel.send(MAIL);
  await waitFor(() => calls === 2, 'both messages');
  assert.equal(drops, ['broken']);
  await channel.close();
  await listener.close();
});

test('the end of a link is told once, to the other side alone', () =>
  withListener(async (engine, endpoint) => {
    const client = new Side<TasksOutbound, TasksInbound>();
    const channel = open(endpoint, client);
    void channel.send(MAIL);
    await engine.until(1);
    await channel.close();
    await channel.close();
    await waitFor(() => engine.downs.length > 0, 'the end');
    assert.is(engine.downs.length, 1);
    assert.is(engine.downs[0]!.channel, engine.heard[0]!.channel);
    assert.equal(client.downs, []);
    await rejects(() => channel.send(MAIL), ConnectionError, /closed/);
  }));

test('a side that stops listening is gone for those who are connected', () =>
  withListener(async (engine, endpoint, listener) => {
    const client = new Side<TasksOutbound, TasksInbound>();
    const channel = open(endpoint, client);
    void channel.send(MAIL);
    await engine.until(1);
    await listener.close();
    await waitFor(() => client.downs.length > 0, 'the end');
    assert.is(client.downs[0]!.channel, channel);
  }));

test('a header over its limit is refused before it is sent', () =>
  withListener(async (engine, endpoint) => {
    const channel = open(endpoint, new Side());
    throws(() => channel.send({ ...MAIL, tag: 'x'.repeat(70_000) }), ProtocolError, /header of a mail has 70\d+ bytes/);
    void channel.send(MAIL);
    await engine.until(1);
    assert.equal(engine.heard[0]!.message, MAIL);
    await channel.close();
  }));

test('the side that connected chooses the memory of a large part by its header', () =>
  withListener(async (engine, endpoint) => {
    const memory = new Uint8Array(100_000);
    const asked: string[] = [];
    const heard: Body[] = [];
    const channel = open(endpoint, {
      message: (_, body) => heard.push(body),
      destination: (part, bytes, read) => {
        const message = read();
        asked.push(`${message.type} ${part} ${bytes}`);
        return message.type === 'output' && message.id === 'mine' ? memory : undefined;
      },
    });
    void channel.send(MAIL);
    await engine.until(1);
    const bytes = pattern(100_000);
    for (const id of ['theirs', 'mine']) {
      void engine.heard[0]!.channel.send({ type: 'output', id, stream: 'data' }, [bytes]);
    }
    await waitFor(() => heard.length === 2, 'both messages');
    assert.equal(asked, ['output 1 100000', 'output 1 100000']);
    assert.ok(sameParts(heard[0]!, [bytes]));
    assert.ok(sameParts(heard[1]!, [bytes]));
    assert.is.not(heard[0]![0]!.buffer, memory.buffer);
    assert.is(heard[1]![0]!.buffer, memory.buffer);
    await channel.close();
  }));

test('bytes that wait are counted, for back-pressure', () =>
  withListener(async (engine, endpoint) => {
    const channel = open(endpoint, new Side());
    assert.is(channel.pendingBytes, 0);
    const sent = channel.send(MAIL, [pattern(1_000_000)]);
    assert.ok(channel.pendingBytes >= 1_000_000);
    await sent;
    assert.is(channel.pendingBytes, 0);
    await engine.until(1);
    await channel.close();
  }));

test('an endpoint that nobody may connect to is refused at once', () => {
  throws(() => open('tcp://nowhere', { message: () => {} }), ConnectionError, /tcp:\/\/nowhere/);
});

test.run();
