import { readdirSync } from 'node:fs';
import { systemCalls } from '../../util/system/system-library.ts';

/** A TCP connection of this process. */
export interface TcpConnection {
  readonly descriptor: number;
  readonly localPort: number;
  /** The peer's address and port, in hexadecimal digits: they tell one connection from another. */
  readonly peer: string;
  readonly remotePort: number;
  /** Bytes that have come over it. */
  readonly received: number;
}

/** The TCP connections of this process, whoever made them. */
export interface TcpConnections {
  list(): TcpConnection[];
  /** Ends one, if it is still there: its owner sees the peer go. */
  cut(connection: TcpConnection): void;
}

type NameCall = (descriptor: number, address: Uint8Array, length: Uint32Array) => number;
type OptionCall = (descriptor: number, level: number, option: number, value: Uint8Array, size: Uint32Array) => number;
type ShutdownCall = (descriptor: number, how: number) => number;

/** From the system's headers: levels, options and ends of a socket. */
const TCP = { level: 6, info: 11, bothWays: 2, families: [2, 10] } as const;
/** Where `struct tcp_info` has tcpi_bytes_received (Linux 4.1), and its bytes until there. */
const RECEIVED_AT = 128;
const INFO_BYTES = RECEIVED_AT + 8;
const ADDRESS_BYTES = 128;

/** Undefined where the system does not tell, or koffi is not installed. */
export const tcpConnections: () => TcpConnections | undefined = systemCalls(
  ({ call }) =>
    new SystemConnections(
      call<NameCall>('int getsockname(int descriptor, void *address, void *length)'),
      call<NameCall>('int getpeername(int descriptor, void *address, void *length)'),
      call<OptionCall>('int getsockopt(int descriptor, int level, int option, void *value, void *length)'),
      call<ShutdownCall>('int shutdown(int descriptor, int how)'),
    ),
);

/** By getsockname(2), getpeername(2), TCP_INFO of tcp(7) and shutdown(2). */
class SystemConnections implements TcpConnections {
  readonly #nameOf: NameCall;
  readonly #peerOf: NameCall;
  readonly #option: OptionCall;
  readonly #shutdown: ShutdownCall;

  constructor(nameOf: NameCall, peerOf: NameCall, option: OptionCall, shutdown: ShutdownCall) {
    this.#nameOf = nameOf;
    this.#peerOf = peerOf;
    this.#option = option;
    this.#shutdown = shutdown;
  }

  list(): TcpConnection[] {
    return readdirSync('/proc/self/fd').flatMap((name) => this.#read(Number(name)) ?? []);
  }

  // Its descriptor may be another's by now.
  cut(connection: TcpConnection): void {
    const now = this.#read(connection.descriptor);
    if (now?.peer === connection.peer && now.localPort === connection.localPort)
      this.#shutdown(connection.descriptor, TCP.bothWays);
  }

  #read(descriptor: number): TcpConnection | undefined {
    const peer = addressBy(this.#peerOf, descriptor);
    if (peer === undefined) return undefined;
    const own = addressBy(this.#nameOf, descriptor);
    const received = this.#received(descriptor);
    if (own === undefined || received === undefined) return undefined;
    return { descriptor, localPort: own.port, remotePort: peer.port, peer: peer.text, received };
  }

  #received(descriptor: number): number | undefined {
    const info = Buffer.alloc(INFO_BYTES);
    const size = Uint32Array.of(INFO_BYTES);
    const failed = this.#option(descriptor, TCP.level, TCP.info, info, size) !== 0;
    return failed || size[0] !== INFO_BYTES ? undefined : Number(info.readBigUInt64LE(RECEIVED_AT));
  }
}

/** One end of a connection over IPv4 or IPv6; undefined for other descriptors. */
function addressBy(call: NameCall, descriptor: number): { port: number; text: string } | undefined {
  const address = Buffer.alloc(ADDRESS_BYTES);
  const size = Uint32Array.of(ADDRESS_BYTES);
  if (call(descriptor, address, size) !== 0) return undefined;
  if (!TCP.families.some((family) => family === address.readUInt16LE(0))) return undefined;
  return { port: address.readUInt16BE(2), text: address.toString('hex', 2, size[0]) };
}
