// One request to one engine, from its submission to its outcome.
import { inspect } from 'node:util';
import type { RemoteError } from '../../errors.ts';
import type { EngineRecord, ReplyMetadata, TaskId } from '../../protocol/messages.ts';
import type { ExecuteResult, MimeBundle } from '../../protocol/methods.ts';
import { failed, type Outcome, success } from './outcome.ts';

/** What is known of a task, before and after it ended. Times are Dates; `completed` is null before the end. */
export interface Metadata {
  readonly msgId: TaskId;
  readonly submitted: Date;
  readonly started: Date | null;
  readonly completed: Date | null;
  readonly received: Date | null;
  /** Null until an engine has been chosen (load balancing). */
  readonly engineId: number | null;
  readonly engineUuid: string | null;
  readonly follow: readonly TaskId[];
  readonly after: readonly TaskId[];
  readonly status: 'pending' | 'ok' | 'error' | 'aborted';
  readonly executeInput: string | null;
  readonly executeResult: MimeBundle | null;
  readonly error: RemoteError | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly outputs: readonly MimeBundle[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly label: string;
  readonly isBroadcast: boolean;
}

export type OutputEvent =
  | { readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly stream: 'display'; readonly bundle: MimeBundle }
  | { readonly stream: 'data'; readonly data: Readonly<Record<string, unknown>> };

export type EndListener = (task: Task) => void;

export type OutputListener = (event: OutputEvent, task: Task) => void;

let arrivals = 0;

const NONE: readonly never[] = [];
const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

export class Task {
  readonly id: TaskId;
  /** Undefined until an engine has been chosen (load balancing). */
  engine: EngineRecord | undefined;
  readonly label: string;
  readonly submitted = Date.now();
  /** The tasks that it had to run beside, or behind (load balancing). */
  follow: readonly TaskId[] = NONE;
  after: readonly TaskId[] = NONE;
  /** Its body went from engine to engine. */
  isBroadcast = false;
  executeInput: string | null = null;
  /** Bytes of the reply's body. */
  bytes = 0;
  /** Where the raw bytes of a result of that size go, if they have a place already. */
  destination: ((bytes: number) => Uint8Array | undefined) | undefined;
  outcome: Outcome | undefined;
  started: number | null = null;
  completed: number | null = null;
  received: number | null = null;
  /** The order of arrival among all tasks of this process: times of one millisecond tie. */
  arrival = 0;
  stdout = '';
  stderr = '';
  aborted = false;
  // Made when needed: most tasks display and publish nothing, and a map may have a hundred thousand of them.
  #outputs: MimeBundle[] | undefined;
  #data: Record<string, unknown> | undefined;
  #done: Promise<Outcome> | undefined;
  #ends: readonly EndListener[] | undefined;
  #listeners: OutputListener[] | undefined;

  constructor(id: TaskId, engine: EngineRecord | undefined, label: string) {
    this.id = id;
    this.engine = engine;
    this.label = label;
  }

  /** Resolves, never rejects, when the task has ended. Made when asked for: large maps have many tasks. */
  get done(): Promise<Outcome> {
    this.#done ??= new Promise((resolve) => this.onEnd((task) => resolve(task.outcome as Outcome)));
    return this.#done;
  }

  /** Calls `listener` when the task has ended; at once if it has. One function can listen to many tasks. */
  onEnd(listener: EndListener): void {
    if (this.outcome !== undefined) {
      listener(this);
      return;
    }
    // Exactly as long as it must be: an array that `push` or a spread has grown has room for 17.
    this.#ends = this.#ends === undefined ? [listener] : this.#ends.concat(listener);
  }

  /** What engines know it by. */
  get wireId(): TaskId {
    return this.id;
  }

  /** Ends it here, if no engine has it yet. False: an engine has to be asked. */
  drop(): boolean {
    return false;
  }

  /** First outcome wins: a late or second reply is ignored. */
  settle(outcome: Outcome, metadata?: ReplyMetadata): void {
    if (this.outcome !== undefined) return;
    this.received = Date.now();
    this.arrival = ++arrivals;
    if (metadata !== undefined) this.#take(metadata);
    else this.completed = this.received;
    this.outcome = outcome;
    // It may hold the memory that the results of other tasks lie in.
    this.destination = undefined;
    const ends = this.#ends ?? [];
    this.#ends = undefined;
    for (const listener of ends) listener(this);
  }

  succeed(value: unknown, metadata?: ReplyMetadata): void {
    this.settle(success(value), metadata);
  }

  fail(error: RemoteError, metadata?: ReplyMetadata): void {
    this.settle(failed(error), metadata);
  }

  #take(metadata: ReplyMetadata): void {
    this.started = metadata.started;
    this.completed = metadata.completed;
    // The reply holds the complete text; what streamed before was its beginning.
    this.#catchUp('stdout', metadata.stdout);
    this.#catchUp('stderr', metadata.stderr);
  }

  #catchUp(stream: 'stdout' | 'stderr', complete: string): void {
    const rest = complete.startsWith(this[stream]) ? complete.slice(this[stream].length) : '';
    if (rest !== '') this.output({ stream, text: rest });
    this[stream] = complete;
  }

  /** The reply of an `execute` that was not silent; undefined for other tasks, and until it has ended well. */
  get executed(): ExecuteResult | undefined {
    if (this.executeInput === null || !this.outcome?.ok) return undefined;
    return this.outcome.value as ExecuteResult | undefined;
  }

  /** What it displayed so far. */
  get outputs(): readonly MimeBundle[] {
    return this.#outputs ?? NONE;
  }

  /** What it published so far. */
  get data(): Readonly<Record<string, unknown>> {
    return this.#data ?? NOTHING;
  }

  /** What an attempt printed belongs to that attempt: another one begins. */
  forgetOutput(): void {
    this.stdout = '';
    this.stderr = '';
    this.#outputs = undefined;
    this.#data = undefined;
  }

  /** Text, display or data that arrived while the task runs. */
  output(event: OutputEvent): void {
    if (event.stream === 'display') {
      this.#outputs ??= [];
      this.#outputs.push(event.bundle);
    } else if (event.stream === 'data') this.#data = Object.assign(this.#data ?? {}, event.data);
    else this[event.stream] += event.text;
    for (const listener of this.#listeners ?? []) listener(event, this);
  }

  /** Hears what is printed from now on; what was printed before is replayed first, exactly once. */
  listen(listener: OutputListener): void {
    if (this.stdout !== '') listener({ stream: 'stdout', text: this.stdout }, this);
    if (this.stderr !== '') listener({ stream: 'stderr', text: this.stderr }, this);
    for (const bundle of this.outputs) listener({ stream: 'display', bundle }, this);
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
