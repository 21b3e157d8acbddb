import { inspect } from 'node:util';
import type { RemoteError } from '../../errors.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { TaskId } from '../../protocol/messages.ts';
import type { ExecuteResult, MimeBundle } from '../../protocol/methods.ts';
import { notify } from '../../rpc/notify.ts';
import { Attempt, type Attempted, type OutputEvent } from './attempt.ts';
import { failed, type Outcome } from './outcome.ts';

/** Times, state and output of a task, before and after it ended. Times are Dates; `completed` is null before the end. */
export interface Metadata {
  readonly msgId: TaskId;
  /** When the call was made, by this client's clock. */
  readonly submitted: Date;
  /** When the engine began, by its own clock. */
  readonly started: Date | null;
  /** When the engine had finished, by its own clock. */
  readonly completed: Date | null;
  /** When the result arrived, by this client's clock. */
  readonly received: Date | null;
  /** Null until an engine has been chosen (load balancing). */
  readonly engineId: number | null;
  /** The engine's incarnation. */
  readonly engineUuid: string | null;
  /** The tasks whose engine it had to share. */
  readonly follow: readonly TaskId[];
  /** The tasks that had to end first. */
  readonly after: readonly TaskId[];
  readonly status: 'pending' | 'ok' | 'error' | 'aborted';
  /** The source text of an `execute`. */
  readonly executeInput: string | null;
  /** The value of an `execute` with `silent: false`, as a mime bundle. */
  readonly executeResult: MimeBundle | null;
  readonly error: RemoteError | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The bundles that it displayed. */
  readonly outputs: readonly MimeBundle[];
  /** The data that it published. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly label: string;
  /** Did its body go from engine to engine? */
  readonly isBroadcast: boolean;
}

/** Called when a task has ended. */
export type EndListener = (task: Task) => void;

/** Called for each piece of a task's output. */
export type OutputListener = (event: OutputEvent, task: Task) => void;

let arrivals = 0;

const NONE: readonly never[] = [];
const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

/** One request, from its submission to its outcome. Its engine, times and output are those of its attempt. */
export class Task implements Attempted {
  readonly id: TaskId;
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly submitted = Date.now();
  /** The same moment of a clock that nobody sets, in milliseconds. @internal */
  readonly begun = performance.now();
  /** The current or last try; undefined until an engine has been chosen (load balancing). @internal */
  attempt: Attempt | undefined;
  /** The engine that has it, or had it last; undefined until one has been chosen. */
  engine: EngineRecord | undefined;
  /** The tasks whose engine it has to share (load balancing). */
  follow: readonly TaskId[] = NONE;
  /** The tasks that have to end first (load balancing). */
  after: readonly TaskId[] = NONE;
  /** Did its body go from engine to engine? */
  isBroadcast = false;
  /** The source text of an `execute`. */
  executeInput: string | null = null;
  /** Undefined until it has ended. @internal */
  outcome: Outcome | undefined;
  /** When the outcome arrived, in milliseconds since 1970. */
  received: number | null = null;
  /** The order of arrival among all tasks of this process: times of one millisecond tie. @internal */
  arrival = 0;
  #done: Promise<Outcome> | undefined;
  // The first listener has a place of its own: most tasks have one or two, and a list is one more object to keep.
  #end: EndListener | undefined;
  #ends: readonly EndListener[] | undefined;
  #listeners: OutputListener[] | undefined;

  /** With an engine, its attempt begins at once. @internal */
  constructor(id: TaskId, engine: EngineRecord | undefined, label: string) {
    this.id = id;
    this.label = label;
    if (engine !== undefined) this.begin(engine);
  }

  /** A new attempt, which takes the place of the last one. `id`: its name on the wire, default the task's. @internal */
  begin(engine: EngineRecord | undefined, id: TaskId = this.id): Attempt {
    this.engine = engine;
    this.attempt = new Attempt(this, engine, id);
    return this.attempt;
  }

  /** The only attempt decides the task. @internal */
  attemptEnded({ outcome }: Attempt): void {
    if (outcome !== undefined) this.settle(outcome);
  }

  /** Output of the attempt is output of the task. @internal */
  attemptSaid(event: OutputEvent): void {
    for (const listener of this.#listeners ?? NONE) notify((said) => listener(said, this), event, "a task's output");
  }

  /** Resolves, never rejects, when the task has ended. Made when asked for: large maps have many tasks. @internal */
  get done(): Promise<Outcome> {
    this.#done ??= new Promise((resolve) => this.onEnd((task) => resolve(task.outcome as Outcome)));
    return this.#done;
  }

  /** Settles when the engine has all its bytes, or it has ended: its arrays may change then. @internal */
  get sent(): Promise<void> {
    return Promise.race([this.#delivered(), this.done]).then(() => {});
  }

  // After a broken link the message is sent again: one that may not be there waits for the end.
  async #delivered(): Promise<void> {
    const hasArrived = await this.attempt?.delivery?.then(
      () => true,
      () => false,
    );
    if (!hasArrived) await this.done;
  }

  /** Calls `listener` when the task has ended; at once if it has. One function can listen to many tasks. @internal */
  onEnd(listener: EndListener): void {
    if (this.outcome !== undefined) {
      listener(this);
      return;
    }
    if (this.#end === undefined) this.#end = listener;
    // Exactly as long as it must be: an array that `push` or a spread has grown has room for 17.
    else this.#ends = this.#ends === undefined ? [listener] : this.#ends.concat(listener);
  }

  /** The id that its engine knows. @internal */
  get wireId(): TaskId {
    return this.attempt?.id ?? this.id;
  }

  /** Ends it here, if no engine has it yet. False: an engine has to be asked. @internal */
  drop(): boolean {
    return false;
  }

  /** Ends it for good. First outcome wins. @internal */
  settle(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    // By the clock that nobody sets: no duration is negative.
    this.received = this.submitted + Math.ceil(performance.now() - this.begun);
    this.arrival = ++arrivals;
    this.outcome = outcome;
    const first = this.#end;
    const ends = this.#ends;
    this.#end = undefined;
    this.#ends = undefined;
    first?.(this);
    if (ends !== undefined) for (const listener of ends) listener(this);
  }

  /** Ends it for good in an error of this client. @internal */
  fail(error: RemoteError): void {
    this.settle(failed(error));
  }

  /** When its engine began, in milliseconds since 1970; null before the end. */
  get started(): number | null {
    return this.outcome === undefined ? null : (this.attempt?.started ?? null);
  }

  /** When its engine had finished, or this client gave up; null before the end. */
  get completed(): number | null {
    return this.outcome === undefined ? null : (this.attempt?.completed ?? this.received);
  }

  /** Bytes of the reply's body. */
  get bytes(): number {
    return this.attempt?.bytes ?? 0;
  }

  /** The text that it wrote to stdout so far. */
  get stdout(): string {
    return this.attempt?.stdout ?? '';
  }

  /** The text that it wrote to stderr so far. */
  get stderr(): string {
    return this.attempt?.stderr ?? '';
  }

  /** The bundles that it displayed so far. */
  get outputs(): readonly MimeBundle[] {
    return this.attempt?.outputs ?? NONE;
  }

  /** The data that it published so far. */
  get data(): Readonly<Record<string, unknown>> {
    return this.attempt?.data ?? NOTHING;
  }

  /** The reply of an `execute` that was not silent; undefined for other tasks, and until it has ended well. @internal */
  get executed(): ExecuteResult | undefined {
    if (this.executeInput === null || !this.outcome?.ok) return undefined;
    return this.outcome.value as ExecuteResult | undefined;
  }

  /** Calls `listener` for its output from now on, after a replay of its output so far: each piece exactly once. @internal */
  listen(listener: OutputListener): void {
    const { stdout, stderr, outputs } = this;
    if (stdout !== '') listener({ stream: 'stdout', text: stdout }, this);
    if (stderr !== '') listener({ stream: 'stderr', text: stderr }, this);
    for (const bundle of outputs) listener({ stream: 'display', bundle }, this);
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  get status(): Metadata['status'] {
    if (this.outcome === undefined) return 'pending';
    if (this.outcome.ok) return 'ok';
    return this.outcome.error.ename === 'TaskAborted' ? 'aborted' : 'error';
  }

  get metadata(): Metadata {
    const { outcome, engine, label, stdout, stderr, outputs, data, executeInput, executed } = this;
    return {
      msgId: this.id,
      submitted: new Date(this.submitted),
      started: asDate(this.started),
      completed: asDate(this.completed),
      received: asDate(this.received),
      engineId: engine?.id ?? null,
      engineUuid: engine?.uuid ?? null,
      follow: this.follow,
      after: this.after,
      status: this.status,
      executeInput,
      executeResult: executed?.data ?? null,
      error: outcome === undefined || outcome.ok ? null : outcome.error,
      stdout,
      stderr,
      outputs,
      data,
      label,
      isBroadcast: this.isBroadcast,
    };
  }

  [inspect.custom](): string {
    return `<Task ${this.id} on engine ${this.engine?.id ?? '-'}: ${this.status}>`;
  }
}

function asDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
