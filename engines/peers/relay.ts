// Relay: a large body that goes from engine to engine in chunks, each passed on as it arrives, outside the task queue.
// What comes of it waits here for the task that wants it.

import { clearTimeout, setTimeout } from 'node:timers';
import type { Body } from '../../src/protocol/codec.ts';
import type { EngineId, RelayMessage } from '../../src/protocol/messages.ts';
import { relayChunks } from '../../src/protocol/relay-chunks.ts';
import { peerError } from './mailbox.ts';

/** Sends a chunk to the next engine of the chain. */
export type PassOn = (to: EngineId, message: RelayMessage, chunk: Uint8Array) => Promise<void>;

/** A body that no task asks for is dropped: its task was aborted, or asks the client instead. */
const KEPT_MS = 60_000;

interface Incoming {
  readonly parts: Uint8Array[];
  missing: number;
  expires: NodeJS.Timeout;
}

interface Waiter {
  readonly from: EngineId | undefined;
  progress(): void;
  resolve(body: Body): void;
  reject(error: Error): void;
}

export class Relay {
  readonly #passOn: PassOn;
  readonly #incoming = new Map<string, Incoming>();
  readonly #waiting = new Map<string, Waiter>();

  constructor(passOn: PassOn) {
    this.#passOn = passOn;
  }

  /** Bodies that are here, whole or in part. */
  get size(): number {
    return this.#incoming.size;
  }

  /** A chunk came: it goes on at once, and into its place. */
  arrive(message: RelayMessage, chunk: Uint8Array): void {
    this.#forward(message, chunk);
    const body = this.#incoming.get(message.key) ?? this.#open(message);
    body.parts[message.part]?.set(chunk, message.offset);
    body.missing -= chunk.byteLength;
    body.expires.refresh();
    const waiter = this.#waiting.get(message.key);
    waiter?.progress();
    if (body.missing === 0 && waiter !== undefined) waiter.resolve(this.#close(message.key));
  }

  /** Sends a body down a chain. Resolves when it has left: then it may change. */
  async start(key: string, chain: readonly EngineId[], body: Body): Promise<void> {
    const [next, ...rest] = chain;
    if (next === undefined) return;
    await Promise.all(
      [...relayChunks(key, rest, body)].map(({ message, chunk }) => this.#passOn(next, message, chunk)),
    );
  }

  /**
   * The whole body; it is then no longer here. `from` is who sends it, if that is an engine.
   * @throws PeerError when `patience` ms go by without a chunk, or `from` leaves
   */
  take(key: string, patience: number, from?: EngineId): Promise<Body> {
    if (this.#incoming.get(key)?.missing === 0) return Promise.resolve(this.#close(key));
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        settle();
      };
      const fail = (why: string) => end(() => reject(peerError(`a relayed value did not arrive: ${why}`)));
      const progress = () => {
        clearTimeout(timer);
        timer = setTimeout(() => fail(`nothing came in ${patience} ms`), patience);
      };
      progress();
      this.#waiting.set(key, {
        from,
        progress,
        resolve: (body) => end(() => resolve(body)),
        reject: (error) => fail(error.message),
      });
    });
  }

  /** That engine is gone: what waits for its chunks need not wait longer. */
  gone(id: EngineId, why: string): void {
    for (const waiter of [...this.#waiting.values()]) if (waiter.from === id) waiter.reject(new Error(why));
  }

  // A chain that breaks is found by those behind the break: they ask whoever can send it directly.
  #forward(message: RelayMessage, chunk: Uint8Array): void {
    const [next, ...rest] = message.chain;
    if (next !== undefined) this.#passOn(next, { ...message, chain: rest }, chunk).catch(() => {});
  }

  #open({ key, sizes }: RelayMessage): Incoming {
    // A copy into one buffer for each part: values are windows on whole parts, and the chunks are on their way elsewhere.
    const parts = sizes.map((size) => new Uint8Array(Buffer.allocUnsafeSlow(size).buffer));
    const expires = setTimeout(() => this.#incoming.delete(key), KEPT_MS).unref();
    const body = { parts, missing: sizes.reduce((a, b) => a + b, 0), expires };
    this.#incoming.set(key, body);
    return body;
  }

  #close(key: string): Body {
    const body = this.#incoming.get(key);
    this.#incoming.delete(key);
    clearTimeout(body?.expires);
    return body?.parts ?? [];
  }
}
