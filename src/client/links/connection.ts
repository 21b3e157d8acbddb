// Connection: this client's links to one engine, and the requests that wait for its answers.
import type { Link, Transport } from '../../comm/transport.ts';
import { ConnectionError, EngineError, type EngineInfo, TaskAborted, TimeoutError } from '../../errors.ts';
import { type Body, bodyOf, decodeBody, decodeHeader, encodeMessage } from '../../protocol/codec.ts';
import type {
  ControlReply,
  ControlRequest,
  EngineRecord,
  Method,
  OutputMessage,
  ReplyMessage,
  TaskId,
  TaskMessage,
} from '../../protocol/messages.ts';
import { relayChunks } from '../../protocol/relay-chunks.ts';
import { reviveLocal } from '../../protocol/values/functions.ts';
import { fromModule } from '../../protocol/values/module-function.ts';
import { ref } from '../../protocol/values/ref.ts';
import type { Relayed } from '../calls/relays.ts';
import { remoteError } from './outcome.ts';
import type { MimeBundle, Task } from './task.ts';

export interface Request {
  readonly method: Method;
  readonly label: string;
  readonly body: Body;
  readonly runTimeout?: number | undefined;
  /** Shared by the tasks of one call on several engines. */
  readonly call?: number | undefined;
  /** The body goes from engine to engine. */
  readonly relayed?: Relayed | undefined;
  /** Memory for the raw bytes of a result of that size, if it has a place already. */
  readonly destination?: ResultBuffer | undefined;
}

/** Memory of exactly `bytes`, or undefined where a result of that size has no place. */
export type ResultBuffer = (bytes: number) => Uint8Array | undefined;

/** What a control request is, without the fields that the connection fills in. */
export type ControlVerb = ControlRequest extends infer R
  ? R extends ControlRequest
    ? Omit<R, 'id' | 'to'>
    : never
  : never;

interface Sent {
  readonly task: Task;
  /** Kept until the reply: a lost link is replaced, and what was not answered is sent again (the engine de-duplicates). */
  readonly parts: readonly Uint8Array[];
  readonly destination: ResultBuffer | undefined;
}

const REVIVERS = { fn: reviveLocal, ref, module: fromModule };
const CONTROL_TIMEOUT_MS = 10_000;

export class Connection {
  readonly record: EngineRecord;
  readonly #transport: Transport;
  readonly #rosterVersion: () => number;
  readonly #sent = new Map<TaskId, Sent>();
  readonly #fetched = new Map<TaskId, (reply?: ReplyMessage, parts?: readonly Uint8Array[]) => void>();
  readonly #asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #tasks: Link | undefined;
  #control: Link | undefined;
  #nextControl = 1;
  #down: string | undefined;

  /** `rosterVersion`: what this client has seen of the roster. */
  constructor(record: EngineRecord, transport: Transport, rosterVersion: () => number = () => 0) {
    this.record = record;
    this.#rosterVersion = rosterVersion;
    this.#transport = transport;
  }

  /** Sends one task; its outcome arrives at `task`. A dead engine fails it at once. */
  submit(task: Task, request: Request): void {
    if (this.#down !== undefined) {
      task.fail(this.#died(task));
      return;
    }
    const { method, label, runTimeout, call } = request;
    const roster = this.#rosterVersion();
    const header: TaskMessage = {
      type: 'task',
      id: task.wireId,
      to: this.record.uuid,
      method,
      label,
      ...(runTimeout === undefined ? {} : { runTimeout }),
      ...(roster === 0 ? {} : { roster }),
      ...(call === undefined ? {} : { call }),
    };
    const parts = encodeMessage(header, request.body);
    this.#sent.set(task.wireId, { task, parts, destination: request.destination });
    if (request.relayed === undefined) this.#send(parts);
    else this.#sendRelayed(header, request.body, request.relayed);
  }

  // The chunks leave before the task: the engine passes them on while it is busy with others.
  #sendRelayed(header: TaskMessage, body: Body, { from, chain }: Relayed): void {
    const key = `${header.id.slice(0, header.id.lastIndexOf(':'))}.${header.call}`;
    if (chain !== undefined) {
      for (const { message, chunk } of relayChunks(key, chain, body)) this.#send(encodeMessage(message, [chunk]));
    }
    this.#send(encodeMessage({ ...header, relayed: { key, ...(from === undefined ? {} : { from }) } }));
  }

  // The chain has broken before that engine.
  #sendBody(id: TaskId): void {
    const sent = this.#sent.get(id);
    if (sent !== undefined) this.#send(encodeMessage({ type: 'body', id }, bodyOf(sent.parts)));
  }

  #send(parts: readonly Uint8Array[]): void {
    this.#tasks ??= this.#transport.connect(this.record.tasks, {
      onMessage: (message) => this.#onTaskMessage(message),
      onDown: (link) => this.#reconnect(link),
      destination: (before, part, bytes) => this.#destination(before, part, bytes),
    });
    // A link that goes down is replaced and the message sent again: its rejection is not the task's.
    this.#tasks.send(parts).catch(() => {});
  }

  // Of a reply with one array or tensor: part 0 is its header, part 1 the value's structure, part 2 the bytes.
  #destination(before: readonly Uint8Array[], part: number, bytes: number): Uint8Array | undefined {
    if (part !== 2) return undefined;
    const header = decodeHeader(before);
    if (header.type !== 'reply') return undefined;
    const sent = this.#sent.get(header.id);
    const destination = sent?.destination ?? sent?.task.destination;
    return destination?.(bytes);
  }

  // A dropped connection is not a dead engine: the roster says when that is so.
  #reconnect(link: Link): void {
    if (link !== this.#tasks || this.#down !== undefined) return;
    this.#tasks = undefined;
    for (const { parts } of this.#sent.values()) this.#send(parts);
    for (const id of this.#fetched.keys()) this.#send(encodeMessage({ type: 'fetch', id }));
  }

  #onTaskMessage(parts: readonly Uint8Array[]): void {
    const header = decodeHeader(parts);
    if (header.type === 'reply') this.#onReply(header, parts);
    else if (header.type === 'output') this.#onOutput(header, parts);
    else if (header.type === 'need') this.#sendBody(header.id);
  }

  /** Asks for the result of a task that another client submitted. False: this engine does not have it, or is gone. */
  fetch(task: Task): Promise<boolean> {
    if (this.#down !== undefined) return Promise.resolve(false);
    const before = this.#fetched.get(task.id);
    return new Promise((resolve) => {
      this.#fetched.set(task.id, (reply, parts) => {
        before?.(reply, parts);
        this.#fetched.delete(task.id);
        const found = reply !== undefined && reply.status !== 'refused';
        if (found) task.engine = this.record;
        if (found) this.#settle(task, reply, parts ?? []);
        resolve(found);
      });
      this.#send(encodeMessage({ type: 'fetch', id: task.id }));
    });
  }

  #onReply(reply: ReplyMessage, parts: readonly Uint8Array[]): void {
    this.#fetched.get(reply.id)?.(reply, parts);
    const sent = this.#sent.get(reply.id);
    if (sent === undefined) return;
    this.#sent.delete(reply.id);
    this.#settle(sent.task, reply, parts);
  }

  #settle(task: Task, reply: ReplyMessage, parts: readonly Uint8Array[]): void {
    task.bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (reply.status === 'ok') task.succeed(this.#valueOf(parts), reply.metadata);
    else task.fail(this.#errorOf(task, reply), reply.metadata);
  }

  #valueOf(parts: readonly Uint8Array[]): unknown {
    return parts.length > 1 ? decodeBody(bodyOf(parts), REVIVERS) : undefined;
  }

  #errorOf(task: Task, reply: ReplyMessage) {
    const info = this.#info(task);
    if (reply.status === 'aborted') {
      return new TaskAborted(reply.error?.message ?? `task '${task.id}' on engine ${info.engineId} was aborted`, info);
    }
    return remoteError(reply.error ?? { name: 'Error', message: 'no reason was given', stack: '' }, info);
  }

  #info(task: Task): EngineInfo {
    return { engineId: this.record.id, engineUuid: this.record.uuid, method: task.label };
  }

  #onOutput(output: OutputMessage, parts: readonly Uint8Array[]): void {
    const task = this.#sent.get(output.id)?.task;
    if (task === undefined) return;
    if (output.stream === 'display') task.output({ stream: 'display', bundle: this.#valueOf(parts) as MimeBundle });
    else if (output.stream === 'data') {
      task.output({ stream: 'data', data: this.#valueOf(parts) as Record<string, unknown> });
    } else task.output({ stream: output.stream, text: output.text ?? '' });
  }

  /**
   * Asks the engine's control thread, which answers while the main thread computes.
   * @throws ConnectionError when the engine is gone, TimeoutError naming the engine after 10 s
   */
  control<T = unknown>(verb: ControlVerb, timeout = CONTROL_TIMEOUT_MS): Promise<T> {
    if (this.#down !== undefined) return Promise.reject(this.#gone());
    const id = this.#nextControl++;
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        reject(new TimeoutError(`engine ${this.record.id} did not answer '${verb.type}' within ${timeout} ms`));
      }, timeout);
      const settle =
        <A>(done: (value: A) => void) =>
        (value: A) => {
          clearTimeout(timer);
          done(value);
        };
      this.#asked.set(id, { resolve: settle(resolve), reject: settle(reject) });
    });
    this.#sendControl({ ...verb, id, to: this.record.uuid });
    return answer as Promise<T>;
  }

  #sendControl(request: ControlRequest): void {
    this.#control ??= this.#transport.connect(this.record.control, {
      onMessage: (message) => this.#onControlReply(decodeHeader(message) as ControlReply),
      onDown: (link) => {
        if (link === this.#control) this.#control = undefined;
      },
    });
    this.#control.send(encodeMessage(request)).catch(() => {});
  }

  #onControlReply(reply: ControlReply): void {
    const asked = this.#asked.get(reply.id);
    this.#asked.delete(reply.id);
    if (reply.ok) asked?.resolve(reply.value);
    else asked?.reject(new ConnectionError(`engine ${this.record.id}: ${reply.error}`));
  }

  /** The engine is gone for good: everything that waits for it fails now. Idempotent. */
  async fail(reason: string): Promise<void> {
    if (this.#down !== undefined) return;
    this.#down = reason;
    const waiting = [...this.#sent.values()];
    this.#sent.clear();
    for (const { task } of waiting) task.fail(this.#died(task));
    for (const settle of [...this.#fetched.values()]) settle();
    for (const { reject } of this.#asked.values()) reject(this.#gone());
    this.#asked.clear();
    await Promise.all([this.#tasks?.close(), this.#control?.close()]);
  }

  #died(task: Task): EngineError {
    return new EngineError(`Engine ${this.record.id} died while running task '${task.id}' (${this.#down})`);
  }

  #gone(): ConnectionError {
    return new ConnectionError(`engine ${this.record.id} is gone (${this.#down})`);
  }
}
