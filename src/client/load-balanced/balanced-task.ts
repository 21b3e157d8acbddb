// BalancedTask: one task of a load-balanced call, over all its attempts: for each engine that tries, it is this one.
import type { RemoteError } from '../../errors.ts';
import type { EncodedCall } from '../../protocol/codec.ts';
import type { ReplyMetadata, TaskId } from '../../protocol/messages.ts';
import { failed, type Outcome } from '../links/outcome.ts';
import { Task } from '../links/task.ts';
import type { Pace } from './duration-estimate.ts';
import type { EngineSeat } from './engine-slots.ts';
import type { Plan, Schedulable } from './queue-class.ts';

/** What the tasks of one call share. */
export interface Call extends Plan {
  readonly label: string;
  /** Milliseconds in the queue. */
  readonly timeout: number | undefined;
  readonly runTimeout: number | undefined;
  readonly pace: Pace;
  /** The view that it came from. */
  readonly owner: object;
  /** The request of task `index`; asked again for each attempt. @throws NotSerializableError */
  request(index: number): EncodedCall;
  /** Of a successful reply: the first item that failed, if a retry may do better. */
  failure?(value: unknown, task: BalancedTask): RemoteError | undefined;
}

/** The balancer, as its tasks know it. */
export interface TaskOwner {
  /** An attempt is over. True: it is queued again. */
  again(task: BalancedTask, outcome: Outcome, metadata?: ReplyMetadata): boolean;
  /** Is it still here? Then it is taken out of the queue. */
  withdraw(task: BalancedTask): boolean;
}

export class BalancedTask extends Task implements Schedulable {
  readonly index: number;
  state: Schedulable['state'] = 'waiting';
  turn = 0;
  failures = 0;
  barred: ReadonlySet<string> | undefined;
  pinned: ReadonlySet<string> | undefined;
  seat: EngineSeat<Schedulable> | undefined;
  cost = 0;
  recalls = 0;
  /** The engine was asked to give it back, if it has not started. */
  recalled = false;
  /** The caller wants it aborted, wherever it is. */
  unwanted = false;
  /** How the last attempt ended, while there will be another. */
  last: { readonly outcome: Outcome; readonly error: RemoteError; readonly metadata?: ReplyMetadata } | undefined;
  timer: NodeJS.Timeout | undefined;
  readonly #owner: TaskOwner;
  #call: Call | undefined;

  constructor(id: TaskId, call: Call, index: number, owner: TaskOwner) {
    super(id, undefined, call.label);
    this.index = index;
    this.#call = call;
    this.#owner = owner;
  }

  /** Only while it has not ended: a finished task does not keep its call's arguments. */
  get plan(): Call {
    return this.#call as Call;
  }

  /** Engines never run an id twice, so what was taken back from one gets another name. */
  override get wireId(): TaskId {
    return this.recalls === 0 ? this.id : `${this.id}~${this.recalls}`;
  }

  override settle(outcome: Outcome, metadata?: ReplyMetadata): void {
    if (this.outcome !== undefined) return;
    if (this.state === 'sent' && this.#owner.again(this, outcome, metadata)) return;
    this.finish(outcome, metadata);
  }

  /** The end, whatever attempts there might have been. */
  finish(outcome: Outcome, metadata?: ReplyMetadata): void {
    clearTimeout(this.timer);
    this.state = 'ended';
    this.timer = undefined;
    this.last = undefined;
    this.#call = undefined;
    super.settle(outcome, metadata);
  }

  giveUp(error: RemoteError): void {
    this.finish(failed(error));
  }

  override drop(): boolean {
    return this.#owner.withdraw(this);
  }
}
