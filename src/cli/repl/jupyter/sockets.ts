// The five sockets of a kernel. They belong to Jupyter's protocol, not to ours, so they are not in comm.
import { Publisher, Reply, Router } from 'zeromq';
import { type GuardedSocket, guardMessages } from '../../../comm/zeromq/message-guard.ts';
import { addressOf, type JupyterConnection, type SocketName } from './connection-file.ts';

/** The sockets on which front ends ask. */
export type AskingChannel = 'shell' | 'control' | 'stdin';
/** The sockets on which the kernel sends. */
export type KernelChannel = AskingChannel | 'iopub';

/** Takes the frames of one message. */
export type OnFrames = (channel: AskingChannel, frames: Uint8Array[]) => void;

/** Bytes of a part: a signature is looked at when the whole message has come, and on tcp every user of this machine may connect. */
const MAX_PART = 16 * 1024 * 1024;
const BOUNDS = { maxMessageSize: MAX_PART, handshakeInterval: 5000 } as const;

/** The sockets of one connection. Messages of one channel leave in order; the heartbeat is echoed here. */
export class Sockets {
  readonly #routers = {
    shell: new Router({ ...BOUNDS, linger: 1000 }),
    control: new Router({ ...BOUNDS, linger: 1000 }),
    stdin: new Router(BOUNDS),
  };
  // Without a limit: a front end that falls behind must not lose outputs.
  readonly #iopub = new Publisher({ ...BOUNDS, linger: 1000, sendHighWaterMark: 0 });
  readonly #heart = new Reply({ ...BOUNDS, linger: 0 });
  readonly #tails = new Map<KernelChannel, Promise<void>>();
  readonly #guards: GuardedSocket[] = [];

  /** @throws Error when an address is taken */
  static async bind(connection: JupyterConnection, onFrames: OnFrames): Promise<Sockets> {
    const sockets = new Sockets();
    await Promise.all([
      ...sockets.#channels().map(([name, router]) => router.bind(addressOf(connection, name))),
      sockets.#iopub.bind(addressOf(connection, 'iopub')),
      sockets.#heart.bind(addressOf(connection, 'hb')),
    ]);
    for (const [name, router] of sockets.#channels()) {
      const guard = sockets.#guard(connection, name);
      void receive(router, (frames) => {
        guard?.took(frames);
        onFrames(name, frames);
      });
    }
    void sockets.#beat(sockets.#guard(connection, 'hb'));
    return sockets;
  }

  // A message may have parts without end, each of them small.
  #guard({ transport, ports }: JupyterConnection, name: SocketName): GuardedSocket | undefined {
    if (transport !== 'tcp') return undefined;
    const guard = guardMessages({ side: 'local', number: ports[name], windowBytes: MAX_PART });
    this.#guards.push(guard);
    return guard;
  }

  /** Sends frames after those that were given before. */
  send(channel: KernelChannel, frames: Uint8Array[]): void {
    const socket = channel === 'iopub' ? this.#iopub : this.#routers[channel];
    const before = this.#tails.get(channel) ?? Promise.resolve();
    // A front end that has gone cannot be told anything.
    this.#tails.set(
      channel,
      before.then(() => socket.send(frames)).catch(() => {}),
    );
  }

  /** Closes all when what was given to `send` has left. */
  async close(): Promise<void> {
    await Promise.all(this.#tails.values());
    for (const [, router] of this.#channels()) router.close();
    this.#iopub.close();
    this.#heart.close();
    for (const guard of this.#guards) guard.leave();
  }

  #channels(): [AskingChannel, Router][] {
    return Object.entries(this.#routers) as [AskingChannel, Router][];
  }

  async #beat(guard: GuardedSocket | undefined): Promise<void> {
    for await (const frames of this.#heart) {
      guard?.took(frames);
      await this.#heart.send(frames);
    }
  }
}

async function receive(router: Router, take: (frames: Uint8Array[]) => void): Promise<void> {
  for await (const frames of router) take(frames);
}
