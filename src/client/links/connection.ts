import type { Transport } from '../../comm/transport.ts';
import { ConnectionError, EngineError, type EngineInfo, TaskAborted } from '../../errors.ts';
import { type Body, decodeBody, type EncodedCall } from '../../protocol/codec.ts';
import type {
  ControlValue,
  ControlVerb,
  EngineId,
  EngineRecord,
  OutputMessage,
  ReplyMessage,
  TaskId,
  TaskMessage,
  TasksInbound,
  TasksOutbound,
} from '../../protocol/messages.ts';
import type { MimeBundle } from '../../protocol/methods.ts';
import { relayChunks } from '../../protocol/relay-chunks.ts';
import { reviveLocal } from '../../protocol/values/functions.ts';
import { fromModule } from '../../protocol/values/module-function.ts';
import { ref } from '../../protocol/values/ref.ts';
import { type Channel, openChannel } from '../../rpc/channel.ts';
import { ControlClient } from '../../rpc/control-client.ts';
import { TASKS } from '../../rpc/conversations.ts';
import { Requests } from '../../rpc/requests.ts';
import type { Attempt } from './attempt.ts';
import { remoteError } from './outcome.ts';
import type { Task } from './task.ts';

/** How the body of one task gets to its engine, where it leaves the client once and goes on from engine to engine. */
export interface Relayed {
  /** The engine that passes it on; absent: this client sends it, and `chain` names who gets it next, and after. */
  readonly from?: EngineId;
  readonly chain?: readonly EngineId[];
}

/** One call of an engine's method, before it has a task id. */
export interface Request extends EncodedCall {
  readonly label: string;
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

/** Kept until the reply: a broken link is replaced and the task is sent again, whole (the engine runs it once). */
interface Sent {
  readonly attempt: Attempt;
  readonly message: TaskMessage;
  readonly body: Body;
  readonly destination: ResultBuffer | undefined;
}

interface Fetched {
  readonly reply: ReplyMessage;
  readonly body: Body;
}

const REVIVERS = { fn: reviveLocal, ref, module: fromModule };

/** This client's links to one engine, and the tasks that wait for its replies. */
export class Connection {
  readonly record: EngineRecord;
  readonly #transport: Transport;
  readonly #rosterVersion: () => number;
  readonly #sent = new Map<TaskId, Sent>();
  readonly #fetches = new Requests<Fetched, TaskId>();
  readonly #control: ControlClient;
  #tasks: Channel<TasksInbound> | undefined;
  #down: string | undefined;

  /** `rosterVersion`: what this client has seen of the roster. */
  constructor(record: EngineRecord, transport: Transport, rosterVersion: () => number = () => 0) {
    this.record = record;
    this.#rosterVersion = rosterVersion;
    this.#transport = transport;
    this.#control = new ControlClient(transport, record);
  }

  /** Sends one attempt, which gets its outcome. A dead engine fails it at once. */
  submit(attempt: Attempt, request: Request): void {
    if (this.#down !== undefined) {
      attempt.fail(this.#died(attempt));
      return;
    }
    const { body, relayed, destination } = request;
    const message = this.#message(attempt.id, request);
    if (relayed === undefined) void this.#channel().send(message, body);
    else this.#sendRelayed(message, body, relayed);
    this.#sent.set(attempt.id, { attempt, message, body, destination });
  }

  #message(id: TaskId, { method, label, runTimeout, call }: Request): TaskMessage {
    const roster = this.#rosterVersion();
    return {
      type: 'task',
      id,
      to: this.record.uuid,
      method,
      label,
      runTimeout,
      roster: roster === 0 ? undefined : roster,
      call,
    };
  }

  // The chunks leave before the task: the engine passes them on while it is busy with others.
  #sendRelayed(message: TaskMessage, body: Body, { from, chain }: Relayed): void {
    const key = `${message.id.slice(0, message.id.lastIndexOf(':'))}.${message.call}`;
    const channel = this.#channel();
    if (chain !== undefined) {
      for (const { message: relay, chunk } of relayChunks(key, chain, body)) void channel.send(relay, [chunk]);
    }
    void channel.send({ ...message, relayed: { key, from } });
  }

  // The chain has broken before that engine.
  #sendBody(id: TaskId): void {
    const sent = this.#sent.get(id);
    if (sent !== undefined) void this.#channel().send({ type: 'body', id }, sent.body);
  }

  #channel(): Channel<TasksInbound> {
    this.#tasks ??= openChannel(
      { transport: this.#transport, endpoint: this.record.tasks, conversation: TASKS },
      `engine ${this.record.id}`,
      {
        message: (message, body) => this.#take(message, body),
        down: (_, channel) => this.#reconnect(channel),
        destination: (part, bytes, read) => this.#destination(part, bytes, read),
      },
    );
    return this.#tasks;
  }

  // In a reply with one array or tensor, part 0 is the header, part 1 the value's structure, part 2 the bytes.
  #destination(part: number, bytes: number, read: () => TasksOutbound): Uint8Array | undefined {
    if (part !== 2) return undefined;
    const message = read();
    if (message.type !== 'reply') return undefined;
    return this.#sent.get(message.id)?.destination?.(bytes);
  }

  // A broken link is not a dead engine: the roster says when an engine is dead.
  #reconnect(channel: Channel<TasksInbound>): void {
    if (channel !== this.#tasks || this.#down !== undefined) return;
    this.#tasks = undefined;
    for (const { message, body } of this.#sent.values()) void this.#channel().send(message, body);
    for (const id of this.#fetches.ids) void this.#channel().send({ type: 'fetch', id });
  }

  #take(message: TasksOutbound, body: Body): void {
    if (message.type === 'reply') this.#onReply(message, body);
    else if (message.type === 'output') this.#onOutput(message, body);
    else this.#sendBody(message.id);
  }

  /** Asks for the result of a task that another client submitted. False: this engine does not have it, or is gone. */
  async fetch(task: Task): Promise<boolean> {
    if (this.#down !== undefined) return false;
    const answer = this.#fetches.open(task.id, `engine ${this.record.id} did not answer 'fetch'`);
    void this.#channel().send({ type: 'fetch', id: task.id });
    // It fails only when the engine is gone: then another engine may have the result.
    const fetched = await answer.catch(() => undefined);
    if (fetched === undefined || fetched.reply.status === 'refused') return false;
    // Another engine may have answered first.
    if (task.outcome === undefined) this.#settle(task.begin(this.record), fetched.reply, fetched.body);
    return true;
  }

  #onReply(reply: ReplyMessage, body: Body): void {
    this.#fetches.settle(reply.id, { reply, body });
    const sent = this.#sent.get(reply.id);
    if (sent === undefined) return;
    this.#sent.delete(reply.id);
    this.#settle(sent.attempt, reply, body);
  }

  #settle(attempt: Attempt, reply: ReplyMessage, body: Body): void {
    attempt.bytes = body.reduce((sum, part) => sum + part.byteLength, 0);
    if (reply.status === 'ok') attempt.succeed(decodeBody(body, REVIVERS), reply.metadata);
    else attempt.fail(this.#errorOf(attempt, reply), reply.metadata);
  }

  #errorOf({ task }: Attempt, reply: ReplyMessage) {
    const info = this.#info(task.label);
    if (reply.status === 'aborted') {
      return new TaskAborted(reply.error?.message ?? `task '${task.id}' on engine ${info.engineId} was aborted`, info);
    }
    return remoteError(reply.error ?? { name: 'Error', message: 'no reason was given', stack: '' }, info);
  }

  #info(label: string): EngineInfo {
    return { engineId: this.record.id, engineUuid: this.record.uuid, method: label };
  }

  #onOutput({ id, stream, text }: OutputMessage, body: Body): void {
    const attempt = this.#sent.get(id)?.attempt;
    if (attempt === undefined) return;
    const value = decodeBody(body, REVIVERS);
    if (stream === 'display') attempt.output({ stream, bundle: value as MimeBundle });
    else if (stream === 'data') attempt.output({ stream, data: value as Record<string, unknown> });
    else attempt.output({ stream, text: text ?? '' });
  }

  /**
   * Asks the engine's control thread, which answers while the main thread computes.
   * @throws ConnectionError when the engine is gone, TimeoutError naming the engine after `timeout` ms (default 10 000)
   */
  control<Verb extends ControlVerb>(verb: Verb, timeout?: number): Promise<ControlValue<Verb>> {
    return this.#control.ask(verb, timeout);
  }

  /** The engine is gone for good: everything that waits for it fails now. Idempotent. */
  async fail(reason: string): Promise<void> {
    if (this.#down !== undefined) return;
    this.#down = reason;
    const waiting = [...this.#sent.values()];
    this.#sent.clear();
    for (const { attempt } of waiting) attempt.fail(this.#died(attempt));
    const gone = new ConnectionError(`engine ${this.record.id} is gone (${reason})`);
    this.#fetches.failAll(gone);
    await Promise.all([this.#tasks?.close(), this.#control.close(gone)]);
  }

  #died({ task }: Attempt): EngineError {
    return new EngineError(`Engine ${this.record.id} died while running task '${task.id}' (${this.#down})`);
  }
}
