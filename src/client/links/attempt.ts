import type { RemoteError } from '../../errors.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { ReplyMetadata, TaskId } from '../../protocol/messages.ts';
import type { MimeBundle } from '../../protocol/methods.ts';
import { put } from '../../protocol/values/specials.ts';
import { failed, type Outcome, success } from './outcome.ts';

/** Text, a display or data that arrived while a task runs. */
export type OutputEvent =
  | { readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | {
      readonly stream: 'display';
      readonly bundle: MimeBundle;
      /** Bytes that it took on the wire. */
      readonly bytes?: number | undefined;
    }
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

/** A task may print and show for days: this much of it is kept, the newest. Listeners get all of it. */
const KEPT_CHARACTERS = 8 * 2 ** 20;
const KEPT_BUNDLES = 10_000;
const KEPT_BUNDLE_BYTES = 256 * 2 ** 20;
/** Keys of published data. */
const MAX_KEYS = 10_000;

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
  #sizes: number[] | undefined;
  #bytesShown = 0;
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
    if (event.stream === 'display') this.#show(event.bundle, event.bytes ?? 0);
    else if (event.stream === 'data') this.#publish(event.data);
    else this[event.stream] = newest(this[event.stream] + event.text);
    this.task.attemptSaid(event);
  }

  #show(bundle: MimeBundle, bytes: number): void {
    this.#outputs ??= [];
    this.#sizes ??= [];
    this.#outputs.push(bundle);
    this.#sizes.push(bytes);
    this.#bytesShown += bytes;
    while (this.#outputs.length > KEPT_BUNDLES || (this.#bytesShown > KEPT_BUNDLE_BYTES && this.#outputs.length > 1)) {
      this.#outputs.shift();
      this.#bytesShown -= this.#sizes.shift() ?? 0;
    }
  }

  // Field by field: a key may be called `__proto__`.
  #publish(data: Readonly<Record<string, unknown>>): void {
    this.#data ??= {};
    for (const key of Object.keys(data)) put(this.#data, key, data[key]);
    const surplus = Object.keys(this.#data).length - MAX_KEYS;
    if (surplus > 0) for (const key of Object.keys(this.#data).slice(0, surplus)) delete this.#data[key];
  }
}

// Cut where it has twice the length, so that not each piece copies all of it.
function newest(text: string): string {
  return text.length > 2 * KEPT_CHARACTERS ? text.slice(-KEPT_CHARACTERS) : text;
}
