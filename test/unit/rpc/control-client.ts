// The control client over the in-process transport, against an engine that answers as it is told.
import * as assert from 'uvu/assert';
import { memoryTransport } from '../../../src/comm/memory.ts';
import type { Listener } from '../../../src/comm/transport.ts';
import { ConnectionError, TimeoutError } from '../../../src/errors.ts';
import type { ControlReply, ControlRequest } from '../../../src/protocol/messages/control.ts';
import { type Channel, listenChannels } from '../../../src/rpc/channel.ts';
import { ControlClient } from '../../../src/rpc/control-client.ts';
import { CONTROL } from '../../../src/rpc/conversations.ts';
import { rejects, throws } from '../../support/assert.ts';
import { waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('control client');
const transport = memoryTransport();
const STATUS = { uuid: 'u', pid: 1, running: null, queue: [], completed: 7, outbox: [], rss: 1 };

type Answer = (request: ControlRequest) => Partial<ControlReply> | undefined;

/** A control thread. `undefined` as an answer: it says nothing. */
class Thread {
  readonly asked: ControlRequest[] = [];
  readonly peers = new Set<Channel<ControlReply>>();
  answer: Answer = ({ type }) => (type === 'status' ? { value: STATUS } : {});
  listener!: Listener;

  static async listen(endpoint = 'memory://*'): Promise<Thread> {
    const thread = new Thread();
    thread.listener = await listenChannels(
      { transport, endpoint, conversation: CONTROL },
      { message: (request, _, channel) => request.type !== 'hello' && thread.#take(request, channel) },
    );
    return thread;
  }

  #take(request: ControlRequest, channel: Channel<ControlReply>): void {
    this.asked.push(request);
    this.peers.add(channel);
    const answer = this.answer(request);
    if (answer !== undefined) void channel.send({ type: 'control-reply', id: request.id, ok: true, ...answer });
  }
}

async function withThread(run: (thread: Thread, client: ControlClient) => Promise<void>): Promise<void> {
  const thread = await Thread.listen();
  const client = new ControlClient(transport, { id: 3, uuid: 'u', control: thread.listener.endpoint });
  try {
    await run(thread, client);
  } finally {
    await client.close();
    await thread.listener.close();
  }
}

test('requests carry the incarnation, and answers find those who asked', () =>
  withThread(async (thread, client) => {
    const [status, ping] = await Promise.all([client.ask({ type: 'status' }), client.ask({ type: 'ping' })]);
    assert.is(status.completed, 7);
    assert.is(ping, undefined);
    assert.equal(
      thread.asked.map(({ type, to }) => [type, to]),
      [
        ['status', 'u'],
        ['ping', 'u'],
      ],
    );
    assert.is(thread.peers.size, 1, 'one link for both');
  }));

test('the link opens with the first request, or when told to', () =>
  withThread(async (thread, client) => {
    const lazy = new ControlClient(transport, { id: 4, uuid: 'u', control: 'tcp://nowhere' });
    throws(() => lazy.connect(), ConnectionError, /tcp:\/\/nowhere/);
    await rejects(() => lazy.ask({ type: 'ping' }), ConnectionError, /tcp:\/\/nowhere/);
    client.connect();
    await client.ask({ type: 'ping' });
    assert.is(thread.peers.size, 1);
  }));

test('a refusal is a ConnectionError that names the engine', () =>
  withThread(async (thread, client) => {
    thread.answer = () => ({ ok: false, error: 'this is engine incarnation v, not u' });
    await rejects(() => client.ask({ type: 'ping' }), ConnectionError, /^engine 3: this is engine incarnation v/);
  }));

test('silence ends in a TimeoutError that names the engine and the request', () =>
  withThread(async (thread, client) => {
    thread.answer = ({ type }) => (type === 'ping' ? undefined : { value: STATUS });
    const ping = client.ask({ type: 'ping' }, 30);
    assert.is((await client.ask({ type: 'status' })).completed, 7, 'others are answered');
    await rejects(() => ping, TimeoutError, /^engine 3 did not answer 'ping' within 30 ms$/);
  }));

test('a link that breaks fails what waits on it; the next request opens another one', () =>
  withThread(async (thread, client) => {
    thread.answer = () => undefined;
    const lost = client.ask({ type: 'status' });
    await waitFor(() => thread.asked.length === 1, 'the request');
    for (const peer of thread.peers) void peer.close();
    await rejects(() => lost, ConnectionError, /^the control link to engine 3 broke: /);
    thread.answer = () => ({ value: STATUS });
    assert.is((await client.ask({ type: 'status' })).completed, 7);
    assert.is(thread.peers.size, 2);
  }));

test('closing fails what waits and what comes later, with the reason that is given', () =>
  withThread(async (thread, client) => {
    thread.answer = () => undefined;
    const waiting = client.ask({ type: 'status' });
    await waitFor(() => thread.asked.length === 1, 'the request');
    const closed = client.close(new ConnectionError('engine 3 is gone (was killed by SIGKILL)'));
    await rejects(() => waiting, ConnectionError, /^engine 3 is gone \(was killed by SIGKILL\)$/);
    await closed;
    await client.close(new ConnectionError('another reason'));
    await rejects(() => client.ask({ type: 'ping' }), ConnectionError, /^engine 3 is gone/);
    assert.is(thread.asked.length, 1);
  }));

test.run();
