// The main thread's side of the control thread: what the two say to each other, and how the thread is started and ended.
import { once } from 'node:events';
import process from 'node:process';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { EngineOptions } from '../../src/protocol/engine-options.ts';
import type { EngineRecord, TaskId } from '../../src/protocol/messages.ts';
import { logLine } from '../log.ts';
import type { Board } from './status-board.ts';

/** Main thread → control thread. */
export type ToControl =
  | { readonly do: 'register'; readonly engine: Omit<EngineRecord, 'id' | 'control'> }
  /** End the start number `started` after `ms`, if it still runs. */
  | { readonly do: 'deadline'; readonly started: number; readonly ms: number }
  | { readonly do: 'close' };

/** Control thread → main thread. */
export type FromControl =
  | { readonly do: 'registered'; readonly id: number }
  | { readonly do: 'roster'; readonly engines: readonly EngineRecord[]; readonly version: number }
  | { readonly do: 'abort'; readonly ids: readonly TaskId[] }
  | { readonly do: 'purge'; readonly ids?: readonly TaskId[] | undefined; readonly client?: string | undefined }
  | { readonly do: 'interrupt'; readonly started: number }
  | { readonly do: 'shutdown'; readonly code: number; readonly reason: string };

export interface ControlData {
  readonly board: SharedArrayBuffer;
  readonly uuid: string;
  readonly options: EngineOptions;
  readonly port: MessagePort;
}

/** How long the end of the process waits (ms) for the control thread to close its sockets. */
const CLOSE_MS = 2000;

export class Control {
  readonly #board: Board;
  readonly #worker: Worker;
  readonly #signals: Worker;
  readonly #port: MessagePort;
  #ended = false;

  constructor(board: Board, uuid: string, options: EngineOptions, onMessage: (message: FromControl) => void) {
    const { port1, port2 } = new MessageChannel();
    const data: ControlData = { board: board.buffer, uuid, options, port: port2 };
    this.#board = board;
    this.#port = port1;
    this.#worker = new Worker(new URL('./control-thread.js', import.meta.url), {
      workerData: data,
      transferList: [port2],
    });
    this.#signals = new Worker(new URL('./signal-thread.js', import.meta.url), { workerData: board.buffer });
    this.#signals.unref();
    this.#port.on('message', (message: FromControl) => this.#take(message, onMessage));
    for (const worker of [this.#worker, this.#signals]) worker.on('error', (error) => this.#failed(error));
    process.on('exit', () => this.#closeNow());
  }

  /** Resolves when tasks may start: a signal goes to whoever entered last, and that must be the task. */
  guarded(): Promise<void> {
    return this.#board.whenSet('guarded');
  }

  send(message: ToControl): void {
    this.#port.postMessage(message);
  }

  /** What the control thread has said and the event loop has not delivered: before a task starts. */
  drain(onMessage: (message: FromControl) => void): void {
    while (this.#board.get('commands') > 0) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#take(received.message as FromControl, onMessage);
    }
  }

  /** Ends the thread; its sockets are closed. */
  async close(): Promise<void> {
    this.send({ do: 'close' });
    await once(this.#worker, 'exit');
    this.#ended = true;
  }

  // The one count that says whether `drain` has anything to do.
  #take(message: FromControl, onMessage: (message: FromControl) => void): void {
    this.#board.add('commands', -1);
    onMessage(message);
  }

  #failed(error: Error): void {
    logLine(`engine: a thread of the engine failed: ${error.stack}`);
    process.exit(1);
  }

  // A thread with a pending receive aborts the process (code 134): its sockets go first, whoever called process.exit.
  #closeNow(): void {
    if (this.#ended) return;
    this.send({ do: 'close' });
    this.#board.waitFor('closed', CLOSE_MS);
  }
}
