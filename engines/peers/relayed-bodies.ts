// Bodies of tasks that come from a peer instead of the client; where the chain has broken, the client is asked for them.
import { setTimeout } from 'node:timers';
import type { Link } from '../../src/comm/transport.ts';
import { type Body, encodeMessage } from '../../src/protocol/codec.ts';
import type { TaskId, TaskMessage } from '../../src/protocol/messages.ts';
import { peerError } from './mailbox.ts';
import type { Relay } from './relay.ts';

/** Milliseconds without a chunk after which the chain counts as broken. */
const PATIENCE_MS = 3000;
/** Milliseconds that a client which lost its link may take to come back. */
const LEASE_MS = 10_000;

interface Asked {
  readonly client: Link;
  resolve(body: Body): void;
  reject(error: Error): void;
}

export class RelayedBodies {
  readonly #relay: Relay;
  readonly #asked = new Map<TaskId, Asked>();

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  /** The body of a task whose message had none. @throws PeerError when the client is gone before it has sent it */
  async fetch(message: TaskMessage, client: Link): Promise<Body> {
    const { key = '', from } = message.relayed ?? {};
    try {
      return await this.#relay.take(key, PATIENCE_MS, from);
    } catch {
      return this.#ask(message.id, client);
    }
  }

  /** A body from the client itself. True: it was waited for. */
  offer(id: TaskId, body: Body): boolean {
    const asked = this.#asked.get(id);
    if (asked === undefined || body.length === 0) return false;
    this.#asked.delete(id);
    asked.resolve(body);
    return true;
  }

  /** A client that comes back sends its tasks again, with their bodies. */
  clientDown(link: Link): void {
    const waiting = [...this.#asked].filter(([, { client }]) => client === link);
    if (waiting.length === 0) return;
    setTimeout(() => {
      for (const [id, asked] of waiting) {
        if (this.#asked.get(id) !== asked) continue;
        this.#asked.delete(id);
        asked.reject(peerError(`the client of task '${id}' is gone and has not sent its value`));
      }
    }, LEASE_MS).unref();
  }

  #ask(id: TaskId, client: Link): Promise<Body> {
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { client, resolve, reject });
      client.send(encodeMessage({ type: 'need', id })).catch(() => {});
    });
  }
}
