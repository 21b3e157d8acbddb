import type { ReplyMessage, TaskId, TaskMessage, TasksOutbound } from '../../src/protocol/messages.ts';

/** The client of a task, which gets its output and reply: in an engine a channel. */
export interface TaskClient {
  /** False once its link was closed or went down. */
  readonly isOpen?: boolean | undefined;
  /** Bytes that wait until it reads. */
  readonly pendingBytes?: number | undefined;
  /** The promise may be ignored: it rejects only if the client is gone. */
  send(message: TasksOutbound, body?: readonly Uint8Array[]): Promise<void>;
  /** Ends its link: it opens another one, and asks again. */
  close?(): Promise<void>;
}

/** A task with the body of its message and the client that sent it (`C` is opaque to the queue). */
export interface QueuedTask<C> {
  readonly message: TaskMessage;
  readonly body: readonly Uint8Array[];
  /** Gets the reply: the last one that sent the task. */
  client: C;
}

/** The end of a task that ran. */
export interface TaskEnd {
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
  /** A failed `execute` takes the queued ones with it (semantics B7). */
  readonly stopsQueue?: boolean | undefined;
}

/** The task waits at the end of the queue. */
export interface Queued<C> {
  readonly type: 'queued';
  readonly task: QueuedTask<C>;
}

/** The task left the queue and runs. */
export interface Started<C> {
  readonly type: 'started';
  readonly task: QueuedTask<C>;
  /** Tasks of other clients wait that came before it. */
  readonly isOvertaking?: true | undefined;
}

/** The running task is over. */
export interface Ended<C> {
  readonly type: 'ended';
  readonly task: QueuedTask<C>;
  readonly reply: ReplyMessage;
}

/** A queued task was aborted: it left the queue and never runs. */
export interface Dropped<C> {
  readonly type: 'dropped';
  readonly task: QueuedTask<C>;
}

/** `kept`: the reply stays for clients that ask again. `evicted`: the oldest made room, or was too old. `purged`: a client freed it. */
export interface ReplyStock {
  readonly type: 'kept' | 'evicted' | 'purged';
  readonly id: TaskId;
}

/** This reply goes to that client. */
export interface Reply<C> {
  readonly type: 'reply';
  readonly to: C;
  readonly reply: ReplyMessage;
  readonly body: readonly Uint8Array[];
  /** No task can write into its bytes. */
  readonly isOwn?: true | undefined;
}

/** A fact that the task queue reports; each method of the queue gives its facts in order. */
export type QueueEvent<C> = Queued<C> | Started<C> | Ended<C> | Dropped<C> | ReplyStock | Reply<C>;
