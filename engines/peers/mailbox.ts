import { clearTimeout, setTimeout } from 'node:timers';
import type { Body } from '../../src/protocol/codec.ts';
import type { EngineId } from '../../src/protocol/messages.ts';
import { timerMs } from '../../src/rpc/timer-ms.ts';

/** The mail that a receiver waits for: its sender and tag, for how long, and how errors say it. */
export interface Wanted {
  readonly from: EngineId;
  readonly tag: string;
  /** Milliseconds. */
  readonly timeout: number;
  /** Completes "engine 3 waited …". */
  readonly what: string;
}

interface Waiting {
  readonly from: EngineId;
  readonly tag: string;
  resolve(body: Body): void;
  fail(why: string): void;
  /** With an error of this text alone. */
  reject(text: string): void;
}

/** Bytes that may wait in the mailbox; mail beyond is dropped with a line in the log. */
const MAX_BYTES = 2 * 2 ** 30;
/** The cost of a piece of mail beside its parts and its tag. */
const ENTRY_BYTES = 512;

/** Bodies by sender and tag, and the receivers that wait for them. It knows no sockets. */
export class Mailbox {
  readonly #owner: () => string;
  readonly #drop: (text: string) => void;
  readonly #mail = new Map<string, Body[]>();
  readonly #waiting = new Map<string, Waiting[]>();
  #bytes = 0;

  /** `owner` names the engine in errors; `drop` is told why a body is not kept. */
  constructor(owner: () => string, drop: (text: string) => void) {
    this.#owner = owner;
    this.#drop = drop;
  }

  /** Bytes of mail that no receiver has taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Gives mail to its receiver, or keeps it for one. */
  deliver(from: EngineId, tag: string, body: Body): void {
    const waiting = this.#waiting.get(keyOf(from, tag))?.[0];
    if (waiting !== undefined) waiting.resolve(body);
    else this.#store(keyOf(from, tag), body);
  }

  /**
   * The next mail of that sender and tag, in order of arrival. `gone` is the reason why no more will come.
   * @throws PeerError that names who waited for whom
   */
  take(wanted: Wanted, gone?: string): Promise<Body> {
    const stored = this.#stored(keyOf(wanted.from, wanted.tag));
    if (stored !== undefined) return Promise.resolve(stored);
    if (gone === undefined) return this.#wait(wanted);
    return Promise.reject(peerError(`${this.#owner()} waited ${wanted.what}: ${gone}`));
  }

  /** Fails the receivers that match; `why` completes their errors. */
  fail(matches: (from: EngineId, tag: string) => boolean, why: string): void {
    const hit = [...this.#waiting.values()].flat().filter(({ from, tag }) => matches(from, tag));
    for (const waiting of hit) waiting.fail(why);
  }

  /** As `fail`, with the same error for all of them. */
  reject(matches: (from: EngineId, tag: string) => boolean, text: string): void {
    const hit = [...this.#waiting.values()].flat().filter(({ from, tag }) => matches(from, tag));
    for (const waiting of hit) waiting.reject(text);
  }

  /** Drops mail whose tag begins with `prefix`, such as the rest of a collective that is over. */
  forget(prefix: string): void {
    for (const [key, bodies] of this.#mail) {
      if (!tagOf(key).startsWith(prefix)) continue;
      this.#mail.delete(key);
      for (const body of bodies) this.#bytes -= costOf(key, body);
    }
  }

  #wait({ from, tag, timeout, what }: Wanted): Promise<Body> {
    const key = keyOf(from, tag);
    const list = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, list);
    return new Promise<Body>((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        list.splice(list.indexOf(entry), 1);
        if (list.length === 0) this.#waiting.delete(key);
      };
      const entry: Waiting = {
        from,
        tag,
        resolve: (body) => {
          end();
          resolve(body);
        },
        fail: (why) => entry.reject(`${this.#owner()} waited ${what}: ${why}`),
        reject: (text) => {
          end();
          reject(peerError(text));
        },
      };
      const timer = setTimeout(() => entry.fail(`nothing came in ${timeout} ms`), timerMs(timeout));
      list.push(entry);
    });
  }

  #store(key: string, body: Body): void {
    const bytes = costOf(key, body);
    if (this.#bytes + bytes > MAX_BYTES) {
      this.#drop(`${this.#owner()}: mailbox full (${this.#bytes} bytes), mail ${key} dropped`);
      return;
    }
    this.#bytes += bytes;
    const list = this.#mail.get(key);
    const own = body.map(withOwnMemory);
    if (list === undefined) this.#mail.set(key, [own]);
    else list.push(own);
  }

  #stored(key: string): Body | undefined {
    const list = this.#mail.get(key);
    const body = list?.shift();
    if (list?.length === 0) this.#mail.delete(key);
    if (body !== undefined) this.#bytes -= costOf(key, body);
    return body;
  }
}

function keyOf(from: EngineId, tag: string): string {
  return `${from}|${tag}`;
}

function tagOf(key: string): string {
  return key.slice(key.indexOf('|') + 1);
}

// A copy, where the part is a small piece of what came with it: it would keep all of that alive.
function withOwnMemory(part: Uint8Array): Uint8Array {
  return part.buffer.byteLength > 2 * part.byteLength + 64 ? new Uint8Array(part) : part;
}

function costOf(key: string, body: Body): number {
  return ENTRY_BYTES + key.length + bytesOf(body);
}

/** Bytes of all parts of a body. */
export function bytesOf(body: Body): number {
  return body.reduce((sum, part) => sum + part.byteLength, 0);
}

/** An exchange between engines that failed. */
export function peerError(message: string): Error {
  return Object.assign(new Error(message), { name: 'PeerError' });
}
