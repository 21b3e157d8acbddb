import type { RemoteError } from '../../errors.ts';
import type { EngineRecord, ReplyMetadata, TaskId } from '../../protocol/messages.ts';
import type { MimeBundle } from '../../protocol/methods.ts';
import { failed, type Outcome, success } from './outcome.ts';

/** Text, a display or data that arrived while a task runs. */
export type OutputEvent =
  | { readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly stream: 'display'; readonly bundle: MimeBundle }
  | { readonly stream: 'data'; readonly data: Readonly<Record<string, unknown>> };

/** A task, as its attempts see it. */
export interface Attempted {
  readonly id: TaskId;
  /** The public name of the call, for errors. */
  readonly label: string;
  /** The attempt has its outcome. */
  attemptEnded(attempt: Attempt): void;
  /** The attempt's engine said something. */
  attemptSaid(event: OutputEvent): void;
}

const NONE: readonly never[] = [];
const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

/** One try of a task on one engine: its id there, its times, its output and its outcome. */
export class Attempt {
  /** The id that the engine knows: engines never run an id twice. */
  readonly id: TaskId;
  /** Undefined for an engine that was not there any more. */
  readonly engine: EngineRecord | undefined;
  readonly task: Attempted;
  outcome: Outcome | undefined;
  /** When the engine began and ended, in milliseconds since 1970 by its own clock; null without a reply. */
  started: number | null = null;
  completed: number | null = null;
  /** Its engine died before the task started: it is as if it had never been sent. */
  isUnstarted = false;
  /** Bytes of the reply's body. */
  bytes = 0;
  /** Settles when its message has arrived or its link is down; undefined where others pass the message on. */
  delivery: Promise<void> | undefined;
  stdout = '';
  stderr = '';
  // Made when needed: most tasks display and publish nothing, and a map may have a hundred thousand of them.
  #outputs: MimeBundle[] | undefined;
  #data: Record<string, unknown> | undefined;

  /** `id`: the task's own, or a variant of it for a later try. */
  constructor(task: Attempted, engine: EngineRecord | undefined, id: TaskId) {
    this.task = task;
    this.engine = engine;
    this.id = id;
  }

  /** The bundles that it displayed so far. */
  get outputs(): readonly MimeBundle[] {
    return this.#outputs ?? NONE;
  }

  /** The data that it published so far. */
  get data(): Readonly<Record<string, unknown>> {
    return this.#data ?? NOTHING;
  }

  /** Ends it well. */
  succeed(value: unknown, metadata?: ReplyMetadata): void {
    this.#end(success(value), metadata);
  }

  /** Ends it in an error. */
  fail(error: RemoteError, metadata?: ReplyMetadata): void {
    this.#end(failed(error), metadata);
  }

  // First outcome wins: a late or second reply is ignored.
  #end(outcome: Outcome, metadata: ReplyMetadata | undefined): void {
    if (this.outcome !== undefined) return;
    if (metadata !== undefined) this.#take(metadata);
    this.outcome = outcome;
    this.task.attemptEnded(this);
  }

  #take(metadata: ReplyMetadata): void {
    this.started = metadata.started;
    this.completed = metadata.completed;
    // The reply holds the complete text; the text that streamed before was its beginning.
    this.#catchUp('stdout', metadata.stdout);
    this.#catchUp('stderr', metadata.stderr);
  }

  #catchUp(stream: 'stdout' | 'stderr', complete: string): void {
    const rest = complete.startsWith(this[stream]) ? complete.slice(this[stream].length) : '';
    if (rest !== '') this.output({ stream, text: rest });
    this[stream] = complete;
  }

  /** Takes what arrived while it runs. */
  output(event: OutputEvent): void {
    if (event.stream === 'display') {
      this.#outputs ??= [];
      this.#outputs.push(event.bundle);
    } else if (event.stream === 'data') this.#data = Object.assign(this.#data ?? {}, event.data);
    else this[event.stream] += event.text;
    this.task.attemptSaid(event);
  }
}
