import { chmod, lstat, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { ConnectionError } from '../../errors.ts';
import { acceptedHandlers } from '../hub.ts';
import type { Listener } from '../transport.ts';
import { counted } from './handles.ts';
import { countRefused } from './refused-bytes.ts';
import { type SilentLimits, SilentPeers } from './silent-peers.ts';
import { type CarrierOptions, StreamCarrier } from './stream.ts';

/** A peer that stops amid a large message for so many ms is dropped. */
const LEASE_MS = 600_000;

/**
 * Data of so many bytes or more are lent to a peer that asked. Smaller ones outlive this process in a file: an engine starts its next
 * task while they are on their way, and waits until larger results have arrived.
 */
const LENT_BYTES = 1024 * 1024 + 1;

/** The parts of its carriers, and bounds of peers that have not sent a packet. */
export interface ListenerOptions extends Omit<CarrierOptions, 'lentBytes'> {
  readonly silent?: SilentLimits | undefined;
}

/** One bound Unix socket: the links of all who connect to it. */
export class UnixListener implements Listener {
  readonly endpoint: string;
  readonly #path: string;
  readonly #server: Server;
  readonly #carriers = new Set<StreamCarrier>();
  readonly #silent: SilentPeers;
  readonly #options: ListenerOptions;
  /** The inode of the socket's file: another file may take its place after this one is gone. */
  #inode = -1;
  #closing: Promise<void> | undefined;

  /** `name` of the options: the endpoint. */
  constructor(path: string, options: ListenerOptions) {
    this.#path = path;
    this.endpoint = options.name;
    this.#options = options;
    this.#silent = new SilentPeers(options.silent);
    this.#server = createServer((socket) => this.#accept(counted(socket)));
  }

  #accept(socket: Socket): void {
    const { handlers, name } = this.#options;
    const carrier = new StreamCarrier({
      ...this.#options,
      lentBytes: LENT_BYTES,
      name: `a peer of ${name}`,
      handlers: acceptedHandlers(handlers),
    });
    this.#carriers.add(carrier);
    carrier.onEnd = () => {
      this.#silent.delete(carrier);
      this.#carriers.delete(carrier);
      if (!carrier.hasHeard) countRefused(socket.bytesRead);
    };
    socket.setTimeout(LEASE_MS, () => {
      if (carrier.link.receiving) carrier.lost('it stopped amid a message');
    });
    socket.on('data', (bytes: Buffer) => carrier.read(bytes));
    carrier.attach(socket);
    this.#silent.add(carrier);
  }

  /** @throws ConnectionError */
  async bind(): Promise<void> {
    const server = this.#server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ path: this.#path, backlog: 511 }, resolve);
      });
    } catch (cause) {
      throw new ConnectionError(`cannot bind ${this.endpoint}: ${(cause as Error).message}`, { cause });
    }
    counted(server)
      .removeAllListeners('error')
      .on('error', () => {});
    await chmod(this.#path, 0o600);
    this.#inode = (await lstat(this.#path)).ino;
  }

  flush(): void {
    for (const carrier of this.#carriers) carrier.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const found = await lstat(this.#path).catch(() => undefined);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#carriers].map(({ link }) => link.close()));
    await closed;
    if (found?.ino === this.#inode) await rm(this.#path, { force: true });
  }
}
