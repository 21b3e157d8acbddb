// A line to one engine's control socket, answered while the engine computes: pings and status.
import type { Link, Transport } from '../comm/transport.ts';
import { ConnectionError, TimeoutError } from '../errors.ts';
import { decodeHeader, encodeMessage } from '../protocol/codec.ts';
import type { ControlReply, EngineRecord } from '../protocol/messages.ts';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class ControlProbe {
  readonly #engine: Pick<EngineRecord, 'uuid' | 'control'>;
  readonly #link: Link;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #isDown = false;

  constructor(transport: Transport, engine: Pick<EngineRecord, 'uuid' | 'control'>) {
    this.#engine = engine;
    this.#link = transport.connect(engine.control, {
      onMessage: (parts) => this.#take(decodeHeader(parts) as ControlReply),
      onDown: (_link, reason) => {
        this.#isDown = true;
        this.#fail(reason);
      },
    });
  }

  /**
   * Asks and waits for the answer at most `timeout` ms.
   * @throws TimeoutError; ConnectionError when the engine refuses or its socket closes
   */
  ask(type: 'ping' | 'status', timeout: number): Promise<unknown> {
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    const late = () => this.#settle(id)?.reject(new TimeoutError(`no answer to '${type}' within ${timeout} ms`));
    const timer = setTimeout(late, timeout);
    this.#link
      .send(encodeMessage({ id, to: this.#engine.uuid, type }))
      .catch((error: Error) => this.#settle(id)?.reject(error));
    return answer.finally(() => clearTimeout(timer));
  }

  /** The link broke: another probe is needed. */
  get isDown(): boolean {
    return this.#isDown;
  }

  #take(reply: ControlReply): void {
    const waiting = this.#settle(reply.id);
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.reject(new ConnectionError(reply.error ?? 'the engine refused'));
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #fail(reason: Error): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(reason);
  }

  async close(): Promise<void> {
    this.#fail(new ConnectionError('the probe was closed'));
    await this.#link.close();
  }
}
