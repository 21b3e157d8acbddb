import type { RemoteError } from '../../errors.ts';
import type { EncodedCall } from '../../protocol/codec.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { TaskId } from '../../protocol/messages.ts';
import type { Attempt } from '../links/attempt.ts';
import { failed, type Outcome } from '../links/outcome.ts';
import { Task } from '../links/task.ts';
import type { DurationEstimate } from './duration-estimate.ts';
import type { EngineIdentity, Schedulable, SchedulingPolicy } from './schedulable.ts';

/** The common part of the tasks of one load-balanced call. */
export interface BalancedCall {
  /** The public name of the call, for errors and metadata. */
  readonly label: string;
  readonly policy: SchedulingPolicy;
  /** Milliseconds in the queue. */
  readonly timeout: number | undefined;
  /** Milliseconds on an engine. */
  readonly runTimeout: number | undefined;
  /** How long its tasks run, as far as is known. */
  readonly duration: DurationEstimate;
  /** The family of views that it came from. */
  readonly owner: object;
  /** The request of task `index`; asked again for each attempt. @throws NotSerializableError */
  request(index: number): EncodedCall;
  /** The first failed item in the value of a reply, if a retry may do better. */
  failure?: ((value: unknown, task: BalancedTask) => RemoteError | undefined) | undefined;
}

/** The part of the balancer that tasks know. */
export interface TaskOwner {
  /** Decides about an attempt that has ended. True: the task is queued again. */
  retries(task: BalancedTask, attempt: Attempt): boolean;
  /** Takes the task out of the queue. False: an engine has it, or it has ended. */
  withdraw(task: BalancedTask): boolean;
}

/** A failed attempt whose task was queued again. `error`: the reason, which may be that of one item. */
export interface FailedAttempt {
  readonly attempt: Attempt;
  readonly error: RemoteError;
}

/** One task of a load-balanced call, over all its attempts. */
export class BalancedTask extends Task implements Schedulable {
  /** Its place in the call. */
  readonly index: number;
  state: Schedulable['state'] = 'waiting';
  turn = 0;
  failures = 0;
  excluded: ReadonlySet<string> | undefined;
  pinned: ReadonlySet<string> | undefined;
  runsOn: EngineIdentity | undefined;
  cost = 0;
  steals = 0;
  /** Was the engine asked to give it back, if it has not started? */
  isStolen = false;
  /** Does the caller want it aborted, wherever it is? */
  isUnwanted = false;
  /** The last failure, while there will be another attempt. */
  last: FailedAttempt | undefined;
  /** Ends its wait in the queue. */
  timer: NodeJS.Timeout | undefined;
  readonly #owner: TaskOwner;
  #call: BalancedCall | undefined;

  constructor(id: TaskId, call: BalancedCall, index: number, owner: TaskOwner) {
    super(id, undefined, call.label);
    this.index = index;
    this.#call = call;
    this.#owner = owner;
  }

  /** Its call. Only while it has not ended: a finished task does not keep its call's arguments. */
  get call(): BalancedCall {
    return this.#call as BalancedCall;
  }

  get policy(): SchedulingPolicy {
    return this.call.policy;
  }

  /** An attempt on this engine. Engines never run an id twice, so a stolen task comes under another. */
  tryOn(engine: EngineRecord): Attempt {
    return this.begin(engine, this.steals === 0 ? this.id : `${this.id}~${this.steals}`);
  }

  /** Another attempt may follow. */
  override attemptEnded(attempt: Attempt): void {
    if (!this.#owner.retries(this, attempt)) this.endAs(attempt);
  }

  /** Ends it as this attempt has ended. */
  endAs(attempt: Attempt): void {
    this.attempt = attempt;
    this.end(attempt.outcome as Outcome);
  }

  /** Ends it by a decision of this client: the output of earlier attempts is not its own. */
  giveUp(error: RemoteError): void {
    this.attempt = undefined;
    this.end(failed(error));
  }

  /** Ends it for good, and frees its call. */
  end(outcome: Outcome): void {
    clearTimeout(this.timer);
    this.state = 'ended';
    this.timer = undefined;
    this.last = undefined;
    this.#call = undefined;
    this.settle(outcome);
  }

  /** Its arrays may go to another engine, as long as it has not ended. */
  override get sent(): Promise<void> {
    return this.done.then(() => {});
  }

  override drop(): boolean {
    return this.#owner.withdraw(this);
  }
}
