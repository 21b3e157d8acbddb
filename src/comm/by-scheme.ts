import type { Transport } from './transport.ts';
import { unixTransport } from './unix/unix-transport.ts';
import { type ZeromqOptions, zeromqTransport } from './zeromq.ts';

/**
 * The transport of a cluster's processes: an endpoint's scheme says how it is spoken to. `unix://` is a Unix socket of this
 * host, `tcp://` is zeromq's.
 */
export function clusterTransport(options: ZeromqOptions = {}): Transport {
  const [unix, zeromq] = [unixTransport(options), zeromqTransport(options)];
  const of = (endpoint: string): Transport => (endpoint.startsWith('unix://') ? unix : zeromq);
  return {
    listen: (endpoint, handlers, socket) => of(endpoint).listen(endpoint, handlers, socket),
    connect: (endpoint, handlers, socket) => of(endpoint).connect(endpoint, handlers, socket),
    check: (endpoint, socket) => of(endpoint).check?.(endpoint, socket),
    refuses: async (endpoint) => (await of(endpoint).refuses?.(endpoint)) ?? false,
  };
}
