// Engine to engine: values put into each other's mailbox, outside the task queue, so that a running task can exchange
// blocks without deadlock. Links open on first use, to the endpoints of the roster.

import { clearTimeout, setTimeout } from 'node:timers';
import type { Link, Transport } from '../src/comm/transport.ts';
import { type Body, encodeBody, encodeMessage } from '../src/protocol/codec.ts';
import type { EngineId, EngineRecord, MailMessage } from '../src/protocol/messages.ts';
import type { Identity } from './engine.ts';
import { logLine } from './log.ts';

export interface ReceiveOptions {
  /** Milliseconds; default 60 000. */
  readonly timeout?: number;
}

interface Waiting {
  readonly from: EngineId;
  resolve(body: Body): void;
  reject(error: Error): void;
}

const DEFAULT_TIMEOUT = 60_000;
const ROSTER_WAIT_MS = 500;
const ROSTER_POLL_MS = 10;
const MAX_FORGOTTEN = 1000;
/** Bytes that wait in the mailbox; mail beyond is dropped and said so. */
const MAX_BYTES = 2 * 2 ** 30;

export class Peers {
  readonly #identity: Identity;
  readonly #transport: Transport;
  readonly #decode: (body: Body) => unknown;
  readonly #links = new Map<EngineId, Link>();
  readonly #mail = new Map<string, Body[]>();
  readonly #waiting = new Map<string, Waiting[]>();
  // Tags of failed collectives: what still comes for them is dropped.
  readonly #forgotten = new Set<string>();
  #engines: readonly EngineRecord[] = [];
  #bytes = 0;

  constructor(identity: Identity, transport: Transport, decode: (body: Body) => unknown) {
    this.#identity = identity;
    this.#transport = transport;
    this.#decode = decode;
  }

  /** Engines of the roster by rank: the position in the order of ids. */
  get ids(): EngineId[] {
    return this.#engines.map((engine) => engine.id);
  }

  get rank(): number {
    return this.ids.indexOf(this.#identity.id);
  }

  /** The roster changed: who left is hung up on, and what waits for them fails. */
  roster(engines: readonly EngineRecord[]): void {
    const before = this.#engines;
    this.#engines = [...engines].sort((a, b) => a.id - b.id);
    for (const old of before) {
      if (!engines.some((now) => now.uuid === old.uuid)) this.#gone(old.id, 'it left the cluster');
    }
  }

  /** Bytes that wait in the mailbox. */
  get mailBytes(): number {
    return this.#bytes;
  }

  /** Drops all mail whose tag is `topic` or begins with `topic/`, now and later; who waits for it fails. */
  forget(topic: string): void {
    this.#forgotten.add(topic);
    const oldest = this.#forgotten.values().next();
    if (this.#forgotten.size > MAX_FORGOTTEN && !oldest.done) this.#forgotten.delete(oldest.value);
    const keys = [...this.#mail.keys(), ...this.#waiting.keys()].filter((key) => topicOf(tagOf(key)) === topic);
    for (const key of keys) {
      while (this.#take(key) !== undefined);
      for (const waiting of [...(this.#waiting.get(key) ?? [])]) waiting.reject(new Error('it was called off'));
    }
  }

  /** Mail from a peer, at any time. */
  deliver(message: MailMessage, body: Body): void {
    if (this.#forgotten.has(topicOf(message.tag))) return;
    const key = keyOf(message.from, message.tag);
    const waiting = this.#waiting.get(key)?.shift();
    if (waiting !== undefined) waiting.resolve(body);
    else this.#store(key, body);
  }

  /**
   * Puts a value into the mailbox of the engine with this rank. Resolves when a large value has left.
   * @throws RangeError for a rank that no engine has, NotSerializableError
   */
  async send(rank: number, tag: string, value: unknown): Promise<void> {
    // Encoded first: what cannot travel fails before anything is opened.
    const body = encodeBody(value);
    const to = await this.#record(rank);
    if (to.id === this.#identity.id) {
      this.deliver({ type: 'mail', from: to.id, tag }, body);
      return;
    }
    await this.#link(to).send(encodeMessage({ type: 'mail', from: this.#identity.id, tag }, body));
  }

  /**
   * Takes the next value with this tag from the engine with this rank; waits for it.
   * @throws Error that names who waited for whom, when the time is over or the peer leaves
   */
  async recv(rank: number, tag: string, { timeout = DEFAULT_TIMEOUT }: ReceiveOptions = {}): Promise<unknown> {
    const { id: from } = await this.#record(rank);
    const key = keyOf(from, tag);
    const stored = this.#take(key);
    return this.#decode(
      stored ?? (await this.#wait(key, from, timeout, `'${tag}' from engine ${from} (rank ${rank})`)),
    );
  }

  /** Forgets all mail: what a failed collective left. */
  clear(): void {
    this.#mail.clear();
    this.#bytes = 0;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    this.#links.clear();
  }

  #wait(key: string, from: EngineId, timeout: number, what: string): Promise<Body> {
    const list = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, list);
    const me = `engine ${this.#identity.id}`;
    return new Promise<Body>((resolve, reject) => {
      const fail = (why: string) => finish(() => reject(peerError(`${me} waited for ${what}: ${why}`)));
      const timer = setTimeout(() => fail(`nothing came in ${timeout} ms`), timeout);
      const entry: Waiting = {
        from,
        resolve: (body) => finish(() => resolve(body)),
        reject: (error) => fail(error.message),
      };
      const finish = (end: () => void) => {
        clearTimeout(timer);
        remove(list, entry);
        if (list.length === 0) this.#waiting.delete(key);
        end();
      };
      list.push(entry);
    });
  }

  #store(key: string, body: Body): void {
    const bytes = sizeOf(body);
    if (this.#bytes + bytes > MAX_BYTES) {
      logLine(`engine ${this.#identity.id}: mailbox full (${this.#bytes} bytes), mail ${key} dropped`);
      return;
    }
    this.#bytes += bytes;
    const list = this.#mail.get(key);
    if (list === undefined) this.#mail.set(key, [body]);
    else list.push(body);
  }

  #take(key: string): Body | undefined {
    const list = this.#mail.get(key);
    const body = list?.shift();
    if (list?.length === 0) this.#mail.delete(key);
    if (body !== undefined) this.#bytes -= sizeOf(body);
    return body;
  }

  // A client may know of a new engine before its peers do: the roster gets a moment to come.
  async #record(rank: number): Promise<EngineRecord> {
    for (let waited = 0; waited <= ROSTER_WAIT_MS; waited += ROSTER_POLL_MS) {
      const record = this.#engines[rank];
      if (record !== undefined) return record;
      await new Promise((resolve) => setTimeout(resolve, ROSTER_POLL_MS));
    }
    throw new RangeError(
      `engine ${this.#identity.id} knows no rank ${rank}: there are ${this.#engines.length} engines`,
    );
  }

  #link(to: EngineRecord): Link {
    const known = this.#links.get(to.id);
    if (known !== undefined) return known;
    const link = this.#transport.connect(to.tasks, {
      onMessage: () => {},
      onDown: (_, reason) => this.#gone(to.id, reason.message),
    });
    this.#links.set(to.id, link);
    return link;
  }

  #gone(id: EngineId, why: string): void {
    void this.#links.get(id)?.close();
    this.#links.delete(id);
    const hit = [...this.#waiting.values()].flat().filter((waiting) => waiting.from === id);
    for (const waiting of hit) waiting.reject(new Error(why));
  }
}

function keyOf(from: EngineId, tag: string): string {
  return `${from}|${tag}`;
}

function tagOf(key: string): string {
  return key.slice(key.indexOf('|') + 1);
}

/** A tag is `topic` or `topic/rest`. */
function topicOf(tag: string): string {
  const end = tag.indexOf('/');
  return end < 0 ? tag : tag.slice(0, end);
}

function sizeOf(body: Body): number {
  return body.reduce((sum, part) => sum + part.byteLength, 0);
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}

function peerError(message: string): Error {
  return Object.assign(new Error(message), { name: 'PeerError' });
}
