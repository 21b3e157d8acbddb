import type { ReplyMessage, TaskId, TaskMessage } from '../../src/protocol/messages.ts';
import type { WireError } from '../../src/protocol/values/wire-error.ts';
import { BoundedSet } from '../../src/util/bounded.ts';
import type { Identity } from '../identity.ts';
import { clientOf, FairQueue } from './fair-queue.ts';
import { type KeptLimits, KeptReplies, type KeptReply, PURGED } from './kept-replies.ts';
import type { QueuedTask, QueueEvent, Reply, Started, TaskEnd } from './queue-event.ts';

/** The identity of the engine, and the bounds of its queue. */
export interface TaskQueueOptions<C> {
  readonly identity: Identity;
  /** Bytes of replies kept for clients that ask again; default 64 MiB. */
  readonly outboxBytes?: number | undefined;
  /** Milliseconds that such a reply is kept; default 10 minutes. */
  readonly outboxAge?: number | undefined;
  /** The clock of these ages. */
  readonly clock?: KeptLimits['clock'];
  /** How many aborts are remembered that have come before their tasks; default 10 000. */
  readonly rememberedAborts?: number | undefined;
  /** True while a link is there; default: nobody knows of any. */
  readonly isOpen?: ((client: C) => boolean) | undefined;
  /** Milliseconds since the epoch; default Date.now. */
  readonly now?: (() => number) | undefined;
}

const REMEMBERED_ABORTS = 10_000;
/** Links that get the answer of one task, beside the last one that sent it. */
const MAX_WATCHERS = 64;
const EMPTY: readonly Uint8Array[] = [];

/**
 * The sans-I/O core of an engine: its one-at-a-time queue of tasks, fair between clients. It decides order, refusal and de-duplication, and
 * keeps replies for clients that ask again. Each method gives the events that it caused, in order. It knows no socket,
 * no clock and no user code. `C` is the link to a client, opaque here.
 */
export class TaskQueue<C> {
  readonly #identity: Identity;
  readonly #now: () => number;
  readonly #isOpen: (client: C) => boolean;
  readonly #kept: KeptReplies;
  readonly #waiting = new FairQueue<C>();
  #arrivals = 0;
  // Ids that were aborted before their task arrived, because the control socket overtook the tasks socket.
  readonly #abortedAhead: BoundedSet<TaskId>;
  /** Clients that wait for the end of another client's task. */
  readonly #watchers = new Map<TaskId, C[]>();
  #running: QueuedTask<C> | null = null;

  constructor(options: TaskQueueOptions<C>) {
    const { identity, outboxBytes, outboxAge, clock, now = Date.now, rememberedAborts = REMEMBERED_ABORTS } = options;
    this.#isOpen = options.isOpen ?? (() => false);
    this.#abortedAhead = new BoundedSet(rememberedAborts);
    this.#identity = identity;
    this.#now = now;
    this.#kept = new KeptReplies({ bytes: outboxBytes, age: outboxAge, clock });
  }

  /** The task that runs now. */
  get running(): QueuedTask<C> | null {
    return this.#running;
  }

  /** Bytes of the replies that are kept for clients that ask again. */
  get keptBytes(): number {
    return this.#kept.bytes;
  }

  /** The task that would start next. */
  get head(): TaskMessage | undefined {
    return this.#waiting.front?.message;
  }

  /** A task message came. A task that came before does not run again: its reply, now or later, goes to `client`. */
  arrive(message: TaskMessage, body: readonly Uint8Array[], client: C): QueueEvent<C>[] {
    const task = { message, body, client, arrival: this.#arrivals++ };
    if (message.to !== this.#identity.uuid) return [this.#refusal(task)];
    const known = this.#find(message.id);
    if (known !== undefined) {
      this.#handOver(known, client);
      return [];
    }
    const kept = this.#kept.own(message.id);
    if (kept !== undefined) return [ownReply(kept, client)];
    const why = this.#kept.whyForgotten(message.id);
    if (why !== undefined) return [this.#lost(message.id, why, client)];
    const events: QueueEvent<C>[] = [{ type: 'queued', task }];
    if (this.#abortedAhead.delete(message.id)) this.#drop(task, events);
    else this.#waiting.add(task);
    return events;
  }

  // A client that lost its link comes back on another one. A former link that is still there gets the answer too: a client
  // that sends another one's id must not take the answer away.
  #handOver(task: QueuedTask<C>, client: C): void {
    if (task.client === client) return;
    const { id } = task.message;
    const watchers = this.#watchers.get(id) ?? [];
    if (this.#isOpen(task.client) && watchers.length < MAX_WATCHERS) this.#watchers.set(id, [...watchers, task.client]);
    task.client = client;
  }

  /** Starts the next task, if none runs. */
  next(): Started<C> | undefined {
    if (this.#running !== null) return undefined;
    const task = this.#waiting.front;
    if (task === undefined) return undefined;
    const isOvertaking = this.#waiting.overtakes(task);
    this.#waiting.take();
    this.#running = task;
    return isOvertaking ? { type: 'started', task, isOvertaking } : { type: 'started', task };
  }

  /** The running task ended. A second end of the same task (an interrupted one that goes on) is ignored. */
  finished(id: TaskId, end: TaskEnd): QueueEvent<C>[] {
    const task = this.#running;
    if (task === null || task.message.id !== id) return [];
    this.#running = null;
    const events: QueueEvent<C>[] = [{ type: 'ended', task, reply: end.reply }];
    this.#answer(task, end.reply, end.body, events);
    if (end.stopsQueue === true) this.#dropWhere(({ message }) => message.method === 'execute', events);
    return events;
  }

  /** Aborts queued tasks. An id that has not arrived is remembered; the running task goes on. */
  abort(ids: readonly TaskId[]): QueueEvent<C>[] {
    const wanted = new Set(ids);
    for (const id of ids) if (!this.#knows(id)) this.#abortedAhead.add(id);
    return this.#dropWhere(({ message }) => wanted.has(message.id));
  }

  /** True while tasks wait that this link has sent. */
  holdsTasksOf(client: C): boolean {
    return this.#waiting.all().some((task) => task.client === client);
  }

  /** The client of a link is gone for good: its queued tasks never run. Its kept replies stay. */
  clientGone(client: C, howLong = 'too long'): QueueEvent<C>[] {
    return this.#orphan((task) => task.client === client, `was gone for ${howLong}`);
  }

  /** The client with this uuid died: its queued tasks never run. */
  ownerGone(uuid: string): QueueEvent<C>[] {
    for (const id of this.#kept.travelling) if (clientOf(id) === uuid) this.#kept.arrived(id);
    return this.#orphan(({ message }) => clientOf(message.id) === uuid, 'died');
  }

  #orphan(matches: (task: QueuedTask<C>) => boolean, why: string): QueueEvent<C>[] {
    return this.#dropWhere(matches, [], (id) =>
      this.#unrun(id, 'aborted', plainError('ConnectionError', `${this.#named(id)} never started: its client ${why}`)),
    );
  }

  #named(id: TaskId): string {
    return `task '${id}' on ${this.#identity.name}`;
  }

  #aborted(id: TaskId): ReplyMessage {
    return this.#unrun(id, 'aborted', plainError('TaskAborted', `${this.#named(id)} was aborted before it started`));
  }

  /** Sends a task's reply to another client: at once if kept, at the end if queued or running, otherwise a refusal. */
  fetch(id: TaskId, client: C): QueueEvent<C>[] {
    const kept = this.#kept.own(id);
    if (kept !== undefined) return [ownReply(kept, client)];
    if (this.#find(id) !== undefined) return this.#watch(id, client);
    const why = this.#kept.whyForgotten(id);
    if (why !== undefined && why !== PURGED) return [this.#lost(id, why, client)];
    const error = plainError('ResultLost', `${this.#identity.name} does not hold the result of task '${id}'`);
    return [{ type: 'reply', to: client, reply: this.#unrun(id, 'refused', error), body: EMPTY }];
  }

  #watch(id: TaskId, client: C): QueueEvent<C>[] {
    const watchers = this.#watchers.get(id) ?? [];
    if (watchers.includes(client)) return [];
    if (watchers.length >= MAX_WATCHERS) {
      const text = `${MAX_WATCHERS} clients wait for the result of ${this.#named(id)} already: ask again when it has ended`;
      return [
        { type: 'reply', to: client, reply: this.#unrun(id, 'error', plainError('ResultLost', text)), body: EMPTY },
      ];
    }
    this.#watchers.set(id, [...watchers, client]);
    return [];
  }

  /** The client has this large reply, or will never ask for it again. */
  arrived(id: TaskId): void {
    this.#kept.arrived(id);
  }

  /** The link broke while this large reply travelled: it stays as it is, for a client that asks again. */
  broken(id: TaskId): void {
    this.#kept.own(id);
  }

  /** Frees kept replies. */
  purge(ids: readonly TaskId[]): QueueEvent<C>[] {
    return ids.filter((id) => this.#kept.drop(id)).map((id) => ({ type: 'purged', id }));
  }

  /** Frees the kept replies of the client with this uuid. */
  purgeClient(uuid: string): QueueEvent<C>[] {
    for (const id of this.#kept.travelling) if (clientOf(id) === uuid) this.#kept.arrived(id);
    return this.purge(this.#kept.ids.filter((id) => clientOf(id) === uuid));
  }

  #find(id: TaskId): QueuedTask<C> | undefined {
    return this.#running?.message.id === id ? this.#running : this.#waiting.get(id);
  }

  #knows(id: TaskId): boolean {
    return (
      this.#find(id) !== undefined || this.#kept.get(id) !== undefined || this.#kept.whyForgotten(id) !== undefined
    );
  }

  #dropWhere(
    matches: (task: QueuedTask<C>) => boolean,
    events: QueueEvent<C>[] = [],
    reply = (id: TaskId) => this.#aborted(id),
  ): QueueEvent<C>[] {
    for (const task of this.#waiting.all().filter(matches)) {
      this.#waiting.delete(task.message.id);
      this.#drop(task, events, reply(task.message.id));
    }
    return events;
  }

  #drop(task: QueuedTask<C>, events: QueueEvent<C>[], reply = this.#aborted(task.message.id)): void {
    events.push({ type: 'dropped', task });
    this.#answer(task, reply, EMPTY, events);
  }

  /** Keeps the reply of a task that is over, and sends it to its client and to others who asked for it. */
  #answer(task: QueuedTask<C>, reply: ReplyMessage, body: readonly Uint8Array[], events: QueueEvent<C>[]): void {
    if (this.#kept.add(reply, body)) events.push({ type: 'kept', id: reply.id });
    this.#evict(events);
    events.push({ type: 'reply', to: task.client, reply, body });
    const watchers = this.#watchers.get(reply.id);
    if (watchers === undefined) return;
    this.#watchers.delete(reply.id);
    for (const to of watchers) events.push({ type: 'reply', to, reply, body });
  }

  /** Drops results that nobody has collected for too long. */
  expire(): QueueEvent<C>[] {
    return this.#evict([]);
  }

  #evict(events: QueueEvent<C>[]): QueueEvent<C>[] {
    for (let id = this.#kept.evict(); id !== undefined; id = this.#kept.evict()) events.push({ type: 'evicted', id });
    return events;
  }

  #refusal({ message, client }: QueuedTask<C>): Reply<C> {
    const { uuid, name } = this.#identity;
    const text = `task '${message.id}' is for engine incarnation ${message.to}, but ${name} is now ${uuid}`;
    const reply = this.#unrun(message.id, 'refused', plainError('EngineError', text));
    return { type: 'reply', to: client, reply, body: EMPTY };
  }

  #lost(id: TaskId, why: string, client: C): Reply<C> {
    const text = `task '${id}' ran on ${this.#identity.name}, but its result is no longer kept: it ${why}`;
    const reply = this.#unrun(id, 'error', plainError('ResultLost', text));
    return { type: 'reply', to: client, reply, body: EMPTY };
  }

  #unrun(id: TaskId, status: ReplyMessage['status'], error: WireError): ReplyMessage {
    const metadata = { started: null, completed: this.#now(), stdout: '', stderr: '' };
    return { type: 'reply', id, status, metadata, error };
  }
}

/** A reply that is sent once more. */
function ownReply<C>({ reply, body, isOwn }: KeptReply, to: C): Reply<C> {
  return { type: 'reply', to, reply, body, isOwn };
}

/** An error that no user code threw: it has no stack. */
export function plainError(name: string, message: string): WireError {
  return { name, message, stack: '' };
}
