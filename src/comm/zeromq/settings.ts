import { setImmediate as turn } from 'node:timers/promises';
import { context, type Dealer, type EventType, type Observer, type Router } from 'zeromq';
import type { Limits } from '../outbox.ts';
import { BATCH_BYTES } from '../packet.ts';
import { descriptorLimit } from './descriptors.ts';
import type { Endpoint } from './endpoint.ts';

/** A goodbye may take this long (ms) to leave after `close`. */
export const GOODBYE_LINGER_MS = 200;
/** Last replies may take this long (ms): libzmq's thread may wait for a processor. Peers wait as long for them. */
export const LAST_LINGER_MS = 1000;

/** Sockets that nobody references are closed by the garbage collector. */
export const alive = new Set<Dealer | Router>();
let configured = false;
/** Sockets that libzmq can have at most. */
const MOST_SOCKETS = 65_535;

/** The settings of every socket: libzmq's own have queues without bounds, linger for ever, and send no heartbeats. */
export function settings(endpoint: Endpoint, limits: Limits) {
  configure();
  return {
    linger: 0,
    sendHighWaterMark: 64,
    receiveHighWaterMark: 64,
    heartbeatInterval: 1000,
    heartbeatTimeout: 5000,
    heartbeatTimeToLive: 5000,
    handshakeInterval: 5000,
    reconnectMaxInterval: 1000,
    // Also the bound for a peer that has not shown a key yet.
    maxMessageSize: limits.chunkBytes + 64 * 1024 + BATCH_BYTES,
    ipv6: endpoint.ipv6,
  };
}

/** Before the first socket of the process; a thread that comes later finds it done. */
function configure(): void {
  if (configured) return;
  configured = true;
  context.blocky = false;
  // Each socket takes a descriptor, so these run out first, and errors can tell of them.
  context.maxSockets = Math.min(descriptorLimit(), MOST_SOCKETS);
}

/** Events after which other work of this thread has its turn. */
const BURST = 32;

/**
 * Tells of a socket's events until it is closed. Not `events.on`: that rejects unheard when the socket closes. A listener
 * without a free descriptor has events without end, and libzmq's thread waits where nobody takes them.
 */
export async function watch(events: Observer, onEvent: (type: EventType) => void): Promise<void> {
  try {
    for (let n = 1; !events.closed; n++) {
      onEvent((await events.receive()).type);
      if (n % BURST === 0) await turn();
    }
  } catch {
    // Closed.
  }
}
