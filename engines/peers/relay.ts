import { clearTimeout, setTimeout } from 'node:timers';
import { ProtocolError } from '../../src/errors.ts';
import type { Body } from '../../src/protocol/codec.ts';
import type { EngineId, Header, RelayMessage } from '../../src/protocol/messages.ts';
import { relayChunks } from '../../src/protocol/relay-chunks.ts';
import { ArrivingBody, BLOCK_BYTES, MAX_BYTES, type Memory, totalOf } from './arriving-body.ts';
import { peerError } from './mailbox.ts';

/** Sends a chunk to the next engine of the chain. */
export type PassOn = (to: EngineId, message: RelayMessage, chunk: Uint8Array) => Promise<void>;

/** Milliseconds after which a body is dropped that no task takes: its task was aborted, or has asked the client. */
const KEPT_MS = 60_000;

interface Incoming {
  readonly body: ArrivingBody;
  readonly expires: NodeJS.Timeout;
}

/** Bodies that may be under way or wait for their tasks, and the bytes of all of them. */
const MAX_OPEN = 4096;
const MAX_OPEN_BYTES = 4 * MAX_BYTES;

interface Waiter {
  readonly from: EngineId | undefined;
  progress(): void;
  resolve(body: ArrivingBody): void;
  reject(error: Error): void;
}

/** The engines and the memory of this machine, for a Relay. */
export interface RelayOptions {
  /** Is that engine on this machine? Default: none is. */
  readonly isNear?: ((id: EngineId) => boolean) | undefined;
  /** Default: fresh memory. */
  readonly memory?: Memory | undefined;
}

/** Engines that get chunks over a network, and what they pass on; and engines of this machine. */
interface Route {
  readonly far: readonly { readonly to: EngineId; readonly rest: readonly EngineId[] }[];
  readonly near: readonly EngineId[];
}

/** Chunks of fewer bytes are copied into place: they come with others in one packet. */
const PLACED_BYTES = 128 * 1024;

/**
 * Large bodies that go from engine to engine in chunks, outside the task queue. Each chunk is passed on as it arrives.
 * Completed bodies are kept until a task takes them.
 */
export class Relay {
  readonly #passOn: PassOn;
  readonly #isNear: (id: EngineId) => boolean;
  readonly #memory: Memory;
  readonly #incoming = new Map<string, Incoming>();
  readonly #waiting = new Map<string, Waiter>();
  /** Is told of a body that cannot be passed on. */
  onBroken: (key: string, error: Error) => void = () => {};

  constructor(passOn: PassOn, { isNear = () => false, memory = () => undefined }: RelayOptions = {}) {
    this.#passOn = passOn;
    this.#memory = memory;
    this.#isNear = isNear;
  }

  /** The place of a chunk that is on its way here, so that it need not be copied. `read` gives the message. */
  destination(read: () => Header, bytes: number): Uint8Array | undefined {
    if (bytes < PLACED_BYTES) return undefined;
    const message = relayIn(read);
    return message && this.#incomingOf(message).body.placeOf(message, bytes);
  }

  /** Takes a chunk: puts it into its place, and passes it on from there. */
  arrive(message: RelayMessage, chunk: Uint8Array): void {
    const { body, expires } = this.#incomingOf(message);
    const placed = body.put(message, chunk);
    const { far, near } = this.#routeOf(message.chain);
    const sent = far.map(({ to, rest }) => this.#passOn(to, { ...message, chain: rest }, placed));
    const block = near.length > 0 ? body.block(message, placed) : undefined;
    if (block !== undefined) {
      const { offset, bytes } = block;
      sent.push(...near.map((to) => this.#passOn(to, { ...message, chain: [], offset }, bytes)));
    }
    // If a chain breaks, the engines behind the break ask the client for the body.
    for (const one of sent) {
      body.readUntil(one);
      one.catch((error: Error) => this.onBroken(message.key, error));
    }
    expires.refresh();
    const waiter = this.#waiting.get(message.key);
    waiter?.progress();
    if (body.isComplete && waiter !== undefined) this.#close(message.key, waiter);
  }

  /** Sends a body down a chain. Resolves when the body has left and may change. */
  async start(key: string, chain: readonly EngineId[], body: Body): Promise<void> {
    const { far, near } = this.#routeOf(chain);
    const sent: Promise<void>[] = [];
    for (const { to, rest } of far) {
      for (const { message, chunk } of relayChunks(key, rest, body)) sent.push(this.#passOn(to, message, chunk));
    }
    if (near.length > 0) {
      for (const { message, chunk } of relayChunks(key, [], body, BLOCK_BYTES))
        sent.push(...near.map((to) => this.#passOn(to, message, chunk)));
    }
    await Promise.all(sent);
  }

  /**
   * Takes the whole body away, when no other engine reads it here any more. `from` is the engine that sends it; absent for a client.
   * @throws PeerError when `patience` ms go by without a chunk, or `from` leaves
   */
  async take(key: string, patience: number, from?: EngineId): Promise<Body> {
    const here = this.#incoming.get(key)?.body;
    if (here?.isComplete !== true) return (await this.#arrival(key, patience, from)).own();
    this.#close(key);
    return here.own();
  }

  #arrival(key: string, patience: number, from?: EngineId): Promise<ArrivingBody> {
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

  /** That engine is gone: fails the tasks that wait for its chunks. */
  gone(id: EngineId, why: string): void {
    for (const waiter of [...this.#waiting.values()]) if (waiter.from === id) waiter.reject(new Error(why));
  }

  /** Fails those who wait for bodies with such keys, and drops what has come of them. */
  cancel(matches: (key: string) => boolean, why: string): void {
    for (const [key, waiter] of [...this.#waiting]) if (matches(key)) waiter.reject(new Error(why));
    for (const key of [...this.#incoming.keys()]) if (matches(key)) this.#close(key);
  }

  // Those of this machine that come first in the chain read the same memory; the first one behind them gets the rest of it.
  #routeOf(chain: readonly EngineId[]): Route {
    const first = chain.findIndex((id) => !this.#isNear(id));
    if (first < 0) return { far: [], near: chain };
    return { far: [{ to: chain[first] as EngineId, rest: chain.slice(first + 1) }], near: chain.slice(0, first) };
  }

  #incomingOf({ key, sizes }: RelayMessage): Incoming {
    const known = this.#incoming.get(key);
    if (known !== undefined) return known;
    this.#checkRoom(totalOf(sizes));
    const body = new ArrivingBody(sizes, this.#memory);
    const expires = setTimeout(() => this.#incoming.delete(key), KEPT_MS).unref();
    const incoming = { body, expires };
    this.#incoming.set(key, incoming);
    return incoming;
  }

  /** @throws ProtocolError */
  #checkRoom(bytes: number): void {
    let open = bytes;
    for (const { body } of this.#incoming.values()) open += body.total;
    if (this.#incoming.size < MAX_OPEN && open <= MAX_OPEN_BYTES) return;
    throw new ProtocolError(`${this.#incoming.size} relayed bodies are under way already, of ${open - bytes} bytes`);
  }

  #close(key: string, waiter?: Waiter): void {
    const { body, expires } = this.#incoming.get(key) ?? {};
    this.#incoming.delete(key);
    clearTimeout(expires);
    if (body !== undefined) waiter?.resolve(body);
  }
}

/** The message, if a chunk of a body comes with it. */
function relayIn(read: () => Header): RelayMessage | undefined {
  try {
    const message = read();
    return message.type === 'relay' ? message : undefined;
  } catch {
    // The header is wrong: whoever takes the message says so.
    return undefined;
  }
}
