import { Worker } from 'node:worker_threads';
import type { StreamName } from '../../../client/results/output/text.ts';
import { type Deferred, deferred } from '../../../util/deferred.ts';
import type { JupyterConnection } from './connection-file.ts';
import { type Content, type Message, type MessageHeader, messageOf } from './message.ts';
import type { AskingChannel, KernelChannel } from './sockets.ts';
import type { FromWire, ToWire } from './wire-thread.ts';

/** Takes a message of a front end. */
export type OnMessage = (channel: AskingChannel, message: Message) => void;

/** The main thread's end of a kernel's sockets. Nothing here waits, so code that blocks can print. */
export class Wire {
  readonly #worker: Worker;
  readonly #bound: Deferred<void> = deferred();
  readonly #closed: Deferred<void> = deferred();
  readonly #settling: (() => void)[] = [];

  private constructor(connection: JupyterConnection, info: Content, onMessage: OnMessage) {
    const workerData = { connection, info };
    this.#worker = new Worker(new URL('./wire-thread.js', import.meta.url), { workerData });
    this.#worker.on('message', (news: FromWire) => {
      if (news.kind === 'message') onMessage(news.channel, news.message);
      else if (news.kind === 'bound') this.#bound.resolve();
      else if (news.kind === 'settled') this.#settling.shift()?.();
      else if (news.kind === 'failed') this.#bound.reject(new Error(news.reason));
      else this.#closed.resolve();
    });
    this.#worker.on('error', (error) => this.#bound.reject(error));
  }

  /** Resolves when all sockets listen. @throws Error when an address is taken */
  static async open(connection: JupyterConnection, info: Content, onMessage: OnMessage): Promise<Wire> {
    const wire = new Wire(connection, info, onMessage);
    try {
      await wire.#bound.promise;
      return wire;
    } catch (error) {
      await wire.#worker.terminate();
      throw error;
    }
  }

  /** Answers a request on the channel on which it came. */
  reply(channel: AskingChannel, { header, identities }: Message, content: Content): void {
    const type = header.msg_type.replace(/_request$/, '_reply');
    this.#tell({ kind: 'send', channel, message: messageOf(type, content, header, identities) });
  }

  /** Sends to one front end on the stdin channel. */
  ask({ header, identities }: Message, content: Content): void {
    this.#tell({ kind: 'send', channel: 'stdin', message: messageOf('input_request', content, header, identities) });
  }

  /** Tells all front ends. */
  publish(type: string, content: Content, parent: MessageHeader | undefined): void {
    const channel: KernelChannel = 'iopub';
    this.#tell({ kind: 'send', channel, message: messageOf(type, content, parent) });
  }

  /** Tells all front ends what was printed. */
  print(stream: StreamName, text: string, parent: MessageHeader | undefined): void {
    if (text !== '') this.#tell({ kind: 'text', stream, text, parent });
  }

  /** Resolves behind the messages that have come, or come together with those. */
  settled(): Promise<void> {
    this.#tell({ kind: 'settle' });
    return new Promise((resolve) => this.#settling.push(resolve));
  }

  #tell(told: ToWire): void {
    this.#worker.postMessage(told);
  }

  /** Closes the sockets when all has left, and ends the thread. */
  async close(): Promise<void> {
    this.#tell({ kind: 'close' });
    await this.#closed.promise;
    await this.#worker.terminate();
  }
}
