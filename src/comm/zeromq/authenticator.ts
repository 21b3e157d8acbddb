// The answers to libzmq's question whether a key may connect (ZAP, https://rfc.zeromq.org/spec/27).
import { setImmediate as turn } from 'node:timers/promises';
import { Router } from 'zeromq';
import { ConnectionError } from '../../errors.ts';
import { report } from '../log.ts';
import type { Credentials } from './credentials.ts';

const ENDPOINT = 'inproc://zeromq.zap.01';
/** The characters of Z85 (https://rfc.zeromq.org/spec/32), by value. */
const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const KEY_BYTES = 32;

/** A ZAP request, as a ROUTER gives it. */
type Frames = readonly Buffer[];

/** The keys that may connect, by domain: those of every cluster with sockets in this process. */
const admitted = new Map<string, ReadonlySet<string>>();
let handler: Promise<Handler> | undefined;

/** The registration of one party's sockets with the authenticator of this process. */
export interface Authentication {
  /** Nobody new is admitted from now on. The last one ends the authenticator. Idempotent. */
  close(): Promise<void>;
}

/**
 * Admits the parties that may connect to the sockets of these credentials, in all threads of this process. Call it before
 * the sockets listen. libzmq has one authenticator per process; without one the sockets refuse everybody.
 * @throws ConnectionError when another thread of this process has one already
 */
export async function authenticate(credentials: Credentials): Promise<Authentication> {
  const domains = credentials.sockets.map((socket) => credentials.domain(socket));
  for (const socket of credentials.sockets) admitted.set(credentials.domain(socket), credentials.admitted(socket));
  try {
    handler ??= Handler.bind();
    await handler;
  } catch (error) {
    handler = undefined;
    for (const domain of domains) admitted.delete(domain);
    throw error;
  }
  return { close: () => release(domains) };
}

async function release(domains: readonly string[]): Promise<void> {
  for (const domain of domains) admitted.delete(domain);
  if (admitted.size > 0 || handler === undefined) return;
  const last = handler;
  handler = undefined;
  await (await last).close();
}

/** One ROUTER that answers until it is closed. */
class Handler {
  readonly #socket: Router;
  #serving: Promise<void> = Promise.resolve();

  private constructor(socket: Router) {
    this.#socket = socket;
  }

  static async bind(): Promise<Handler> {
    const socket = new Router({ linger: 0 });
    try {
      await socket.bind(ENDPOINT);
    } catch (cause) {
      socket.close();
      throw new ConnectionError('another thread of this process authenticates already: start clusters in one thread', {
        cause,
      });
    }
    const bound = new Handler(socket);
    bound.#serving = bound.#serve();
    return bound;
  }

  async #serve(): Promise<void> {
    try {
      for (;;) await this.#socket.send(answerTo(await this.#socket.receive()));
    } catch (error) {
      if (!this.#socket.closed) report(`the authenticator has ended: ${(error as Error).message}`);
    }
  }

  async close(): Promise<void> {
    this.#socket.close();
    // A thread that ends with a pending receive takes the process with it.
    await this.#serving;
    await turn();
  }
}

/** The reply to a request: 200 for a key that the domain admits, else 400. Never throws. */
export function answerTo([path, , , id, domain, , , mechanism, key]: Frames): (Buffer | string)[] {
  const isAdmitted = mechanism?.toString() === 'CURVE' && admitted.get(`${domain}`)?.has(z85(key)) === true;
  if (!isAdmitted) report(`refused a key at ${domain}`);
  return [path ?? '', '', '1.0', id ?? '', isAdmitted ? '200' : '400', isAdmitted ? 'OK' : 'not admitted', '', ''];
}

/** The text of a raw key; empty for other lengths. */
function z85(key: Buffer | undefined): string {
  if (key?.length !== KEY_BYTES) return '';
  let text = '';
  for (let at = 0; at < KEY_BYTES; at += 4) {
    let word = key.readUInt32BE(at);
    let digits = '';
    for (let i = 0; i < 5; i++) {
      digits = Z85.charAt(word % 85) + digits;
      word = Math.floor(word / 85);
    }
    text += digits;
  }
  return text;
}
