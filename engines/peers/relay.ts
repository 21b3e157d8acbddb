import { clearTimeout, setTimeout } from 'node:timers';
import { ProtocolError } from '../../src/errors.ts';
import type { Body } from '../../src/protocol/codec.ts';
import type { EngineId, Header, RelayMessage } from '../../src/protocol/messages.ts';
import { relayChunks } from '../../src/protocol/relay-chunks.ts';
import { peerError } from './mailbox.ts';

/** Sends a chunk to the next engine of the chain. */
export type PassOn = (to: EngineId, message: RelayMessage, chunk: Uint8Array) => Promise<void>;

/** Milliseconds after which a body is dropped that no task takes: its task was aborted, or has asked the client. */
const KEPT_MS = 60_000;

interface Incoming {
  readonly parts: Uint8Array[];
  /** Bytes before each part. */
  readonly before: readonly number[];
  readonly total: number;
  missing: number;
  expires: NodeJS.Timeout;
}

/** The largest body that may be announced, in bytes, as of whole messages; and the most parts. */
const MAX_BYTES = 16 * 2 ** 30;
const MAX_PARTS = 2 ** 20;
/** Bodies that may be under way or wait for their tasks, and the bytes of all of them. */
const MAX_OPEN = 4096;
const MAX_OPEN_BYTES = 4 * MAX_BYTES;

interface Waiter {
  readonly from: EngineId | undefined;
  progress(): void;
  resolve(body: Body): void;
  reject(error: Error): void;
}

/** The engines and the memory of this machine, for a Relay. */
export interface RelayOptions {
  /** Is that engine on this machine? Default: none is. */
  readonly isNear?: ((id: EngineId) => boolean) | undefined;
  /** Memory of exactly so many bytes, with any content; undefined: fresh memory. */
  readonly memory?: ((bytes: number) => Uint8Array | undefined) | undefined;
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
  readonly #memory: (bytes: number) => Uint8Array | undefined;
  readonly #incoming = new Map<string, Incoming>();
  readonly #waiting = new Map<string, Waiter>();

  constructor(passOn: PassOn, { isNear = () => false, memory = () => undefined }: RelayOptions = {}) {
    this.#passOn = passOn;
    this.#memory = memory;
    this.#isNear = isNear;
  }

  /**
   * The place of a chunk that is on its way here, so that it need not be copied; undefined where it will be passed on: the task
   * that gets the value may change it while the chunk leaves. `read` gives the message.
   */
  destination(read: () => Header, bytes: number): Uint8Array | undefined {
    if (bytes < PLACED_BYTES) return undefined;
    const message = relayIn(read);
    if (message === undefined || message.chain.length > 0) return undefined;
    const body = this.#incoming.get(message.key) ?? this.#open(message);
    const { part, offset } = message;
    if (offset + bytes > (body.parts[part]?.byteLength ?? -1)) return undefined;
    return body.parts[part]?.subarray(offset, offset + bytes);
  }

  /** Takes a chunk: passes it on at once and puts it into its place. */
  arrive(message: RelayMessage, chunk: Uint8Array): void {
    const body = this.#incoming.get(message.key) ?? this.#open(message);
    checkPlace(body, message, chunk.byteLength);
    this.#forward(message, chunk);
    place(body.parts[message.part] as Uint8Array, message.offset, chunk);
    body.missing -= chunk.byteLength;
    body.expires.refresh();
    const waiter = this.#waiting.get(message.key);
    waiter?.progress();
    if (body.missing === 0 && waiter !== undefined) waiter.resolve(this.#close(message.key));
  }

  /** Sends a body down a chain. Resolves when the body has left and may change. */
  async start(key: string, chain: readonly EngineId[], body: Body): Promise<void> {
    const sent: Promise<void>[] = [];
    for (const { message, chunk } of relayChunks(key, chain, body)) sent.push(...this.#send(message, chunk));
    await Promise.all(sent);
  }

  /**
   * Takes the whole body away. `from` is the engine that sends it; absent for a client.
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

  /** That engine is gone: fails the tasks that wait for its chunks. */
  gone(id: EngineId, why: string): void {
    for (const waiter of [...this.#waiting.values()]) if (waiter.from === id) waiter.reject(new Error(why));
  }

  /** Fails those who wait for bodies with such keys, and drops what has come of them. */
  cancel(matches: (key: string) => boolean, why: string): void {
    for (const [key, waiter] of [...this.#waiting]) if (matches(key)) waiter.reject(new Error(why));
    for (const key of [...this.#incoming.keys()]) if (matches(key)) this.#close(key);
  }

  // If a chain breaks, the engines behind the break ask the client for the body.
  #forward(message: RelayMessage, chunk: Uint8Array): void {
    for (const sent of this.#send(message, chunk)) sent.catch(() => {});
  }

  // Those of this machine that come first in the chain read the same memory; the first one behind them gets the rest of it.
  #send(message: RelayMessage, chunk: Uint8Array): Promise<void>[] {
    const { chain } = message;
    if (chain.length === 0) return [];
    const far = chain.findIndex((id) => !this.#isNear(id));
    const near = far < 0 ? chain : chain.slice(0, far);
    const ways = near.map((to) => ({ to, rest: [] as readonly EngineId[] }));
    if (far >= 0) ways.unshift({ to: chain[far] as EngineId, rest: chain.slice(far + 1) });
    return ways.map(({ to, rest }) => this.#passOn(to, { ...message, chain: rest }, chunk));
  }

  #open({ key, sizes }: RelayMessage): Incoming {
    const total = sizes.reduce((a, b) => a + b, 0);
    checkSizes(sizes, total);
    this.#checkRoom(total);
    const before: number[] = [];
    for (const part of sizes.keys())
      before.push(part === 0 ? 0 : (before[part - 1] as number) + (sizes[part - 1] as number));
    // A copy into one buffer for each part, because values are windows on whole parts, and the chunks go on to others.
    const parts = sizes.map((size) => this.#memory(size) ?? new Uint8Array(Buffer.allocUnsafeSlow(size).buffer));
    const expires = setTimeout(() => this.#incoming.delete(key), KEPT_MS).unref();
    const body = { parts, before, total, missing: total, expires };
    this.#incoming.set(key, body);
    return body;
  }

  /** @throws ProtocolError */
  #checkRoom(bytes: number): void {
    let open = bytes;
    for (const { total } of this.#incoming.values()) open += total;
    if (this.#incoming.size < MAX_OPEN && open <= MAX_OPEN_BYTES) return;
    throw new ProtocolError(`${this.#incoming.size} relayed bodies are under way already, of ${open - bytes} bytes`);
  }

  #close(key: string): Body {
    const body = this.#incoming.get(key);
    this.#incoming.delete(key);
    clearTimeout(body?.expires);
    return body?.parts ?? [];
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

/** Copies a chunk, unless it is there. */
function place(part: Uint8Array, offset: number, chunk: Uint8Array): void {
  if (chunk.buffer !== part.buffer || chunk.byteOffset !== part.byteOffset + offset) part.set(chunk, offset);
}

/** Before memory is taken. @throws ProtocolError */
function checkSizes(sizes: readonly number[], total: number): void {
  if (total <= MAX_BYTES && sizes.length <= MAX_PARTS) return;
  throw new ProtocolError(`a relayed body of ${sizes.length} parts and ${total} bytes; at most ${MAX_BYTES} may come`);
}

/** Chunks come in order, each byte once: memory that nothing was written to must not become a value. @throws ProtocolError */
function checkPlace(body: Incoming, { part, offset }: RelayMessage, bytes: number): void {
  const isInside = offset + bytes <= (body.parts[part]?.byteLength ?? -1);
  if (isInside && (body.before[part] as number) + offset === body.total - body.missing) return;
  throw new ProtocolError(`a relayed chunk of ${bytes} bytes at ${offset} of part ${part}, which is not the next one`);
}
