import { once } from 'node:events';
import process from 'node:process';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { EngineOptions } from '../../src/protocol/engine-options.ts';
import type { ControlRequest } from '../../src/protocol/messages/control.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { HeldMemory, TaskFailure } from '../../src/protocol/messages/monitoring.ts';
import type { RosterOutbound } from '../../src/protocol/messages/roster.ts';
import { logLine } from '../log.ts';
import type { TaskRing } from '../queue/monitor/task-ring.ts';
import type { StatusBoard } from '../queue/status-board.ts';

/** Main thread → control thread. */
export type ToControl =
  | { readonly do: 'register'; readonly engine: Omit<EngineRecord, 'id' | 'control'> }
  /** Ends the task with the start number `started` after `ms`, if it still runs. */
  | { readonly do: 'deadline'; readonly started: number; readonly ms: number }
  /** The memory that the engine holds, and a task that failed: for status and dashboards. */
  | { readonly do: 'held'; readonly memory: HeldMemory }
  | { readonly do: 'failed'; readonly failure: TaskFailure }
  /** A debugger finds the main thread at this address. */
  | { readonly do: 'inspector'; readonly url: string }
  /** The main thread wants to know the other engines. */
  | { readonly do: 'follow' }
  | { readonly do: 'close' };

/** Control thread → main thread. */
export type FromControl =
  | { readonly do: 'registered'; readonly id: number }
  | { readonly do: 'roster'; readonly message: RosterOutbound }
  /** Rejects what the task with this start number awaits. */
  | { readonly do: 'interrupt'; readonly started: number }
  /** This client died: its queued tasks never run. */
  | { readonly do: 'client-gone'; readonly client: string }
  /** Nothing to do: that it is taken proves that the main loop turns. */
  | { readonly do: 'turn' }
  /** A control request that the main thread carries out. */
  | { readonly do: 'request'; readonly request: ControlRequest }
  /** End when nothing runs and nothing waits; `over`: not any more. */
  | { readonly do: 'retire'; readonly over: boolean }
  | { readonly do: 'shutdown'; readonly code: number; readonly reason: string };

/** The data that the control thread starts with. */
export interface ControlData {
  readonly board: SharedArrayBuffer;
  readonly tasks: SharedArrayBuffer;
  readonly uuid: string;
  readonly options: EngineOptions;
  readonly port: MessagePort;
}

/** Milliseconds that a task waits for the controller to tell of the other engines. */
const ROSTER_MS = 60_000;
/** Milliseconds that the end of the process waits for the control thread to close its sockets. */
const CLOSE_MS = 2000;

/** The main thread's side of the control thread: it starts the thread, talks to it, and ends it. */
export class Control {
  readonly #board: StatusBoard;
  readonly #worker: Worker;
  readonly #signals: Worker;
  readonly #port: MessagePort;
  #handle: (message: FromControl) => void = () => {};
  #ended = false;

  /** Starts the control thread and the signal thread. */
  constructor(board: StatusBoard, tasks: TaskRing, uuid: string, options: EngineOptions) {
    const { port1, port2 } = new MessageChannel();
    const data: ControlData = { board: board.buffer, tasks: tasks.buffer, uuid, options, port: port2 };
    this.#board = board;
    this.#port = port1;
    this.#worker = new Worker(new URL('./control-thread.js', import.meta.url), {
      workerData: data,
      transferList: [port2],
    });
    this.#signals = new Worker(new URL('./signal-thread.js', import.meta.url), { workerData: board.buffer });
    this.#signals.unref();
    for (const worker of [this.#worker, this.#signals]) worker.on('error', (error) => this.#failed(error));
    process.on('exit', () => this.#closeNow());
  }

  /** From now on `handle` gets the control thread's messages; earlier ones have waited. */
  listen(handle: (message: FromControl) => void): void {
    this.#handle = handle;
    this.#port.on('message', (message: FromControl) => this.#take(message));
  }

  /** Resolves when tasks may start: a signal goes to the script entered last, and that must be the task. */
  guarded(): Promise<void> {
    return this.#board.whenSet('guarded');
  }

  /** Resolves when the control thread admits peers that show a key: before that the sockets would refuse everybody. */
  admitting(): Promise<void> {
    return this.#board.whenSet('admits');
  }

  /** Registers this engine with the controller. */
  register(engine: Omit<EngineRecord, 'id' | 'control'>): void {
    this.#send({ do: 'register', engine });
  }

  /** Ends the task with the start number `started` after `ms`, if it still runs. */
  deadline(started: number, ms: number): void {
    this.#send({ do: 'deadline', started, ms });
  }

  /** The engine holds so much now. */
  held(memory: HeldMemory): void {
    this.#send({ do: 'held', memory });
  }

  /** A task has failed. */
  failed(failure: TaskFailure): void {
    this.#send({ do: 'failed', failure });
  }

  /** A debugger finds the main thread at this address. */
  inspector(url: string): void {
    this.#send({ do: 'inspector', url });
  }

  /** Handles messages of the control thread that the event loop has not delivered: before a task starts. */
  drain(): void {
    while (this.#board.get('commands') > 0) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#take(received.message as FromControl);
    }
  }

  /** Asks for the engines of the cluster, which come as messages: now, and whenever one joins or leaves. */
  follow(): void {
    this.#send({ do: 'follow' });
  }

  /** Blocks until they have come the first time, and handles the messages. False after a minute without an answer. */
  awaitRoster(): boolean {
    this.#board.waitFor('follows', ROSTER_MS);
    this.drain();
    return this.#board.get('follows') === 1;
  }

  /** Ends the thread; its sockets are closed. */
  async close(): Promise<void> {
    this.#send({ do: 'close' });
    await once(this.#worker, 'exit');
    this.#ended = true;
  }

  #send(message: ToControl): void {
    this.#port.postMessage(message);
  }

  // `drain` has something to do while this count is not 0.
  #take(message: FromControl): void {
    this.#board.add('commands', -1);
    this.#handle(message);
  }

  #failed(error: Error): void {
    logLine(`engine: a thread of the engine failed: ${error.stack}`);
    process.exit(1);
  }

  // A thread with a pending receive aborts the process (code 134), so its sockets go first, also before process.exit.
  #closeNow(): void {
    if (this.#ended) return;
    this.#send({ do: 'close' });
    this.#board.waitFor('closed', CLOSE_MS);
  }
}
