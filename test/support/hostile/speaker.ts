// A peer by hand: it says on a socket whatever it is told to, and keeps what comes back.

import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import type { Link, LinkHandlers, Parts, SocketRole, Transport } from '../../../src/comm/transport.ts';
import { encodeBody } from '../../../src/protocol/codec.ts';
import { decodeHeader, encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { Header } from '../../../src/protocol/messages.ts';
import { until } from '../cluster.ts';

/** One link to one socket. */
export class Speaker implements LinkHandlers {
  readonly heard: Header[] = [];
  /** Why the link went down. */
  readonly ends: Error[] = [];
  readonly #link: Link;

  constructor(endpoint: string, socket: SocketRole, transport: Transport = clusterTransport()) {
    this.#link = transport.connect(endpoint, this, socket);
  }

  onMessage(parts: Uint8Array[]): void {
    this.heard.push(decodeHeader(parts));
  }

  onDown(_: Link, reason: Error): void {
    this.ends.push(reason);
  }

  /** Says it well formed. */
  say(header: Header, value?: unknown): void {
    this.raw(encodeMessage(header, value === undefined ? [] : encodeBody(value)));
  }

  /** Says these parts, whatever they are. */
  raw(parts: Parts): void {
    this.#link.send(parts).catch(() => {});
  }

  /** The first message of that kind that holds. */
  async hear<T extends Header['type']>(
    type: T,
    holds: (header: Extract<Header, { type: T }>) => boolean = () => true,
  ): Promise<Extract<Header, { type: T }>> {
    const find = () =>
      this.heard.find((header) => header.type === type && holds(header as Extract<Header, { type: T }>));
    await until(`a '${type}'`, () => find() !== undefined, 30_000);
    return find() as Extract<Header, { type: T }>;
  }

  /** The end of the link. */
  async ended(): Promise<Error> {
    await until('the end of the link', () => this.ends.length > 0, 30_000);
    return this.ends[0] as Error;
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}
