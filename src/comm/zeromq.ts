import { ConnectionError } from '../errors.ts';
import { limitsOf } from './link.ts';
import type { Link, LinkHandlers, Listener, SocketRole, Transport, TransportOptions } from './transport.ts';
import type { Credentials } from './zeromq/credentials.ts';
import { DealerCarrier } from './zeromq/dealer.ts';
import { reserveDescriptors } from './zeromq/descriptors.ts';
import { type Endpoint, isLoopback, parseEndpoint } from './zeromq/endpoint.ts';
import { refuses } from './zeromq/reach.ts';
import { RouterListener } from './zeromq/router.ts';

const MIB = 1024 * 1024;

/** The keys of this process. */
export interface ZeromqOptions extends TransportOptions {
  /** Every link is encrypted by them. Without keys no address is allowed. */
  readonly credentials?: Credentials | undefined;
  /** Lets every user of this machine send whatever he likes. For tests of links alone. @internal */
  readonly insecureLoopback?: boolean | undefined;
}

/**
 * Transport over `tcp://` with CURVE. Links of a listener share one ROUTER; each `connect` is a DEALER of its own.
 *
 * `onDown` of a connecting link: the established connection was lost, or the peer said goodbye, refused the key, or broke
 * the protocol. The link is dead then, even if the peer lives: messages may have been lost, so open a new link and ask again.
 * It is dead, too, when packets do not reach the peer's host for 8 s (PeerUnreachable). Else a link whose connection never
 * came about does not call `onDown`: it goes on trying until `close`.
 * `onDown` of a listener's link: the peer closed it, died (noticed within about 0.2 s, or 5 s if its host froze), or
 * broke the protocol; only for links that delivered a message. Messages that came before are delivered first.
 * @throws ConnectionError (from `connect`, too) without keys
 */
export function zeromqTransport(options: ZeromqOptions = {}): Transport {
  return {
    listen: (endpoint, handlers, socket) => listen(endpoint, handlers, options, socket),
    connect: (endpoint, handlers, socket) => connect(endpoint, handlers, options, socket),
    check: (endpoint, socket) => void connectable(endpoint, options, socket),
    refuses,
  };
}

function connect(address: string, handlers: LinkHandlers, options: ZeromqOptions, socket?: SocketRole): Link {
  const { endpoint, keys } = connectable(address, options, socket);
  const settled = reserveDescriptors(`a link to ${address}`);
  try {
    return new DealerCarrier(endpoint, { handlers, limits: limitsOf(options, MIB), keys, settled }).link;
  } catch (error) {
    settled();
    throw error;
  }
}

/** An address with the settings of its keys. @throws ConnectionError where it is not allowed */
function connectable(address: string, options: ZeromqOptions, socket?: SocketRole) {
  const endpoint = parseEndpoint(address);
  const keys = keysFor(endpoint, options)?.clientSettings(named(address, socket)) ?? {};
  return { endpoint, keys };
}

async function listen(
  address: string,
  handlers: LinkHandlers,
  options: ZeromqOptions,
  socket?: SocketRole,
): Promise<Listener> {
  const endpoint = parseEndpoint(address);
  const keys = keysFor(endpoint, options)?.serverSettings(named(address, socket)) ?? {};
  const listener = new RouterListener(endpoint, handlers, limitsOf(options, MIB), keys);
  await listener.bind();
  return listener;
}

/** @throws ConnectionError without keys */
function keysFor(
  { address, host }: Endpoint,
  { credentials, insecureLoopback }: ZeromqOptions,
): Credentials | undefined {
  if (credentials !== undefined) return credentials;
  if (insecureLoopback === true && isLoopback(host)) return undefined;
  const why = isLoopback(host) ? 'is open to every user of this machine' : 'reaches beyond this machine';
  throw new ConnectionError(`${address} ${why}, and there are no keys: connect by the cluster's name or file`);
}

/** Every socket of a cluster with keys has a name, because its name says who may connect. */
function named(address: string, socket: SocketRole | undefined): SocketRole {
  if (socket === undefined) throw new ConnectionError(`${address}: nobody says which socket of the cluster this is`);
  return socket;
}
