// The thread of a kernel's sockets. It answers while a cell computes: heartbeats, what the kernel is, interrupts. Text
// that a cell prints in a loop leaves at once.
import { writeSync } from 'node:fs';
import process from 'node:process';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { StreamName } from '../../../client/results/output/text.ts';
import { isAlive } from '../../../util/system/process-alive.ts';
import type { JupyterConnection } from './connection-file.ts';
import { type Content, type Message, MessageCodec, type MessageHeader, messageOf } from './message.ts';
import { type AskingChannel, type KernelChannel, Sockets } from './sockets.ts';
import { StreamBuffer } from './stream-buffer.ts';

/** The data of the thread's start. */
export interface WireData {
  readonly connection: JupyterConnection;
  /** The content of `kernel_info_reply`. */
  readonly info: Content;
}

/** A message of the main thread to this one. */
export type ToWire =
  | { readonly kind: 'send'; readonly channel: KernelChannel; readonly message: Message }
  | {
      readonly kind: 'text';
      readonly stream: StreamName;
      readonly text: string;
      readonly parent: MessageHeader | undefined;
    }
  /** Answered by `settled` behind the messages that have come. */
  | { readonly kind: 'settle' }
  | { readonly kind: 'close' };

/** A message of this thread to the main one. */
export type FromWire =
  | { readonly kind: 'bound' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'message'; readonly channel: AskingChannel; readonly message: Message }
  | { readonly kind: 'settled' }
  | { readonly kind: 'closed' };

/** The process's own: `process.stderr` of a thread goes by the main thread, which prints in cells. */
const STDERR = 2;
/** Text is gathered for this time (ms). */
const GATHER_MS = 30;
/** A main thread that has not shut the kernel down by now (ms) is busy for ever. */
const SHUTDOWN_MS = 4000;
const PARENT_POLL_MS = 1000;
/** Messages that were sent together arrive within this time (ms) of each other. */
const SETTLE_MS = 20;

const MAX_DETAILS = 100;
/** The messages that a front end may send; those of comms are known, and nobody here takes them. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['execute_request', 'complete_request', 'inspect_request', 'is_complete_request', 'history_request'],
  ...['comm_info_request', 'comm_open', 'comm_msg', 'comm_close'],
  ...['shutdown_request', 'interrupt_request', 'input_reply'],
]);

/** Sockets, signatures, and what needs no main thread. */
class Wire {
  readonly #port: MessagePort;
  readonly #codec: MessageCodec;
  readonly #info: Content;
  /** The kinds of messages that were ignored: each is told once. */
  readonly #ignored = new Set<string>();
  /** The text of each cell that still prints, by the id of its request. */
  readonly #buffers = new Map<string, StreamBuffer>();
  #sockets: Sockets | undefined;
  #gathering: NodeJS.Timeout | undefined;

  constructor(port: MessagePort, { connection, info }: WireData) {
    this.#port = port;
    this.#codec = new MessageCodec(connection.key);
    this.#info = info;
    port.on('message', (told: ToWire) => this.#obey(told));
    void this.#open(connection);
    watchParent();
  }

  async #open(connection: JupyterConnection): Promise<void> {
    try {
      this.#sockets = await Sockets.bind(connection, (channel, frames) => this.#onFrames(channel, frames));
      this.#tell({ kind: 'bound' });
    } catch (error) {
      this.#tell({ kind: 'failed', reason: (error as Error).message });
    }
  }

  #tell(news: FromWire): void {
    this.#port.postMessage(news);
  }

  #onFrames(channel: AskingChannel, frames: Uint8Array[]): void {
    try {
      const message = this.#codec.decode(frames);
      if (message.header.msg_type === 'kernel_info_request') this.#answer(channel, message, this.#info);
      else if (!KNOWN.has(message.header.msg_type)) this.#ignore('a message of unknown type', message.header.msg_type);
      else if (channel === 'control') this.#control(message);
      else this.#tell({ kind: 'message', channel, message });
    } catch (error) {
      this.#ignore((error as Error).message, `on ${channel}`);
    }
  }

  #ignore(kind: string, details: string): void {
    if (this.#ignored.has(kind)) return;
    this.#ignored.add(kind);
    const told = details.slice(0, MAX_DETAILS);
    tellPerson(`directview kernel: ignored: ${kind} (${told}); more of this kind are not told\n`);
  }

  #control(message: Message): void {
    const type = message.header.msg_type;
    if (type === 'interrupt_request') {
      interrupt();
      this.#answer('control', message, { status: 'ok' });
      return;
    }
    // A loop must end before the main thread can shut anything down.
    if (type === 'shutdown_request') {
      interrupt();
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), SHUTDOWN_MS).unref();
    }
    this.#tell({ kind: 'message', channel: 'control', message });
  }

  #answer(channel: AskingChannel, { header, identities }: Message, content: Content): void {
    const status = (state: string) => this.#send('iopub', messageOf('status', { execution_state: state }, header));
    status('busy');
    this.#send(channel, messageOf(header.msg_type.replace('_request', '_reply'), content, header, identities));
    status('idle');
  }

  #send(channel: KernelChannel, message: Message): void {
    // Subscribers of iopub choose by the first frame.
    const identities = channel === 'iopub' ? [Buffer.from(message.header.msg_type)] : message.identities;
    this.#sockets?.send(channel, this.#codec.encode({ ...message, identities }));
  }

  #obey(told: ToWire): void {
    if (told.kind === 'text') this.#gather(told.stream, told.text, told.parent);
    else if (told.kind === 'close') void this.#close();
    else if (told.kind === 'settle') setTimeout(() => this.#tell({ kind: 'settled' }), SETTLE_MS);
    else this.#publish(told.channel, told.message);
  }

  // Outputs keep their order; at its end a cell has no text left.
  #publish(channel: KernelChannel, message: Message): void {
    this.#flush();
    if (message.content['execution_state'] === 'idle') this.#finish(message.parent?.msg_id ?? '');
    this.#send(channel, message);
  }

  #gather(stream: StreamName, text: string, parent: MessageHeader | undefined): void {
    const id = parent?.msg_id ?? '';
    const buffer =
      this.#buffers.get(id) ??
      new StreamBuffer((name, part) => this.#send('iopub', messageOf('stream', { name, text: part }, parent)));
    this.#buffers.set(id, buffer);
    buffer.write(stream, text);
    this.#gathering ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    for (const buffer of this.#buffers.values()) buffer.flush();
  }

  #finish(id: string): void {
    this.#buffers.get(id)?.finish();
    this.#buffers.delete(id);
  }

  async #close(): Promise<void> {
    for (const id of this.#buffers.keys()) this.#finish(id);
    await this.#sockets?.close();
    this.#tell({ kind: 'closed' });
    this.#port.close();
  }
}

// Nobody may read it any more, such as a terminal that was closed: the kernel works on.
function tellPerson(line: string): void {
  try {
    writeSync(STDERR, line);
  } catch {
    // It is told to nobody.
  }
}

/** The same as the signal to this process: `watchSignals`. */
function interrupt(): void {
  process.kill(process.pid, 'SIGINT');
}

/** A front end that was killed tells nobody: the kernel ends with it. */
function watchParent(): void {
  const parent = Number(process.env['JPY_PARENT_PID']);
  if (!Number.isSafeInteger(parent) || parent <= 1) return;
  const poll = () => {
    if (!isAlive(parent)) process.kill(process.pid, 'SIGTERM');
  };
  setInterval(poll, PARENT_POLL_MS).unref();
}

if (parentPort !== null) new Wire(parentPort, workerData as WireData);
