// The five sockets of a kernel. They belong to Jupyter's protocol, not to ours, so they are not in comm.
import { Publisher, Reply, Router } from 'zeromq';
import { addressOf, type JupyterConnection } from './connection-file.ts';

/** The sockets on which front ends ask. */
export type AskingChannel = 'shell' | 'control' | 'stdin';
/** The sockets on which the kernel sends. */
export type KernelChannel = AskingChannel | 'iopub';

/** Takes the frames of one message. */
export type OnFrames = (channel: AskingChannel, frames: Uint8Array[]) => void;

/** The sockets of one connection. Messages of one channel leave in order; the heartbeat is echoed here. */
export class Sockets {
  readonly #routers = {
    shell: new Router({ linger: 1000 }),
    control: new Router({ linger: 1000 }),
    stdin: new Router(),
  };
  // Without a limit: a front end that falls behind must not lose outputs.
  readonly #iopub = new Publisher({ linger: 1000, sendHighWaterMark: 0 });
  readonly #heart = new Reply({ linger: 0 });
  readonly #tails = new Map<KernelChannel, Promise<void>>();

  /** @throws Error when an address is taken */
  static async bind(connection: JupyterConnection, onFrames: OnFrames): Promise<Sockets> {
    const sockets = new Sockets();
    await Promise.all([
      ...sockets.#channels().map(([name, router]) => router.bind(addressOf(connection, name))),
      sockets.#iopub.bind(addressOf(connection, 'iopub')),
      sockets.#heart.bind(addressOf(connection, 'hb')),
    ]);
    for (const [name, router] of sockets.#channels()) void receive(router, (frames) => onFrames(name, frames));
    void sockets.#beat();
    return sockets;
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
  }

  #channels(): [AskingChannel, Router][] {
    return Object.entries(this.#routers) as [AskingChannel, Router][];
  }

  async #beat(): Promise<void> {
    for await (const frames of this.#heart) await this.#heart.send(frames);
  }
}

async function receive(router: Router, take: (frames: Uint8Array[]) => void): Promise<void> {
  for await (const frames of router) take(frames);
}
