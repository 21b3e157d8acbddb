// The sans-I/O core of an engine: events in (a task arrived, a task ended, abort, …), instructions out (run this, send
// that). It decides order, refusal and de-duplication; it knows no socket, no clock and no user code.
import type { ReplyMessage, TaskId, TaskMessage } from '../../src/protocol/messages.ts';
import type { WireError } from '../../src/protocol/values/wire-error.ts';
import { BoundedSet } from '../../src/util/bounded.ts';
import { Outbox } from './kept-replies.ts';

/** A task with the body of its message and the link that it came on (`C` is opaque here). */
export interface QueuedTask<C> {
  readonly message: TaskMessage;
  readonly body: readonly Uint8Array[];
  client: C;
}

/** Send this reply. What to run next is asked for with `next()`, once nothing runs. */
export interface Instruction<C> {
  readonly do: 'reply';
  readonly to: C;
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
}

/** How a task ended. `stopsQueue`: a failed `execute` that takes the queued ones with it (semantics B7). */
export interface Outcome {
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
  readonly stopsQueue?: boolean;
}

export interface Identity {
  readonly uuid: string;
  /** −1 until the controller has given one. */
  id: number;
}

export interface CoreOptions {
  readonly identity: Identity;
  /** Bytes of results kept for clients that ask again; default 64 MiB. */
  readonly outboxBytes?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const MAX_REMEMBERED_ABORTS = 10_000;
const EMPTY: readonly Uint8Array[] = [];

export class Engine<C> {
  readonly #identity: Identity;
  readonly #now: () => number;
  readonly #outbox: Outbox;
  readonly #queue = new Map<TaskId, QueuedTask<C>>();
  // Kept from task to task: a fresh iterator walks over all entries that have been deleted before the first live one.
  #cursor = this.#queue.values();
  #first: QueuedTask<C> | undefined;
  // Ids that were aborted before their task arrived: the control socket overtakes the tasks socket.
  readonly #abortedAhead = new BoundedSet<TaskId>(MAX_REMEMBERED_ABORTS);
  /** Clients that wait for the end of another's task. */
  readonly #watchers = new Map<TaskId, C[]>();
  #running: QueuedTask<C> | null = null;
  #completed = 0;

  constructor(options: CoreOptions) {
    this.#identity = options.identity;
    this.#now = options.now ?? Date.now;
    this.#outbox = new Outbox(options.outboxBytes);
  }

  get running(): TaskId | null {
    return this.#running?.message.id ?? null;
  }

  get queued(): TaskId[] {
    return [...this.#queue.keys()];
  }

  get queueLength(): number {
    return this.#queue.size;
  }

  /** Tasks that ended, whatever the end. */
  get completed(): number {
    return this.#completed;
  }

  get outbox(): TaskId[] {
    return this.#outbox.ids;
  }

  get outboxSize(): number {
    return this.#outbox.size;
  }

  /** A task message came. What is known already does not run again: its answer, now or later, goes to `client`. */
  arrive(message: TaskMessage, body: readonly Uint8Array[], client: C): Instruction<C>[] {
    const task = { message, body, client };
    if (message.to !== this.#identity.uuid) return [this.#refusal(task)];
    const known = this.#running?.message.id === message.id ? this.#running : this.#queue.get(message.id);
    if (known !== undefined) {
      known.client = client;
      return [];
    }
    const sent = this.#outbox.get(message.id);
    if (sent !== undefined) return [{ do: 'reply', to: client, reply: sent.reply, body: sent.body }];
    if (this.#outbox.forgot(message.id)) return [this.#lost(task)];
    if (this.#abortedAhead.delete(message.id)) return [this.#aborted(task)];
    this.#queue.set(message.id, task);
    return [];
  }

  /** The task that would run next. */
  get head(): TaskMessage | undefined {
    return this.#front()?.message;
  }

  #front(): QueuedTask<C> | undefined {
    if (this.#queue.size === 0) return undefined;
    while (this.#first === undefined || this.#queue.get(this.#first.message.id) !== this.#first) {
      const step = this.#cursor.next();
      // An iterator that has come to the end stays there, whatever is added later.
      if (step.done) this.#cursor = this.#queue.values();
      else this.#first = step.value;
    }
    return this.#first;
  }

  /** The next task, if none runs: it counts as running from here on. */
  next(): QueuedTask<C> | undefined {
    if (this.#running !== null) return undefined;
    const task = this.#front();
    if (task === undefined) return undefined;
    this.#queue.delete(task.message.id);
    this.#first = undefined;
    this.#running = task;
    return task;
  }

  /** The running task ended. A second end of the same task (an interrupted one that goes on) is ignored. */
  finished(id: TaskId, outcome: Outcome): Instruction<C>[] {
    const task = this.#running;
    if (task === null || task.message.id !== id) return [];
    this.#running = null;
    const replies = this.#copies(this.#keep(task, outcome.reply, outcome.body));
    if (outcome.stopsQueue !== true) return replies;
    return [...replies, ...this.#abortWhere((t) => t.message.method === 'execute')];
  }

  /** Aborts queued tasks by id; an id that is not here yet is remembered; the running task goes on. */
  abort(ids: readonly TaskId[]): Instruction<C>[] {
    const wanted = new Set(ids);
    for (const id of ids) if (!this.#knows(id)) this.#abortedAhead.add(id);
    return this.#abortWhere((task) => wanted.has(task.message.id));
  }

  /** The client of a link is gone for good: what it had queued never runs. Its finished results stay in the outbox. */
  clientGone(client: C): Instruction<C>[] {
    return this.#abortWhere((task) => task.client === client);
  }

  /** The reply of a task to whoever asks: now if it is kept, when it ends if it waits or runs; else refused. */
  fetch(id: TaskId, client: C): Instruction<C>[] {
    const kept = this.#outbox.get(id);
    if (kept !== undefined) return [{ do: 'reply', to: client, reply: kept.reply, body: kept.body }];
    if (this.running === id || this.#queue.has(id)) {
      this.#watchers.set(id, [...(this.#watchers.get(id) ?? []), client]);
      return [];
    }
    const error = plainError('ResultLost', `engine ${this.#identity.id} does not hold the result of task '${id}'`);
    const metadata = { started: null, completed: this.#now(), stdout: '', stderr: '' };
    return [{ do: 'reply', to: client, reply: { type: 'reply', id, status: 'refused', metadata, error }, body: EMPTY }];
  }

  /** Frees kept results. */
  purge(ids: readonly TaskId[]): void {
    for (const id of ids) this.#outbox.drop(id);
  }

  // Others who have asked for the reply of that task.
  #copies(own: Instruction<C>): Instruction<C>[] {
    const watchers = this.#watchers.get(own.reply.id);
    if (watchers === undefined) return [own];
    this.#watchers.delete(own.reply.id);
    return [own, ...watchers.map((to) => ({ ...own, to }))];
  }

  #knows(id: TaskId): boolean {
    return this.running === id || this.#queue.has(id) || this.#outbox.get(id) !== undefined || this.#outbox.forgot(id);
  }

  #abortWhere(matches: (task: QueuedTask<C>) => boolean): Instruction<C>[] {
    const hit = [...this.#queue.values()].filter(matches);
    return hit.flatMap((task) => {
      this.#queue.delete(task.message.id);
      return this.#copies(this.#aborted(task));
    });
  }

  #aborted(task: QueuedTask<C>): Instruction<C> {
    const text = `task '${task.message.id}' on engine ${this.#identity.id} was aborted before it started`;
    return this.#keep(task, this.#ended(task, 'aborted', plainError('TaskAborted', text)), EMPTY);
  }

  #refusal(task: QueuedTask<C>): Instruction<C> {
    const { uuid, id } = this.#identity;
    const text = `task '${task.message.id}' is for engine incarnation ${task.message.to}, but engine ${id} is now ${uuid}`;
    return {
      do: 'reply',
      to: task.client,
      reply: this.#ended(task, 'refused', plainError('EngineError', text)),
      body: EMPTY,
    };
  }

  #lost(task: QueuedTask<C>): Instruction<C> {
    const text = `task '${task.message.id}' ran on engine ${this.#identity.id}, but its result is no longer kept (outbox of ${this.#outbox.limit} bytes)`;
    return {
      do: 'reply',
      to: task.client,
      reply: this.#ended(task, 'error', plainError('ResultLost', text)),
      body: EMPTY,
    };
  }

  #ended(task: QueuedTask<C>, status: ReplyMessage['status'], error: WireError): ReplyMessage {
    const metadata = { started: null, completed: this.#now(), stdout: '', stderr: '' };
    return { type: 'reply', id: task.message.id, status, metadata, error };
  }

  #keep(task: QueuedTask<C>, reply: ReplyMessage, body: readonly Uint8Array[]): Instruction<C> {
    this.#completed++;
    this.#outbox.add(reply, body);
    return { do: 'reply', to: task.client, reply, body };
  }
}

/** An error that no user code threw. */
export function plainError(name: string, message: string): WireError {
  return { name, message, stack: '' };
}
