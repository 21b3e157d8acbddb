import { setTimeout } from 'node:timers';
import type { Body } from '../../src/protocol/codec.ts';
import type { NeedMessage, TaskId, TaskMessage } from '../../src/protocol/messages.ts';
import { type Deferred, deferred } from '../../src/util/deferred.ts';
import { peerError } from './mailbox.ts';
import type { Relay } from './relay.ts';

/** Milliseconds without a chunk after which the chain counts as broken. */
const PATIENCE_MS = 3000;
/** Milliseconds that a client which lost its link may take to come back. */
const LEASE_MS = 10_000;

/** The client of a task, as a channel. */
interface Client {
  send(message: NeedMessage): Promise<void>;
}

/** The part of Peers that is told when it should know the other engines. */
interface FollowsPeers {
  follow(): void;
}

interface Asked extends Deferred<Body> {
  readonly client: Client;
}

/** Bodies of tasks that a peer sends instead of the client. If the chain has broken, the client is asked for them. */
export class RelayedBodies {
  readonly #relay: Relay;
  readonly #peers: FollowsPeers | undefined;
  readonly #asked = new Map<TaskId, Asked>();

  constructor(relay: Relay, peers?: FollowsPeers) {
    this.#relay = relay;
    this.#peers = peers;
  }

  /** The body of a task whose message had none. @throws PeerError when the client is gone before it has sent it */
  async fetch(message: TaskMessage, client: Client): Promise<Body> {
    const { key = '', from } = message.relayed ?? {};
    // The end of that engine must be known, too.
    if (from !== undefined) this.#peers?.follow();
    try {
      return await this.#relay.take(key, PATIENCE_MS, from);
    } catch {
      return this.#ask(message.id, client);
    }
  }

  /** Takes a body from the client itself, if a task waits for it. */
  offer(id: TaskId, body: Body): void {
    const asked = this.#asked.get(id);
    if (asked === undefined || body.length === 0) return;
    this.#asked.delete(id);
    asked.resolve(body);
  }

  /** The channel to a client is down. If the client does not come back and send its tasks again, their bodies fail. */
  clientDown(gone: Client): void {
    const waiting = [...this.#asked].filter(([, { client }]) => client === gone);
    if (waiting.length === 0) return;
    setTimeout(() => {
      for (const [id, asked] of waiting) {
        if (this.#asked.get(id) !== asked) continue;
        this.#asked.delete(id);
        asked.reject(peerError(`the client of task '${id}' is gone and has not sent its value`));
      }
    }, LEASE_MS).unref();
  }

  #ask(id: TaskId, client: Client): Promise<Body> {
    const asked = { client, ...deferred<Body>() };
    this.#asked.set(id, asked);
    void client.send({ type: 'need', id });
    return asked.promise;
  }
}
