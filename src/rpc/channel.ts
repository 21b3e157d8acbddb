// Typed messages over the links of comm/: the one place where headers are encoded, decoded, checked and traced.
import type { Link, LinkHandlers, Listener, Parts, Transport } from '../comm/transport.ts';
import { ProtocolError } from '../errors.ts';
import type { Body } from '../protocol/codec.ts';
import type { Union } from '../protocol/fields.ts';
import { decodeHeader, encodeMessage, idOfHeader } from '../protocol/header-codec.ts';
import type { Header } from '../protocol/messages.ts';
import type { Conversation } from './conversations.ts';
import { isTracing, traceMessage } from './wire-trace.ts';

const NO_BODY: Body = [];

/** The sending half of one link. It lives as long as the link: after `down`, open another one. */
export class Channel<Out extends Header> {
  /** Who is at the other end, for errors and the wire trace. */
  readonly peer: string;
  readonly #link: Link;

  constructor(link: Link, peer: string) {
    this.#link = link;
    this.peer = peer;
  }

  /**
   * Queues a message; large parts of `body` are read until the promise settles, so they must not change before.
   * The promise may be ignored: it rejects only if the link goes down, which `down` reports too. `parts`: the message as
   * `encodeMessage` gave it, where several peers get the same.
   * @throws ProtocolError at once, for a header over its limit
   */
  send(message: Out, body: Body = NO_BODY, parts: Parts = encodeMessage(message, body)): Promise<void> {
    if (isTracing) traceMessage('->', this.peer, message, body);
    return this.#link.send(parts);
  }

  /** False once the link was closed or went down. */
  get isOpen(): boolean {
    return this.#link.ended !== true;
  }

  /** Bytes queued or in flight. */
  get pendingBytes(): number {
    return this.#link.pendingBytes;
  }

  /** As `drained` of a link. */
  drained(): Promise<void> {
    return this.#link.drained();
  }

  /** Drops what is queued. Idempotent. */
  close(): Promise<void> {
    return this.#link.close();
  }
}

/** One side of a conversation: takes messages `In`, answers with messages `Out`. */
export interface ChannelHandlers<In extends Header, Out extends Header> {
  /** `body`: the parts after the header, of any number. */
  message(message: In, body: Body, channel: Channel<Out>): void;
  /** The peer is gone. Called once per channel, never after `close`. */
  down?(reason: Error, channel: Channel<Out>): void;
  /**
   * A message was dropped: it cannot be read, the peer may not send this kind, or `message` threw. Without this handler
   * the link logs it (NODE_DEBUG=directview:comm). `id`: the message's field of that name, if it can be read.
   */
  dropped?(error: Error, channel: Channel<Out>, id: string | undefined): void;
  /**
   * As `destination` of LinkHandlers: memory for part `part` of a large message, whose header `read` decodes. The
   * side that listens is asked from the peer's second message on.
   */
  destination?(part: number, bytes: number, read: () => In): Uint8Array | undefined;
}

/** Where a channel is opened, and what is spoken on it. */
export interface ChannelOptions<Inbound extends Header, Outbound extends Header> {
  readonly transport: Transport;
  readonly endpoint: string;
  readonly conversation: Conversation<Inbound, Outbound>;
}

/**
 * Connects to the side that listens, which is called `peer` in errors and traces. Messages queue until it answers.
 * @throws ConnectionError for an endpoint that nobody may connect to
 */
export function openChannel<Inbound extends Header, Outbound extends Header>(
  { transport, endpoint, conversation }: ChannelOptions<Inbound, Outbound>,
  peer: string,
  handlers: ChannelHandlers<Outbound, Inbound>,
): Channel<Inbound> {
  const link = transport.connect(
    endpoint,
    receiver(conversation.outbound, handlers, () => channel),
    conversation.name,
  );
  const channel = new Channel<Inbound>(link, `${peer} (${conversation.name})`);
  return channel;
}

/**
 * Listens; each peer gets a channel of its own, always the same object.
 * @throws ConnectionError when the endpoint cannot be bound
 */
export function listenChannels<Inbound extends Header, Outbound extends Header>(
  { transport, endpoint, conversation }: ChannelOptions<Inbound, Outbound>,
  handlers: ChannelHandlers<Inbound, Outbound>,
): Promise<Listener> {
  const channels = new WeakMap<Link, Channel<Outbound>>();
  let count = 0;
  const channelOf = (link: Link): Channel<Outbound> => {
    const known = channels.get(link);
    if (known !== undefined) return known;
    const fresh = new Channel<Outbound>(link, `peer ${++count} (${conversation.name})`);
    channels.set(link, fresh);
    return fresh;
  };
  return transport.listen(endpoint, receiver(conversation.inbound, handlers, channelOf), conversation.name);
}

function receiver<In extends Header, Out extends Header>(
  kinds: Union<In>,
  handlers: ChannelHandlers<In, Out>,
  channelOf: (link: Link) => Channel<Out>,
): LinkHandlers {
  return {
    onMessage: (parts, link) => {
      const channel = channelOf(link);
      try {
        const header = decodeHeader(parts);
        const body = parts.length === 1 ? NO_BODY : parts.slice(1);
        if (isTracing) traceMessage('<-', channel.peer, header, body);
        handlers.message(checked(header, kinds, channel.peer), body, channel);
      } catch (error) {
        if (handlers.dropped === undefined) throw error;
        handlers.dropped(error as Error, channel, idOfHeader(parts[0]));
      }
    },
    onDown: (link, reason) => handlers.down?.(reason, channelOf(link)),
    destination: (before, part, bytes) =>
      handlers.destination?.(part, bytes, () => checked(decodeHeader(before), kinds, 'the peer')),
  };
}

/** @throws ProtocolError for a kind of message that this peer may not send */
function checked<In extends Header>(header: Header, kinds: Union<In>, peer: string): In {
  if (isOneOf(header, kinds)) return header;
  throw new ProtocolError(`${peer} may not send a '${header.type}' message`);
}

function isOneOf<In extends Header>(header: Header, kinds: Union<In>): header is In {
  return kinds.kinds.has(header.type);
}
