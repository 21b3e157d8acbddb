import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { noneProvider } from '../../../engines/contexts/host/none.ts';
import { Registration } from '../../../engines/control/registration.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import type { Listener, Transport } from '../../../src/comm/transport.ts';
import type { Body } from '../../../src/protocol/codec.ts';
import type { EngineOptions } from '../../../src/protocol/engine-options.ts';
import type { ControlReply, ControlRequest } from '../../../src/protocol/messages/control.ts';
import type { HelloMessage } from '../../../src/protocol/messages/hello.ts';
import type { TasksInbound, TasksOutbound } from '../../../src/protocol/messages.ts';
import { type Channel, listenChannels } from '../../../src/rpc/channel.ts';
import { CONTROL, PEERS, TASKS } from '../../../src/rpc/conversations.ts';

const NO_OUTPUT = { stdout: '', stderr: '' };

/** A transport that counts the messages which reach this process, without heartbeats: those grow with time. */
export interface CountingTransport extends Transport {
  /** Messages so far. */
  received(): number;
}

/** The transport of a cluster; it counts the messages that come, but no heartbeats. */
export function countingTransport(): CountingTransport {
  const inner = clusterTransport();
  let count = 0;
  const counted = <H extends Parameters<Transport['connect']>[1]>(handlers: H): H => ({
    ...handlers,
    onMessage: (parts: Uint8Array[], link: Parameters<H['onMessage']>[1]) => {
      if (!isHeartbeat(parts)) count++;
      handlers.onMessage(parts, link);
    },
  });
  return {
    ...inner,
    listen: (endpoint, handlers, socket) => inner.listen(endpoint, counted(handlers), socket),
    connect: (endpoint, handlers, socket) => inner.connect(endpoint, counted(handlers), socket),
    received: () => count,
  };
}

function isHeartbeat([header]: readonly Uint8Array[]): boolean {
  return header !== undefined && Buffer.from(header).includes('"type":"heartbeat"');
}

/** Where light engines register, and where their sockets are. */
export interface LightOptions {
  readonly registry: string;
  /** A private folder; `name` begins the names of the sockets in it. */
  readonly folder: string;
  readonly name: string;
}

/**
 * An engine without a process of its own: many of them fit into one. It registers, sends heartbeats and answers as an engine
 * does; each task ends at once with undefined.
 */
export class LightEngine {
  readonly #uuid = randomUUID();
  readonly #transport: Transport;
  readonly #options: EngineOptions;
  readonly #registration: Registration;
  readonly #listeners: Listener[] = [];

  constructor(transport: Transport, { registry, folder, name }: LightOptions) {
    this.#transport = transport;
    const at = (socket: string) => `unix://${folder}/${name}.${socket}`;
    const ends = { tasks: at('t'), control: at('c'), peers: at('p') };
    this.#options = { controller: registry, ...ends, device: 'none', threads: 1 };
    this.#registration = new Registration(transport, this.#options, {
      registered: () => {},
      roster: () => {},
      stop: () => {},
      clientGone: () => {},
      retire: () => false,
    });
  }

  /** Listens and registers. */
  async start(): Promise<void> {
    const { tasks, control, peers, threads } = this.#options;
    const transport = this.#transport;
    this.#listeners.push(
      await listenChannels({ transport, endpoint: tasks, conversation: TASKS }, { message: answerTask }),
      await listenChannels({ transport, endpoint: peers, conversation: PEERS }, { message: () => {} }),
      await listenChannels(
        { transport, endpoint: control, conversation: CONTROL },
        { message: (request, _, channel) => this.#answer(request, channel) },
      ),
    );
    const device = await noneProvider.report({ threads });
    const identity = { uuid: this.#uuid, pid: process.pid, host: hostname() };
    this.#registration.register({ ...identity, tasks, control, peers, device });
  }

  #answer(request: HelloMessage | ControlRequest, channel: Channel<ControlReply>): void {
    if (request.type === 'hello') return;
    const lists = { queue: [], outbox: [] };
    const status = { uuid: this.#uuid, pid: process.pid, running: null, completed: 0, rss: 0, ...lists };
    const value = request.type === 'status' ? status : undefined;
    void channel.send({ type: 'control-reply', id: request.id, ok: true, value });
  }

  /** Says goodbye. */
  async stop(): Promise<void> {
    await this.#registration.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }
}

function answerTask(message: TasksInbound, _: Body, channel: Channel<TasksOutbound>): void {
  if (message.type !== 'task') return;
  const now = Date.now();
  const metadata = { started: now, completed: now, ...NO_OUTPUT };
  void channel.send({ type: 'reply', id: message.id, status: 'ok', metadata });
}
