import { COPIED } from '../../comm/outbox.ts';
import { isGone, TRANSFERRED_AWAY } from '../../comm/transfer.ts';
import type { Transport } from '../../comm/transport.ts';
import {
  ConnectionError,
  EngineError,
  type EngineInfo,
  EngineUnreachable,
  RemoteError,
  TaskAborted,
} from '../../errors.ts';
import { type Body, decodeBody, type EncodedCall, encodeCall, withCopies } from '../../protocol/codec.ts';
import { asObject } from '../../protocol/fields.ts';
import type { ControlValue, ControlVerb } from '../../protocol/messages/control.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { HelloMessage } from '../../protocol/messages/hello.ts';
import type {
  DroppedMessage,
  EngineId,
  OutputMessage,
  ReplyMessage,
  TaskId,
  TaskMessage,
  TasksInbound,
  TasksOutbound,
} from '../../protocol/messages.ts';
import type { Method } from '../../protocol/methods.ts';
import { relayChunks } from '../../protocol/relay-chunks.ts';
import type { TravellingName } from '../../protocol/travelling-names.ts';
import { reviveLocal } from '../../protocol/values/functions.ts';
import { fromModule } from '../../protocol/values/module-function.ts';
import { ref } from '../../protocol/values/ref.ts';
import { type Channel, openChannel } from '../../rpc/channel.ts';
import { ControlClient } from '../../rpc/control-client.ts';
import { TASKS } from '../../rpc/conversations.ts';
import { Requests } from '../../rpc/requests.ts';
import { timerMs } from '../../rpc/timer-ms.ts';
import { faultPoint } from '../../util/diagnostics/fault-point.ts';
import type { Attempt } from './attempt.ts';
import { type Death, deathError, progressOf, stoppedError, type TaskProgress } from './death.ts';
import { NamesThere } from './names-there.ts';
import { asRemoteError, failed, type Outcome, remoteError, success } from './outcome.ts';
import { bundleOf, checkedValue } from './reply-values.ts';
import type { Task } from './task.ts';
import { type Kept, TaskLink } from './task-link.ts';

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
  /** Costs of messages between those engines, where they were measured. */
  readonly links?: TaskMessage['links'];
  /** The body goes from engine to engine. */
  readonly relayed?: Relayed | undefined;
  /** Is told when it starts, in milliseconds since 1970 by the engine's clock. */
  readonly onStarted?: ((at: number) => void) | undefined;
  /** Memory for the raw bytes of a result of that size, if it has a place already. */
  readonly destination?: ResultBuffer | undefined;
}

/** Memory of exactly `bytes`, or undefined where a result of that size has no place. */
export type ResultBuffer = (bytes: number) => Uint8Array | undefined;

/** A task without a reply. */
interface Sent extends Kept {
  readonly attempt: Attempt;
  /** How often the engine has asked for the body. */
  needs: number;
  /** The engine has the whole message: its arrays may go. */
  isThere: boolean;
  readonly destination: ResultBuffer | undefined;
  readonly onStarted: Request['onStarted'];
}

interface Fetched {
  readonly reply: ReplyMessage;
  readonly body: Body;
}

/** Functions of an engine run when somebody calls them, never by themselves. */
const REVIVERS = { fn: reviveLocal, ref, module: fromModule, refusesHooks: true };

/** How often an engine may ask for the body of one task. */
const MAX_NEEDS = 3;

/** The answer of an engine that was asked for the result of another client's task. */
export type Found = 'found' | 'unknown' | 'gone';

/** This client's links to one engine, and the tasks that wait for its replies. */
export class Connection {
  readonly record: EngineRecord;
  readonly #rosterVersion: () => number;
  readonly #sent = new Map<TaskId, Sent>();
  readonly #fetches = new Requests<Fetched, TaskId>();
  readonly #control: ControlClient;
  readonly #tasks: TaskLink<Sent>;
  readonly #names = new NamesThere();
  #death: Death | undefined;
  /** Code that a task has left behind blocks the engine, as far as this client knows. */
  #isBlocked = false;

  /** `rosterVersion`: what this client has seen of the roster; `hello`: who it is, said first on each link. */
  constructor(
    record: EngineRecord,
    transport: Transport,
    rosterVersion: () => number = () => 0,
    hello: HelloMessage | undefined = undefined,
  ) {
    this.record = record;
    this.#rosterVersion = rosterVersion;
    this.#control = new ControlClient(transport, record, hello);
    const options = { transport, endpoint: record.tasks, conversation: TASKS };
    this.#tasks = new TaskLink({
      kept: this.#sent,
      open: (handlers) => {
        const channel = openChannel(options, `engine ${record.id}`, handlers);
        if (hello !== undefined) void channel.send(hello);
        return channel;
      },
      again: () => this.#asked(),
      message: (message, body) => this.#take(message, body),
      unreadable: (error, id) => this.#unreadable(error, id),
      destination: (part, bytes, read) => this.#destination(part, bytes, read),
      sending: ({ attempt }, sent) => this.#watchWhole(attempt, sent),
      fail: ({ attempt }, reason, cause) => attempt.fail(this.#undelivered(attempt, reason, cause)),
    });
  }

  #undelivered({ task }: Attempt, reason: string, cause: Error | undefined): RemoteError {
    const text = `engine ${this.record.id} ${reason}`;
    return cause === undefined ? new EngineError(text) : new EngineUnreachable(text, this.#info(task.label), cause);
  }

  /** Sends one attempt, which gets its outcome. A dead engine fails it at once. */
  submit(attempt: Attempt, request: Request): void {
    if (this.#death !== undefined) {
      this.#end(attempt, 'unstarted', undefined);
      return;
    }
    const { body, relayed, destination, names, onStarted } = request;
    if (names !== undefined) this.#provide(attempt.id, names);
    const message = this.#message(attempt.id, request);
    const channel = this.#tasks.channel;
    if (channel !== undefined && relayed === undefined) {
      attempt.delivery = channel.send(message, body);
      this.#watchWhole(attempt, attempt.delivery);
    } else if (channel !== undefined && relayed !== undefined)
      sendRelayed(channel, message, body, relayed, (sent) => this.#watch(attempt, sent));
    if (this.#isBlocked) this.#limitWait(attempt, message.runTimeout);
    const isOut = channel !== undefined;
    // Its arrays may change now, and a link that breaks may have lost it.
    const kept = attempt.delivery === COPIED && body.length > 1 ? withCopies(body) : body;
    this.#sent.set(attempt.id, {
      attempt,
      message,
      body: kept,
      destination,
      onStarted,
      isOut,
      refusals: 0,
      needs: 0,
      isThere: false,
    });
    faultPoint('client.submit');
  }

  #watchWhole(attempt: Attempt, sent: Promise<void>): void {
    this.#watch(attempt, sent);
    if (sent !== COPIED) void sent.then(() => this.#arrived(attempt)).catch(() => {});
  }

  #arrived(attempt: Attempt): void {
    const sent = this.#sent.get(attempt.id);
    if (sent?.attempt !== attempt) return;
    sent.isThere = true;
    if (!sent.body.some(isGone)) return;
    this.#sent.delete(attempt.id);
    attempt.fail(asRemoteError(new TypeError(TRANSFERRED_AWAY)));
  }

  // Its memory may be transferred away before all of it has left. A link that goes down is another matter.
  #watch(attempt: Attempt, sent: Promise<void>): void {
    if (sent === COPIED) return;
    void sent.catch((error: unknown) => {
      if (error instanceof ConnectionError || this.#sent.get(attempt.id)?.attempt !== attempt) return;
      this.#sent.delete(attempt.id);
      attempt.fail(asRemoteError(error));
    });
  }

  // Before the task: the engine runs the tasks of this client in order.
  #provide(task: TaskId, names: readonly TravellingName[]): void {
    const fresh = this.#names.fresh(names);
    if (fresh.length === 0) return;
    const attempt = this.#names.attempt(`${task}~names`, this.record, fresh);
    this.submit(attempt, { ...encodeCall('provide', { names: fresh }), label: attempt.task.label });
  }

  #message(id: TaskId, { method, label, runTimeout, call, links, onStarted }: Request): TaskMessage {
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
      links,
      tells: onStarted === undefined ? undefined : true,
    };
  }

  // The chain has broken before that engine.
  #sendBody(id: TaskId): void {
    const sent = this.#sent.get(id);
    const channel = this.#tasks.channel;
    if (sent === undefined || channel === undefined || sent.needs++ >= MAX_NEEDS) return;
    this.#watch(sent.attempt, channel.send({ type: 'body', id }, sent.body));
  }

  *#asked(): Generator<TasksInbound> {
    for (const id of this.#fetches.ids) yield { type: 'fetch', id };
  }

  // In a reply with one array or tensor, part 0 is the header, part 1 the value's structure, part 2 the bytes.
  #destination(part: number, bytes: number, read: () => TasksOutbound): Uint8Array | undefined {
    if (part !== 2) return undefined;
    const message = read();
    if (message.type !== 'reply') return undefined;
    return this.#sent.get(message.id)?.destination?.(bytes);
  }

  #take(message: Exclude<TasksOutbound, DroppedMessage>, body: Body): void {
    this.#isBlocked = false;
    if (message.type === 'reply') this.#onReply(message, body);
    else if (message.type === 'output') this.#onOutput(message, body);
    else if (message.type === 'started') this.#sent.get(message.id)?.onStarted?.(message.at);
    else this.#sendBody(message.id);
  }

  /** Asks for the result of a task that another client submitted. 'gone': the engine ended before it answered. */
  async fetch(task: Task): Promise<Found> {
    if (this.#death !== undefined) return 'gone';
    const answer = this.#fetches.open(task.id, `engine ${this.record.id} did not answer 'fetch'`);
    void this.#tasks.channel?.send({ type: 'fetch', id: task.id });
    // It fails only when the engine is gone: then another engine may have the result.
    const fetched = await answer.catch(() => undefined);
    if (fetched === undefined) return 'gone';
    if (fetched.reply.status === 'refused') return 'unknown';
    // Another engine may have answered first.
    if (task.outcome === undefined) this.#settle(task.begin(this.record), fetched.reply, fetched.body);
    return 'found';
  }

  /** Why the engine is gone; undefined: it is not. */
  get ended(): string | undefined {
    return this.#death?.reason;
  }

  #onReply(reply: ReplyMessage, body: Body): void {
    if (this.#fetches.isOpen) this.#fetches.settle(reply.id, { reply, body });
    const sent = this.#sent.get(reply.id);
    if (sent === undefined) return;
    this.#sent.delete(reply.id);
    // The engine may have read in it what its next owner wrote there.
    if (!sent.isThere && sent.body.some(isGone)) sent.attempt.fail(asRemoteError(new TypeError(TRANSFERRED_AWAY)));
    else this.#settle(sent.attempt, reply, body, sent.message.method);
  }

  // Without a method, the value is whatever another client has asked for.
  #settle(attempt: Attempt, reply: ReplyMessage, body: Body, method: Method = 'apply'): void {
    attempt.bytes = bytesOf(body);
    const { metadata } = reply;
    const outcome = this.#outcome(attempt, reply, body, method);
    if (outcome.ok) attempt.succeed(outcome.value, metadata);
    else attempt.fail(outcome.error, metadata);
  }

  // A reply that cannot be read must not leave its task without an end.
  #outcome(attempt: Attempt, reply: ReplyMessage, body: Body, method: Method): Outcome {
    try {
      if (reply.status !== 'ok') return failed(this.#errorOf(attempt, reply));
      return success(checkedValue(method, decodeBody(body, REVIVERS)));
    } catch (error) {
      return failed(this.#unread(attempt, error as Error));
    }
  }

  #unread({ id }: Attempt, { name, message }: Error): RemoteError {
    const evalue = `the reply of task '${id}' from engine ${this.record.id} cannot be read: ${name}: ${message}`;
    return new RemoteError({ ename: name, evalue });
  }

  #unreadable(error: Error, id: string | undefined): void {
    const sent = id === undefined ? undefined : this.#sent.get(id);
    if (sent === undefined) return;
    this.#sent.delete(sent.message.id);
    sent.attempt.fail(this.#unread(sent.attempt, error));
  }

  #errorOf({ task }: Attempt, reply: ReplyMessage) {
    const info = this.#info(task.label);
    if (reply.status === 'aborted' && (reply.error?.name ?? 'TaskAborted') === 'TaskAborted') {
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
    const bytes = bytesOf(body);
    if (stream === 'display') attempt.output({ stream, bundle: bundleOf(value), bytes });
    else if (stream === 'data') attempt.output({ stream, data: asObject(value, 'published data') });
    else attempt.output({ stream, text: text ?? '' });
  }

  /**
   * Asks the engine's control thread, which answers while the main thread computes.
   * @throws ConnectionError when the engine is gone, TimeoutError naming the engine after `timeout` ms (default 10 000)
   */
  control<Verb extends ControlVerb>(verb: Verb, timeout?: number): Promise<ControlValue<Verb>> {
    return this.#control.ask(verb, timeout);
  }

  /** Takes another link for tasks: see TaskLink. */
  reopen(): void {
    this.#tasks.reopen();
  }

  /** Code that a task has left behind keeps tasks from starting: their time to run counts from now on. */
  blocked(): void {
    this.#isBlocked = true;
    for (const { attempt, message } of this.#sent.values()) this.#limitWait(attempt, message.runTimeout);
  }

  // An engine that is no longer blocked does nothing: no task is named.
  #limitWait(attempt: Attempt, runTimeout: number | undefined): void {
    if (runTimeout === undefined) return;
    const ask = () => {
      if (attempt.outcome === undefined) this.#control.ask({ type: 'interrupt', ids: [] }).catch(() => {});
    };
    setTimeout(ask, timerMs(runTimeout)).unref();
  }

  /** Resolves when tasks that were sent have left this process; large ones are not waited for. */
  drained(): Promise<void> {
    return this.#tasks.drained();
  }

  /** Nobody waits for this engine any more, which may live on: tasks without a reply fail with an error of `why`. */
  abandon(why: (task: TaskId, engine: EngineId) => RemoteError): void {
    const waiting = [...this.#sent.values()];
    this.#sent.clear();
    for (const { attempt } of waiting) attempt.fail(why(attempt.task.id, this.record.id));
  }

  /** The engine is gone for good: everything that waits for it fails, but for replies that are on their way. Idempotent. */
  async fail(death: Omit<Death, 'id'>): Promise<void> {
    if (this.#death !== undefined) return;
    this.#death = { ...death, id: this.record.id };
    if (death.isRetired && this.#sent.size > 0) await this.#tasks.lastWords();
    const waiting = [...this.#sent.values()];
    const progress = progressOf([...this.#sent.keys()], death.fate);
    this.#sent.clear();
    waiting.forEach(({ attempt, message }, index) => {
      this.#end(attempt, progress[index] as TaskProgress, message.runTimeout);
    });
    const gone = new ConnectionError(`engine ${this.record.id} is gone (${death.reason})`);
    this.#fetches.failAll(gone);
    await Promise.all([this.#tasks.close(), this.#control.close(gone)]);
  }

  #end(attempt: Attempt, progress: TaskProgress, runTimeout: number | undefined): void {
    const death = this.#death as Death;
    const { fate, replacement } = death;
    const { id, label } = attempt.task;
    if (progress === 'unstarted') attempt.isUnstarted = true;
    if (progress !== 'running' || fate?.stopped === undefined) {
      attempt.fail(deathError(id, progress, death));
      return;
    }
    // Its caller finds the engine's replacement there.
    const bereft = { id, info: this.#info(label), runTimeout };
    const replaced = replacement ?? Promise.resolve('ended with it');
    void replaced.then((text) => attempt.fail(stoppedError(bereft, fate, text)));
  }
}

// A loop: a call has one part, and nothing else to do.
function bytesOf(body: Body): number {
  let bytes = 0;
  for (let i = 0; i < body.length; i++) bytes += (body[i] as Uint8Array).byteLength;
  return bytes;
}

// The chunks leave before the task: the engine passes them on while it is busy with others.
function sendRelayed(
  channel: Channel<TasksInbound>,
  message: TaskMessage,
  body: Body,
  { from, chain }: Relayed,
  sending: (sent: Promise<void>) => void,
): void {
  const key = `${message.id.slice(0, message.id.lastIndexOf(':'))}.${message.call}`;
  if (chain !== undefined) {
    for (const { message: relay, chunk } of relayChunks(key, chain, body)) sending(channel.send(relay, [chunk]));
  }
  void channel.send({ ...message, relayed: { key, from } });
}
