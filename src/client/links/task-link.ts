import { PeerRefused, PeerUnreachable } from '../../comm/link.ts';
import { ProtocolError } from '../../errors.ts';
import type { Body } from '../../protocol/codec.ts';
import type { DroppedMessage, TaskId, TaskMessage, TasksInbound, TasksOutbound } from '../../protocol/messages.ts';
import type { Channel, ChannelHandlers } from '../../rpc/channel.ts';
import { Backoff } from '../../util/backoff.ts';

/** A task message that is kept until its reply has come. */
export interface Kept {
  readonly message: TaskMessage;
  readonly body: Body;
  /** Was it sent over the link that is open now? */
  isOut: boolean;
  /** How often the engine could not handle it. */
  refusals: number;
}

/** The messages that a link carries, and who gets what comes back. */
export interface TaskLinkOptions<K extends Kept> {
  readonly open: (handlers: ChannelHandlers<TasksOutbound, TasksInbound>) => Channel<TasksInbound>;
  /** Messages without a reply, in the order of sending. The link drops one that has failed. */
  readonly kept: Map<TaskId, K>;
  /** Other messages that are sent again over a new link. */
  readonly again: () => Iterable<TasksInbound>;
  readonly message: (message: Exclude<TasksOutbound, DroppedMessage>, body: Body) => void;
  /** A message of the engine cannot be read; `id` names the task, if that can be read. */
  readonly unreadable: (error: Error, id: string | undefined) => void;
  readonly destination: NonNullable<ChannelHandlers<TasksOutbound, TasksInbound>['destination']>;
  /** The message is sent again. */
  readonly sending: (kept: K, sent: Promise<void>) => void;
  /** The task fails: the engine could not handle its message, or `cause` keeps this process from opening a link. */
  readonly fail: (kept: K, reason: string, cause?: Error) => void;
  /** Default: of 50 ms to 2 s. */
  readonly backoff?: Backoff | undefined;
}

/** How often a message is sent that the engine cannot handle, and how often a link is opened that cannot be. */
const TRIES = 2;
/** A message on trial has passed when the link has stood this long (ms) after it. */
const TRIAL_MS = 250;
/** A link that breaks this soon (ms), before the engine has said anything, was reset. */
const RESET_MS = 1000;
/** The last words of an engine arrive within this time (ms), or are lost with it. */
const LAST_WORDS_MS = 1000;
/** Resets in a row that may be the network's fault. */
const PARDONED_RESETS = 4;

/**
 * The link for tasks to one engine. It opens when it is first needed, and again, after a wait, when it breaks; then it sends
 * what has no reply. A message that the engine cannot handle must not stop the others: after a refusal, messages go one
 * at a time until the guilty one is found, and that one fails after two tries.
 */
export class TaskLink<K extends Kept> {
  readonly #options: TaskLinkOptions<K>;
  readonly #backoff: Backoff;
  #channel: Channel<TasksInbound> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isWaiting = false;
  /** Messages go one at a time. */
  #isOnTrial = false;
  #tried: K | undefined;
  #openedAt = 0;
  #hasHeard = false;
  /** The engine was reached once: a cut may heal before the roster says that it is dead. */
  #wasUp = false;
  #resets = 0;
  #failedOpens = 0;
  #isClosed = false;
  /** The engine has ended: called when its link has ended, too. */
  #onLast: (() => void) | undefined;

  constructor(options: TaskLinkOptions<K>) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
  }

  /** The open link. Undefined while messages have to wait: those that are kept are sent later. */
  get channel(): Channel<TasksInbound> | undefined {
    if (this.#isWaiting || this.#isOnTrial || this.#isClosed) return undefined;
    return this.#channel ?? this.#open();
  }

  #open(): Channel<TasksInbound> | undefined {
    try {
      this.#channel = this.#options.open({
        message: (message, body, channel) => this.#take(message, body, channel),
        down: (reason, channel) => this.#down(reason, channel),
        dropped: (error, channel, id) => this.#unreadable(error, channel, id),
        destination: this.#options.destination,
      });
    } catch (error) {
      this.#cannotOpen(error as Error);
      return undefined;
    }
    this.#failedOpens = 0;
    this.#hasHeard = false;
    this.#openedAt = performance.now();
    return this.#channel;
  }

  #cannotOpen(error: Error): void {
    if (++this.#failedOpens >= TRIES) this.#failAll(`cannot be reached (${TRIES} tries): ${error.message}`, error);
    // Also without work: the message that needs the link is kept only after this.
    this.#wait();
  }

  #failAll(reason: string, cause: Error): void {
    const all = [...this.#options.kept.values()];
    this.#options.kept.clear();
    for (const kept of all) this.#options.fail(kept, reason, cause);
  }

  #take(message: TasksOutbound, body: Body, channel: Channel<TasksInbound>): void {
    if (message.type === 'dropped') {
      this.#dropped(message, channel);
      return;
    }
    if (!this.#hasHeard) this.#heard();
    this.#options.message(message, body);
    if (this.#isOnTrial && this.#tried !== undefined && !this.#isKept(this.#tried)) this.#next();
  }

  #heard(): void {
    this.#hasHeard = true;
    this.#wasUp = true;
    this.#resets = 0;
    this.#backoff.reset();
  }

  #isKept(kept: K): boolean {
    return this.#options.kept.get(kept.message.id) === kept;
  }

  #dropped({ id, reason }: DroppedMessage, channel: Channel<TasksInbound>): void {
    const guilty = id === undefined ? undefined : this.#options.kept.get(id);
    if (guilty !== undefined) {
      this.#blame(guilty, reason);
      // It goes to the end: engines run tasks in the order of arrival.
      if (this.#options.kept.delete(guilty.message.id)) this.#options.kept.set(guilty.message.id, guilty);
      guilty.isOut = false;
      this.#retry();
    } else if (id === undefined && channel === this.#channel) {
      void channel.close();
      this.#lost(reason);
    }
  }

  // Without an id nobody knows whose reply it was: all come again over another link, one at a time.
  #unreadable(error: Error, channel: Channel<TasksInbound>, id: string | undefined): void {
    if (id !== undefined) this.#options.unreadable(error, id);
    else if (channel === this.#channel) {
      void channel.close();
      this.#lost(`its message cannot be read: ${error.message}`);
    }
  }

  // A broken link is not a dead engine: the roster says when an engine is dead.
  #down(reason: Error, channel: Channel<TasksInbound>): void {
    if (channel !== this.#channel || this.#isClosed) return;
    if (this.#onLast !== undefined) {
      this.#onLast();
      return;
    }
    if (!(reason instanceof PeerUnreachable)) this.#wasUp = true;
    else if (!this.#wasUp) this.#failAll(`cannot be reached: ${reason.message}`, reason);
    const isReset = !this.#hasHeard && performance.now() - this.#openedAt < RESET_MS;
    this.#resets = isReset ? this.#resets + 1 : 0;
    const isRefusal =
      reason instanceof PeerRefused || reason instanceof ProtocolError || this.#resets > PARDONED_RESETS;
    this.#lost(isRefusal ? reason.message : undefined);
  }

  /** `refusal`: why the engine, or this end, gave up the link because of a message. */
  #lost(refusal: string | undefined): void {
    const out = [...this.#options.kept.values()].filter((kept) => kept.isOut);
    this.#channel = undefined;
    for (const kept of out) kept.isOut = false;
    if (refusal !== undefined) this.#suspect(out, refusal);
    this.#retry();
  }

  #suspect(out: readonly K[], reason: string): void {
    const guilty = this.#isOnTrial ? this.#tried : out.length === 1 ? out[0] : undefined;
    if (guilty !== undefined && this.#isKept(guilty)) this.#blame(guilty, reason);
    this.#isOnTrial = true;
  }

  #blame(guilty: K, reason: string): void {
    if (++guilty.refusals < TRIES) return;
    this.#options.kept.delete(guilty.message.id);
    this.#options.fail(
      guilty,
      `could not handle the message of task '${guilty.message.id}' (${TRIES} tries): ${reason}`,
    );
  }

  #retry(): void {
    if (this.#hasWork) this.#wait();
    else this.#isOnTrial = false;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#tried = undefined;
    this.#isWaiting = !this.#isClosed;
    if (this.#isWaiting) this.#timer = setTimeout(() => this.#resend(), this.#backoff.next());
  }

  get #hasWork(): boolean {
    if (this.#options.kept.size > 0) return true;
    for (const _ of this.#options.again()) return true;
    return false;
  }

  #resend(): void {
    this.#isWaiting = false;
    if (!this.#hasWork) {
      this.#isOnTrial = false;
      return;
    }
    const channel = this.#channel;
    const open = channel ?? this.#open();
    if (open === undefined) return;
    if (channel === undefined) for (const message of this.#options.again()) void open.send(message);
    if (this.#isOnTrial) this.#next();
    else for (const kept of this.#options.kept.values()) if (!kept.isOut) this.#send(open, kept);
  }

  // The next message on trial; after the last one, all go at once again.
  #next(): void {
    clearTimeout(this.#timer);
    this.#tried = undefined;
    const channel = this.#channel;
    if (channel === undefined) return;
    for (const kept of this.#options.kept.values()) {
      if (kept.isOut) continue;
      this.#tried = kept;
      this.#send(channel, kept);
      this.#timer = setTimeout(() => this.#next(), TRIAL_MS);
      return;
    }
    this.#isOnTrial = false;
  }

  // Whole, with its body, also where the body went from engine to engine before: the engine runs a task once.
  #send(channel: Channel<TasksInbound>, kept: K): void {
    kept.isOut = true;
    this.#options.sending(kept, channel.send(kept.message, kept.body));
  }

  /** Takes another link in place of one whose reader may be gone; what is out is sent again. */
  reopen(): void {
    const channel = this.#channel;
    if (channel === undefined || this.#isClosed) return;
    // It cannot wait for a reader that is gone.
    void channel.close();
    this.#lost(undefined);
  }

  /** Sends nothing any more. Resolves when all has come that the engine sent before its end: with the end of the link. */
  async lastWords(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isWaiting = true;
    if (this.#channel === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onLast = resolve;
      timer = setTimeout(resolve, LAST_WORDS_MS);
    });
    clearTimeout(timer);
  }

  /** Resolves when tasks that were sent have left this process, or the link has ended. */
  async drained(): Promise<void> {
    await this.#channel?.drained();
  }

  /** Sends nothing any more. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#onLast?.();
    await this.#channel?.close();
  }
}
