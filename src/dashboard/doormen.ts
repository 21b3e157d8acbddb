import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Connections that have shown no token; a new one takes the place of the oldest. */
const STRANGERS = 32;
/** Connections that have shown it. */
const GUESTS = 64;

/**
 * Bounds the connections of a server. However many strangers hold connections open, they have 32 places, and the holder of
 * the token finds one.
 */
export class Doormen {
  readonly #strangers = new Set<Socket>();
  readonly #guests = new Set<Socket>();

  /** Watches every connection of this server. */
  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#strangers.add(socket);
      socket.once('close', () => {
        this.#strangers.delete(socket);
        this.#guests.delete(socket);
      });
      drop(this.#strangers, STRANGERS);
    });
  }

  /** The other end has shown the token. */
  admit(socket: Socket): void {
    if (!this.#strangers.delete(socket)) return;
    this.#guests.add(socket);
    drop(this.#guests, GUESTS);
  }

  /** Connections that are open. */
  get size(): number {
    return this.#strangers.size + this.#guests.size;
  }
}

function drop(sockets: Set<Socket>, most: number): void {
  for (const oldest of sockets) {
    if (sockets.size <= most) return;
    sockets.delete(oldest);
    oldest.destroy();
  }
}
