import { performance } from 'node:perf_hooks';
import { type Body, encodeBody, withCopies } from '../../src/protocol/codec.ts';
import type { OutputMessage } from '../../src/protocol/messages.ts';
import type { TaskClient } from './queue-event.ts';
import type { TaskQueue } from './task-queue.ts';

const NO_BODY: Body = [];
/** Bytes that may wait for a client that does not read: live text beyond is left out, a value is an error of the task. */
const MAX_UNREAD = 256 * 2 ** 20;
/** Milliseconds between two times that output is handed to the socket at once. */
const FLUSH_MS = 50;

const now = performance.now.bind(performance);

/** Sends output of the running task to its client, while the task runs. */
export class TaskOutput {
  readonly #queue: TaskQueue<TaskClient>;
  readonly #reads = new Set<Promise<void>>();
  /** Hands what was sent to the socket: code without an `await` leaves it no other time. */
  flush: () => void = () => {};
  #flushedAt = Number.NEGATIVE_INFINITY;

  constructor(queue: TaskQueue<TaskClient>) {
    this.#queue = queue;
  }

  /** Sends text that the task printed; the reply has its end in any case. @throws Error outside a task: there is no client to send it to */
  text(stream: 'stdout' | 'stderr', text: string): void {
    this.#send(stream, NO_BODY, text);
  }

  /**
   * Sends a mime bundle, or published data.
   * @throws Error outside a task or while 256 MiB wait for the client, NotSerializableError
   */
  value(stream: 'display' | 'data', value: unknown): void {
    // A copy: the task goes on, and may change its arrays before they have left.
    this.#send(stream, withCopies(encodeBody(value)));
  }

  /** Sends data once they are read from the device. @throws what `value` throws, and what reading throws */
  async read(stream: 'data', value: PromiseLike<unknown>): Promise<void> {
    const sent = Promise.resolve(value).then((data) => this.value(stream, data));
    this.#reads.add(sent);
    try {
      await sent;
    } finally {
      this.#reads.delete(sent);
    }
  }

  /** Waits for data that are being read, so that they leave before the reply; undefined where there are none. */
  settle(): Promise<unknown> | undefined {
    return this.#reads.size === 0 ? undefined : Promise.allSettled(this.#reads);
  }

  #send(stream: OutputMessage['stream'], body: Body, text?: string): void {
    const task = this.#queue.running;
    if (task === null) throw new Error(`${stream} outside a task has no client to go to`);
    if ((task.client.pendingBytes ?? 0) > MAX_UNREAD) {
      if (text !== undefined) return;
      throw new Error(`${stream}: the client has not read ${MAX_UNREAD / 2 ** 20} MiB that this engine has sent it`);
    }
    // A client that is gone misses the output; the reply has all of the text.
    void task.client.send({ type: 'output', id: task.message.id, stream, text }, body);
    if (now() - this.#flushedAt < FLUSH_MS) return;
    this.flush();
    this.#flushedAt = now();
  }
}
