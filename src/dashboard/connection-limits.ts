import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Connections that have shown no token; a new one takes the place of the oldest. */
const ANONYMOUS = 32;
/** Connections that have shown it. */
const AUTHENTICATED = 64;

/**
 * Bounds the connections of a server. However many anonymous peers hold connections open, they have 32 places, and the holder of
 * the token finds one.
 */
export class ConnectionLimits {
  readonly #anonymous = new Set<Socket>();
  readonly #authenticated = new Set<Socket>();

  /** Watches every connection of this server. */
  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#anonymous.add(socket);
      socket.once('close', () => {
        this.#anonymous.delete(socket);
        this.#authenticated.delete(socket);
      });
      drop(this.#anonymous, ANONYMOUS);
    });
  }

  /** The other end has shown the token. */
  admit(socket: Socket): void {
    if (!this.#anonymous.delete(socket)) return;
    this.#authenticated.add(socket);
    drop(this.#authenticated, AUTHENTICATED);
  }

  /** Connections that are open. */
  get size(): number {
    return this.#anonymous.size + this.#authenticated.size;
  }
}

function drop(sockets: Set<Socket>, most: number): void {
  for (const oldest of sockets) {
    if (sockets.size <= most) return;
    sockets.delete(oldest);
    oldest.destroy();
  }
}
