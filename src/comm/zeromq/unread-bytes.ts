import { BATCH_BYTES, SMALL_BYTES, WINDOW_PACKETS } from '../packet.ts';
import type { TcpConnection } from './tcp-connections.ts';

/** Bytes that may wait in libzmq beyond the windows of a port's links. */
const SLACK_BYTES = 32 * 1024 * 1024;
/** Bytes of small messages that a link may have under way beside its window. */
const SMALL_UNDER_WAY = WINDOW_PACKETS * (BATCH_BYTES + SMALL_BYTES);
/** Bytes of a frame that never reach its receiver, at least: its head and its encryption. */
const FRAME_BYTES = 64;
/** Bytes of heartbeats on a connection in a second, at least. */
const HEARTBEAT_BYTES = 1024;

/** One end's port: that of a listener here, or that of peers that sockets of this process connect to. */
export interface Port {
  readonly side: 'local' | 'remote';
  readonly number: number;
  /** Bytes of large messages that a link of it may have under way. */
  readonly windowBytes: number;
}

/** A connection of a port, as it was seen last. */
interface Seen {
  readonly received: number;
  /** Bytes that came while some were unread. */
  readonly unread: number;
}

/**
 * The bytes that came for the sockets of one port, and were not handed over. libzmq hands a message over when its last part
 * has come, and bounds neither the number nor the sum of its parts: a peer that is let in could fill this process with one message.
 * Links have at most a window of bytes under way, so that more than the windows of all connections is such a message.
 */
export class UnreadBytes {
  readonly #port: Port;
  #delivered = 0;
  #unread = 0;
  #seen = new Map<string, Seen>();

  constructor(port: Port) {
    this.#port = port;
  }

  /** A message was handed over. */
  took(frames: readonly Uint8Array[]): void {
    for (const { byteLength } of frames) this.#delivered += byteLength + FRAME_BYTES;
  }

  /** Looks at the connections of this process, `seconds` after the last look: gives one that fills this process. */
  look(all: readonly TcpConnection[], seconds: number): TcpConnection | undefined {
    const ours = all.filter((one) => this.#isOurs(one));
    this.#account(ours, this.#delivered + HEARTBEAT_BYTES * ours.length * seconds);
    this.#delivered = 0;
    const isOver = this.#unread > ours.length * (this.#port.windowBytes + SMALL_UNDER_WAY) + SLACK_BYTES;
    return isOver ? largest(ours, (one) => this.#seen.get(keyOf(one))?.unread ?? 0) : undefined;
  }

  #isOurs({ localPort, remotePort }: TcpConnection): boolean {
    return (this.#port.side === 'local' ? localPort : remotePort) === this.#port.number;
  }

  #account(ours: readonly TcpConnection[], delivered: number): void {
    const before = this.#seen;
    const came = (one: TcpConnection) => one.received - (before.get(keyOf(one))?.received ?? 0);
    const stayed = ours.reduce((sum, one) => sum + (before.get(keyOf(one))?.unread ?? 0), 0);
    // Connections that are gone have taken their unread bytes along.
    const kept = Math.min(this.#unread, stayed);
    this.#unread = Math.max(0, kept + ours.reduce((sum, one) => sum + came(one), 0) - delivered);
    const isQuiet = this.#unread === 0;
    this.#seen = new Map(
      ours.map((one) => {
        const unread = isQuiet ? 0 : (before.get(keyOf(one))?.unread ?? 0) + came(one);
        return [keyOf(one), { received: one.received, unread }];
      }),
    );
  }
}

function keyOf({ descriptor, localPort, peer }: TcpConnection): string {
  return `${descriptor}:${localPort}:${peer}`;
}

function largest<T>(all: readonly T[], size: (one: T) => number): T | undefined {
  return all.reduce<T | undefined>(
    (best, one) => (best === undefined || size(one) > size(best) ? one : best),
    undefined,
  );
}
