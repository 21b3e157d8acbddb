import { PeerClosed, PeerRefused, PeerUnreachable } from '../comm/link.ts';
import type { Transport } from '../comm/transport.ts';
import { ConnectionError } from '../errors.ts';
import type { Reader } from '../protocol/fields.ts';
import {
  CONTROL_METHODS,
  type ControlReply,
  type ControlRequest,
  type ControlValue,
  type ControlVerb,
} from '../protocol/messages/control.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { HelloMessage } from '../protocol/messages/hello.ts';
import { type Channel, openChannel } from './channel.ts';
import { CONTROL } from './conversations.ts';
import { Requests } from './requests.ts';

/** The engine that is asked, and where its control thread listens. */
export type ControlTarget = Pick<EngineRecord, 'id' | 'uuid' | 'control'>;

/** Milliseconds. */
const DEFAULT_TIMEOUT = 10_000;
/** A link that breaks within so many ms, and before any answer, was not taken: the engine may have no descriptor free now. */
const RESET_MS = 1000;
/** How often a link that was not taken is opened again, and after how many ms. */
const RESETS = 6;
const AGAIN_MS = 300;

/**
 * Asks the control thread of one engine, which answers while the main thread computes. The link opens with the first
 * request. When it breaks, the requests that wait fail, and the next one opens another link. A link that is not taken at all
 * is opened again a few times.
 */
export class ControlClient {
  readonly #transport: Transport;
  readonly #engine: ControlTarget;
  readonly #hello: HelloMessage | undefined;
  readonly #requests = new Requests<unknown>();
  #channel: Channel<HelloMessage | ControlRequest> | undefined;
  #closed: ConnectionError | undefined;
  /** Requests that were sent before the link has answered any. */
  readonly #early = new Map<number, ControlRequest>();
  #hasHeard = false;
  #openedAt = 0;
  #resets = 0;
  #timer: NodeJS.Timeout | undefined;
  #next = 1;

  /** `hello`: who asks. Without it the tasks of clients are out of reach. */
  constructor(transport: Transport, engine: ControlTarget, hello?: HelloMessage) {
    this.#transport = transport;
    this.#hello = hello;
    this.#engine = engine;
  }

  /** Opens the link now instead of with the first request. @throws ConnectionError for an endpoint that is not allowed */
  connect(): void {
    this.#open();
  }

  /**
   * @throws TimeoutError naming the engine after `timeout` ms (default 10 000); ConnectionError when the engine refuses,
   * or the link breaks; ProtocolError for an answer of another shape
   */
  ask<Verb extends ControlVerb>(verb: Verb, timeout: number = DEFAULT_TIMEOUT): Promise<ControlValue<Verb>> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = this.#next++;
    const answer = this.#requests.open(id, `engine ${this.#engine.id} did not answer '${verb.type}'`, timeout);
    this.#send({ ...(verb as ControlVerb), id, to: this.#engine.uuid });
    const read = CONTROL_METHODS[verb.type].value as Reader<ControlValue<Verb>>;
    return answer.then((value) => read(value, `the answer of engine ${this.#engine.id} to ${verb.type}`));
  }

  /** Fails requests that wait, and later ones, with `reason`. Idempotent. */
  async close(reason?: ConnectionError): Promise<void> {
    clearTimeout(this.#timer);
    this.#closed ??= reason ?? new ConnectionError(`the control link to engine ${this.#engine.id} is closed`);
    this.#requests.failAll(this.#closed);
    await this.#channel?.close();
  }

  #send(request: ControlRequest): void {
    if (!this.#hasHeard) this.#early.set(request.id, request);
    // The link was not taken, and is opened again: the request goes then.
    if (this.#timer !== undefined) return;
    try {
      void this.#open().send(request);
    } catch (error) {
      this.#requests.fail(request.id, error as Error);
    }
  }

  #open(): Channel<HelloMessage | ControlRequest> {
    if (this.#channel !== undefined) return this.#channel;
    const { id, control: endpoint } = this.#engine;
    const options = { transport: this.#transport, endpoint, conversation: CONTROL };
    const channel = openChannel(options, `engine ${id}`, {
      message: (reply) => this.#settle(reply),
      down: (reason) => this.#down(reason),
    });
    if (this.#hello !== undefined) void channel.send(this.#hello);
    this.#channel = channel;
    this.#hasHeard = false;
    this.#openedAt = performance.now();
    return channel;
  }

  #settle(reply: ControlReply): void {
    this.#hasHeard = true;
    this.#resets = 0;
    this.#early.clear();
    if (reply.ok) this.#requests.settle(reply.id, reply.value);
    else this.#requests.fail(reply.id, new ConnectionError(`engine ${this.#engine.id}: ${reply.error}`));
  }

  #down(reason: Error): void {
    this.#channel = undefined;
    if (this.#isReset(reason) && this.#closed === undefined) {
      this.#timer = setTimeout(() => this.#again(), AGAIN_MS);
      return;
    }
    this.#resets = 0;
    this.#early.clear();
    this.#requests.failAll(
      new ConnectionError(`the control link to engine ${this.#engine.id} broke: ${reason.message}`, { cause: reason }),
    );
  }

  #isReset(reason: Error): boolean {
    const isSaid = [PeerClosed, PeerRefused, PeerUnreachable].some((kind) => reason instanceof kind);
    const isPrompt = performance.now() - this.#openedAt < RESET_MS;
    return !isSaid && isPrompt && !this.#hasHeard && this.#requests.isOpen && ++this.#resets <= RESETS;
  }

  // Those that have timed out meanwhile are not sent again.
  #again(): void {
    this.#timer = undefined;
    const waiting = new Set(this.#requests.ids);
    const requests = [...this.#early.values()].filter(({ id }) => waiting.has(id));
    this.#early.clear();
    for (const request of requests) this.#send(request);
  }
}
