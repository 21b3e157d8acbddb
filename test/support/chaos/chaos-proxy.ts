// A proxy in front of a socket, which makes a bad network of this machine: slow, narrow, cut, half dead, wrong.
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Link, LinkHandlers, Listener, SocketRole, Transport } from '../../../src/comm/transport.ts';
import { Lane } from './lane.ts';
import { Sky } from './weather.ts';

const FILE = /^unix:\/\//;
/** Addresses of this machine, as Node tells those of peers. */
const LOOPBACK = /^(::ffff:)?127\.|^::1$/;
const path = (endpoint: string): string => endpoint.replace(FILE, '');

function dial(endpoint: string): Socket {
  if (FILE.test(endpoint)) return netConnect(path(endpoint));
  const [, host, port] = /^tcp:\/\/(.+):(\d+)$/.exec(endpoint) as RegExpExecArray;
  return netConnect(Number(port), (host as string).replace(/[[\]]/g, ''));
}

/**
 * Listens at an address of its own, and passes on what comes to the real one, both ways: in front of a Unix socket at a path,
 * in front of tcp at any free port.
 */
export class ChaosProxy {
  readonly endpoint: string;
  /** The direction to the real address. */
  readonly up = new Sky();
  /** The direction from it. */
  readonly down = new Sky();
  readonly #real: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isRefusing = false;
  /** Connections that came. */
  accepted = 0;

  /** Listens at once. */
  constructor(real: string, at: string) {
    this.#real = real;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    // With an address beside the port, the port would be known only later.
    this.#server.listen(FILE.test(real) ? at : 0);
    const where = this.#server.address() as string | AddressInfo;
    this.endpoint = typeof where === 'string' ? `unix://${at}` : `tcp://127.0.0.1:${where.port}`;
  }

  /** Takes the place of a Unix socket: those that connect later come through here. */
  static inFrontOf(endpoint: string): ChaosProxy {
    const at = path(endpoint);
    renameSync(at, `${at}~`);
    return new ChaosProxy(`${endpoint}~`, at);
  }

  #accept(socket: Socket): void {
    const isOwn = socket.remoteAddress === undefined || LOOPBACK.test(socket.remoteAddress);
    this.accepted++;
    if (this.#isRefusing || !isOwn) {
      socket.destroy();
      return;
    }
    const other = dial(this.#real);
    for (const end of [socket, other]) {
      this.#sockets.add(end);
      end.setMaxListeners(0);
      end.on('close', () => this.#sockets.delete(end));
      end.on('error', () => end.destroy());
    }
    other.allowHalfOpen = true;
    new Lane(socket, other, this.up, () => this.cut());
    new Lane(other, socket, this.down, () => this.cut());
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  /** Ends all connections. New ones are let through. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends all connections, and each new one at once, until `mend`. */
  block(): void {
    this.#isRefusing = true;
    this.cut();
  }

  /** All is well again. */
  mend(): void {
    this.#isRefusing = false;
    this.up.clear();
    this.down.clear();
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }
}

/** A transport whose links go through proxies, one for each address; their listeners are the real ones. */
export class ChaosTransport implements Transport {
  readonly #inner: Transport;
  readonly #proxies = new Map<string, ChaosProxy>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'dv-chaos-'));

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  /** The proxy in front of that address. */
  at(endpoint: string): ChaosProxy {
    const known = this.#proxies.get(endpoint);
    if (known !== undefined) return known;
    const proxy = new ChaosProxy(endpoint, join(this.#folder, `p${this.#proxies.size}`));
    this.#proxies.set(endpoint, proxy);
    return proxy;
  }

  listen(endpoint: string, handlers: LinkHandlers): Promise<Listener> {
    return this.#inner.listen(endpoint, handlers);
  }

  connect(endpoint: string, handlers: LinkHandlers, socket?: SocketRole): Link {
    return this.#inner.connect(this.at(endpoint).endpoint, handlers, socket);
  }

  refuses(endpoint: string): Promise<boolean> {
    return this.#inner.refuses?.(endpoint) ?? Promise.resolve(false);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
