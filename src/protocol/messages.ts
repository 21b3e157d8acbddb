// Every message that crosses a wire: those of tasks and peers here, the others in the files of messages/, and the union of
// all. A message is `Parts` (comm/transport.ts): part 0 is the header as JSON (short-headers.ts: or as bytes); part 1, where there is a value, is the
// codec's body; the parts after it are the raw bytes of its tensors.
//
// Each header is a table of field readers, and its type is inferred from them.
import {
  anyOf,
  flag,
  list,
  name,
  num,
  type ObjectOf,
  object,
  oneOf,
  optional,
  orNull,
  type Reader,
  type Readers,
  text,
  type UnionOf,
  union,
  whole,
} from './fields.ts';
import { CONTROL_REPLIES, CONTROL_REQUESTS, type ControlReply, type ControlRequest } from './messages/control.ts';
import { type HelloMessage, hello } from './messages/hello.ts';
import {
  REGISTRY_INBOUND,
  type RegistryInbound,
  ROSTER_INBOUND,
  ROSTER_OUTBOUND,
  type RosterInbound,
  type RosterOutbound,
} from './messages/roster.ts';
import { METHODS } from './methods.ts';
import { wireError } from './values/wire-error.ts';

/** Raised by one whenever a header or the body format changes; both ends must agree. */
export const PROTOCOL_VERSION = 1;

/** Unique per task: `<client uuid>:<counter>`. */
export type TaskId = string;

/** The number of an engine in its cluster; its replacement takes the number over. */
export type EngineId = number;

// ---- Tasks socket --------------------------------------------------------------------------------------------------

const task = {
  id: name,
  /** The incarnation of the engine that the task is meant for; another one refuses it. */
  to: text,
  /** The verb that runs it. */
  method: oneOf(...METHODS),
  /** The public name of the call, for errors and metadata; `gather` runs the method `pull`. */
  label: text,
  /** Milliseconds the task may run before it is interrupted; absent: no limit. */
  runTimeout: optional(num),
  /** The roster version that the client has seen: the task starts when its engine has seen it too. */
  roster: optional(whole),
  /** Shared by the tasks of one call on several engines: collectives of different calls do not mix. */
  call: optional(whole),
  /** Costs of messages between engines, as the client knows them: the ranks of one collective choose by the same figures. */
  links: optional(object({ mail: num, between: num, mailAlone: optional(num), betweenAlone: optional(num) })),
  /** The body comes as `RelayMessage`s with this key, from that engine (absent: from the client). */
  relayed: optional(object({ key: text, from: optional(whole) })),
  /** The client wants to be told when it starts. */
  tells: optional(flag),
};

const fetch = { id: name };
const need = { id: name };
const body = { id: name };
const mail = { from: whole, tag: text };

const relay = {
  /** Names the body. */
  key: text,
  /** The engines that get the chunk next, in order. */
  chain: list(whole),
  /** Bytes of every part of the body. */
  sizes: list(whole),
  /** The part that the chunk belongs to. */
  part: whole,
  /** Where in that part it belongs, in bytes. */
  offset: whole,
};

const metadataFields = {
  /** Null for a task that never started. */
  started: orNull(num),
  completed: num,
  /** The count of `execute` calls on the engine that were not silent; 0 for a silent one, absent for other methods. */
  executionCount: optional(whole),
  /** The complete text, also what was streamed before. */
  stdout: text,
  stderr: text,
};

/** When a task ran and what it printed. Times are milliseconds since the epoch. */
export interface ReplyMetadata extends ObjectOf<typeof metadataFields> {}

const metadata: Reader<ReplyMetadata> = object(metadataFields);

/** How a task can end. */
export const REPLY_STATUSES = ['ok', 'error', 'aborted', 'refused'] as const;

const reply = {
  id: text,
  status: oneOf(...REPLY_STATUSES),
  metadata,
  error: optional(wireError),
};

const output = {
  id: text,
  /** `display`: the body is a MimeBundle; `data`: the body is what the task published; else `text`. */
  stream: oneOf('stdout', 'stderr', 'display', 'data'),
  text: optional(text),
};

const started = {
  id: text,
  /** Milliseconds since 1970, by the engine's clock. */
  at: num,
};

/** The messages that an engine accepts on its tasks socket, from clients. */
export const TASKS_INBOUND = union('type', { hello, task, relay, body, fetch });

/** The messages that an engine accepts on its peers socket, from other engines: values, and nothing that runs. */
export const PEERS_INBOUND = union('type', { mail, relay });

/** The messages that an engine sends back on its peers socket: none. */
export const PEERS_OUTBOUND = union('type', {});

const dropped = {
  /** The task that the message was about, where that can be read. */
  id: optional(text),
  reason: text,
};

/** The messages that an engine sends back on its tasks socket. */
export const TASKS_OUTBOUND = union('type', { reply, output, need, dropped, started });

/** A header with `type` and these fields. */
type Message<Type extends string, F extends Readers> = UnionOf<'type', { readonly [K in Type]: F }>;

/** Client → engine: run this. The body holds the arguments of the method. */
export interface TaskMessage extends Message<'task', typeof task> {}

/** Client → engine: the reply of this task, which may be another client's: now, or when it ends; refused if unknown. */
export interface FetchMessage extends Message<'fetch', typeof fetch> {}

/** Engine → client: the relayed body of this task has not come, send it. */
export interface NeedMessage extends Message<'need', typeof need> {}

/** Client → engine: the body of a task, in answer to `need`. */
export interface BodyMessage extends Message<'body', typeof body> {}

/** Engine → engine, outside the queue: a value for the mailbox. */
export interface MailMessage extends Message<'mail', typeof mail> {}

/**
 * A chunk of a body that goes from engine to engine, outside the queue. Part 1 of the message holds the bytes.
 */
export interface RelayMessage extends Message<'relay', typeof relay> {}

/** Engine → client: how a task ended. The body holds the value when `status` is ok. */
export interface ReplyMessage extends Message<'reply', typeof reply> {}

/** Engine → client, while the task runs. */
export interface OutputMessage extends Message<'output', typeof output> {}

/** Engine → client: a message of yours cannot be read or handled. */
export interface DroppedMessage extends Message<'dropped', typeof dropped> {}

/** Engine → client: this task, which asked for it, starts. */
export interface StartedMessage extends Message<'started', typeof started> {}

/** See TASKS_INBOUND. */
export type TasksInbound = HelloMessage | TaskMessage | RelayMessage | BodyMessage | FetchMessage;

/** See PEERS_INBOUND. */
export type PeersInbound = MailMessage | RelayMessage;

/** See TASKS_OUTBOUND. */
export type TasksOutbound = ReplyMessage | OutputMessage | NeedMessage | DroppedMessage | StartedMessage;

// ---- All of them ---------------------------------------------------------------------------------------------------

/** Every header, told apart by `type`; the codec adds the version. */
export type Header =
  | TasksInbound
  | TasksOutbound
  | PeersInbound
  | ControlRequest
  | ControlReply
  | RosterInbound
  | RegistryInbound
  | RosterOutbound;

/** Reads any header. */
export const HEADERS = anyOf(
  'type',
  TASKS_INBOUND,
  TASKS_OUTBOUND,
  PEERS_INBOUND,
  CONTROL_REQUESTS,
  CONTROL_REPLIES,
  ROSTER_INBOUND,
  REGISTRY_INBOUND,
  ROSTER_OUTBOUND,
);

/** Headers that hold text of programs, or lists that grow with queue and roster: they may have 4 MiB, others 64 KiB. */
export const LARGE_HEADERS: ReadonlySet<string> = new Set<Header['type']>([
  'reply',
  'output',
  'abort',
  'interrupt',
  'purge',
  'control-reply',
  'roster',
  'changes',
  'engine-up',
]);
