// Every message that crosses a wire, in one place. A message is `Parts` (comm/transport.ts): part 0 is the header below
// as JSON; part 1, where there is a value, is the codec's body; the parts after it are the raw bytes of its tensors.
//
// Each header is a table of field readers, and its type is inferred from them. A control request is one entry of
// CONTROL_METHODS; its handler is one entry in engines/control.
import {
  anyOf,
  flag,
  type Infer,
  json,
  line,
  list,
  nothing,
  num,
  type ObjectOf,
  object,
  oneOf,
  optional,
  orNull,
  type Reader,
  type Readers,
  record,
  text,
  type UnionOf,
  union,
  whole,
} from './fields.ts';
import { METHODS } from './methods.ts';
import { monitorFields, recentTasks } from './monitoring.ts';
import { wireError } from './values/wire-error.ts';

/** Raised by one whenever a header or the body format changes; both ends must agree. */
export const PROTOCOL_VERSION = 1;

/** Unique per task: `<client uuid>:<counter>`. */
export type TaskId = string;

/** The number of an engine in its cluster; its replacement takes the number over. */
export type EngineId = number;

/** Engines of one cluster: so many fit into a roster message, and into the descriptors of a process. */
export const MAX_ENGINES = 1024;

// ---- Tasks socket --------------------------------------------------------------------------------------------------

const task = {
  id: text,
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
  /** The body comes as `RelayMessage`s with this key, from that engine (absent: from the client). */
  relayed: optional(object({ key: text, from: optional(whole) })),
  /** The client wants to be told when it starts. */
  tells: optional(flag),
};

const hello = {
  /** The name of the client. */
  client: text,
  /** Proves the name (client-name.ts). A link without it speaks for no client that has a secret. */
  secret: optional(text),
  /** The process and its host: they tell the controller whether the client lives when its link breaks. */
  pid: optional(whole),
  host: optional(text),
};

const fetch = { id: text };
const need = { id: text };
const body = { id: text };
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

const reply = {
  id: text,
  status: oneOf('ok', 'error', 'aborted', 'refused'),
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

/** Client → engine or controller, first on each link: this is who I am. */
export interface HelloMessage extends Message<'hello', typeof hello> {}

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

// ---- Control socket ------------------------------------------------------------------------------------------------

const statusFields = {
  uuid: text,
  pid: whole,
  /** The task that runs now. */
  running: orNull(text),
  /** The tasks that wait, in order. */
  queue: list(text),
  /** Tasks that ended since the engine started. */
  completed: whole,
  /** Tasks whose results the engine still keeps. */
  outbox: list(text),
  /** Bytes of the process's resident set. */
  rss: num,
  /**
   * Milliseconds for which code that a task has left behind has kept the engine from starting the next one; absent below
   * 3000. An interrupt replaces the engine.
   */
  blockedMs: optional(num),
  ...monitorFields,
};

/** The state of an engine's queue and process. */
export interface EngineStatus extends ObjectOf<typeof statusFields> {}

const engineStatus: Reader<EngineStatus> = object(statusFields);

/** A control request: the fields that it has besides `id` and `to`, and the reader of the answer's value. */
interface Control<F extends Readers, V> {
  readonly fields: F;
  readonly value: Reader<V>;
}

function control<F extends Readers, V>(fields: F, value: Reader<V>): Control<F, V> {
  return { fields, value };
}

/**
 * Every control request: client or controller → engine, answered while the main thread computes. A new one is an entry
 * here and a handler in engines/control/control-requests.ts, whose table does not compile without it.
 */
export const CONTROL_METHODS = {
  /** Does the control thread answer? */
  ping: control({}, nothing),
  /** The tasks that run, wait and have their results kept. `brief`: without the ids of those that wait or are kept. */
  status: control({ brief: optional(flag) }, engineStatus),
  /** The tasks of all clients that ended last, from number `since` on, and the errors of those that failed. */
  recent: control({ since: optional(whole) }, recentTasks),
  /**
   * Drops queued tasks; an id that has not arrived yet is remembered. The running task goes on. `others`: those of other
   * clients, too, here and below; without it a request that names one is refused.
   */
  abort: control({ ids: list(text), others: optional(flag) }, nothing),
  /**
   * Ends the running task, if it is one of `ids` and of that `client` (absent: whichever the caller may end). If it is not, the tasks
   * `drop` never start. Within a second if V8 can break it, else by
   * replacing the engine after `grace` ms. The answer is the id of the task, or null. `wait`: the answer comes when the
   * task has ended; an engine that is replaced does not answer.
   */
  interrupt: control(
    {
      ids: optional(list(text)),
      client: optional(text),
      drop: optional(list(text)),
      others: optional(flag),
      grace: optional(num),
      wait: optional(flag),
    },
    orNull(text),
  ),
  /** Ends the engine process. */
  shutdown: control({}, nothing),
  /** Frees kept results; without `ids` all those of `client`. */
  purge: control({ ids: optional(list(text)), client: optional(text), others: optional(flag) }, nothing),
};

/** The name of a control request. */
export type ControlMethod = keyof typeof CONTROL_METHODS;

/** A control request without the fields that its sender fills in. */
export type ControlVerb<M extends ControlMethod = ControlMethod> = {
  [K in M]: { readonly type: K } & ObjectOf<(typeof CONTROL_METHODS)[K]['fields']>;
}[M];

/** A control request on the wire: `id` numbers the requests of its sender, `to` is the engine's incarnation. */
export type ControlRequest<M extends ControlMethod = ControlMethod> = {
  [K in M]: { readonly type: K; readonly id: number; readonly to: string } & ObjectOf<
    (typeof CONTROL_METHODS)[K]['fields']
  >;
}[M];

/** The value of the answer to this control request. */
export type ControlValue<Verb extends { readonly type: ControlMethod }> = Infer<
  (typeof CONTROL_METHODS)[Verb['type']]['value']
>;

type ControlTable = {
  readonly [M in ControlMethod]: {
    readonly id: typeof whole;
    readonly to: typeof text;
  } & (typeof CONTROL_METHODS)[M]['fields'];
};

/** The control requests, by their types. */
export const CONTROL_REQUESTS = union(
  'type',
  Object.fromEntries(
    Object.entries(CONTROL_METHODS).map(([method, { fields }]) => [method, { id: whole, to: text, ...fields }]),
  ) as ControlTable,
);

/** The messages that an engine accepts on its control socket: who asks, and what. */
export const CONTROL_INBOUND = anyOf('type', CONTROL_REQUESTS, union('type', { hello }));

const controlReply = {
  /** The number of the request. */
  id: whole,
  ok: flag,
  /** Why it failed. */
  error: optional(text),
  /** Read by the `value` of the request's entry in CONTROL_METHODS. */
  value: optional(json),
};

/** The messages that an engine sends back on its control socket. */
export const CONTROL_REPLIES = union('type', { 'control-reply': controlReply });

/** Engine → whoever asked. */
export interface ControlReply extends Message<'control-reply', typeof controlReply> {}

// ---- Roster and registry, the sockets of the controller ------------------------------------------------------------

/** The kinds of GPU contexts. */
export const DEVICE_KINDS = ['webgpu', 'cuda', 'headlessgl', 'tensorflow', 'wasm', 'cpu'] as const;

const deviceFields = {
  /** The kind of its GPU context. */
  kind: oneOf(...DEVICE_KINDS),
  /** The name of the card, or of the processor. */
  adapter: line,
  driver: line,
  /** The adapter is a software renderer. */
  software: flag,
  /** The mode of gpu.js. */
  gpuMode: line,
  /** The back end of tfjs. */
  tfBackend: line,
  /** The library or shader that multiplies matrices. */
  matmul: line,
  /** Libraries that multiply instead in some dtypes, by dtype: `{ float64: 'openblas (CPU)' }`. */
  matmulBy: optional(record(line)),
  /** Libraries that would multiply, and why they do not: `{ openblas: 'DIRECTVIEW_OPENBLAS is off' }`. */
  without: optional(record(line)),
  /** CPU threads that the engine may use. */
  threads: num,
  /** Limits of the device, such as `maxBufferSize` in bytes. */
  limits: record(num),
  /** Optional features of the device, such as `shader-f16`. */
  features: list(line),
  /** Versions of the libraries, by package name. */
  versions: record(line),
};

/** The GPU context of an engine. */
export interface DeviceReport extends ObjectOf<typeof deviceFields> {}

const device: Reader<DeviceReport> = object(deviceFields);

const engineFields = {
  /** Names this incarnation: a replacement has another. */
  uuid: text,
  pid: whole,
  host: line,
  /** The endpoint of its tasks socket. */
  tasks: text,
  /** The endpoint of its control socket. */
  control: text,
  /** The endpoint of its peers socket, for other engines. */
  peers: text,
  device,
};
const numberedFields = { id: whole, ...engineFields };

/** One row of the roster: an engine, where it listens, and its device. */
export interface EngineRecord extends ObjectOf<typeof numberedFields> {}

const engine: Reader<EngineRecord> = object(numberedFields);

const clusterVerb = union('do', {
  stop: {},
  restart: { ids: list(whole) },
  shutdown: { ids: list(whole) },
  add: { n: whole },
});

const version = optional(whole);

const fateFields = {
  /** The tasks that started last, oldest first: at most 64. The last one ran, unless it had just ended. */
  started: list(text),
  /** Why the last one was ended, where that took the engine with it. */
  stopped: optional(oneOf('interrupt', 'timeout', 'client-gone')),
};

/** The state in which an engine died: it tells the tasks that had started from those that only waited. */
export interface Fate extends ObjectOf<typeof fateFields> {}

const fate: Reader<Fate> = object(fateFields);

/** Client → controller, on the roster socket. */
export const ROSTER_INBOUND = union('type', {
  /** Tell me who is there, and who comes and goes. */
  hello,
  /** Something that the cluster's launcher does. */
  cluster: { request: whole, verb: clusterVerb },
});

/** Engine → controller, on the registry socket. */
export const REGISTRY_INBOUND = union('type', {
  /**
   * I am here. `slot` is the id that it wants. `proof` is a random text that the engine tells nobody else: a second
   * registration, over another link, must have the same.
   */
  register: { engine: object(engineFields), slot: optional(whole), proof: optional(text) },
  /** I end. Only over the link that registered this uuid. */
  unregister: { uuid: text },
  /** I am alive. Only over the link that registered this uuid. */
  heartbeat: { uuid: text },
  /**
   * My main loop has not turned for so many milliseconds, although no task runs. 0: it turns again. Only over the link
   * that registered this uuid.
   */
  blocked: { uuid: text, ms: whole },
  /** Its launcher, over a link of its own: that engine has ended. `proof` is the one with which it registered. */
  ended: { uuid: text, proof: text, reason: text, fate: optional(fate) },
});

/** Controller → engine or client. `version` grows with each engine that comes or goes: it orders what they know. */
export const ROSTER_OUTBOUND = union('type', {
  /** The engine's id. */
  registered: { id: whole },
  /** Every engine; `dead`: ids of those that died and can be restarted. */
  roster: { engines: list(engine), version, dead: optional(list(whole)) },
  'engine-up': { engine, version },
  /** `replaced`: another engine starts under the same id. */
  'engine-down': { id: whole, uuid: text, reason: text, version, fate: optional(fate), replaced: optional(flag) },
  /** The replacement that 'engine-down' promised could not be started. */
  'replacement-failed': { id: whole, reason: text },
  /** Code that a task has left behind blocks this engine: tasks that wait there do not start. */
  'engine-blocked': { id: whole, uuid: text, reason: text },
  /** Errors that nobody handled on this engine; `pid`: the process that has printed them. */
  'engine-error': { id: whole, uuid: text, text, pid: whole },
  /** To engines: this client died without a goodbye. */
  'client-gone': { client: text },
  /** The answer to `cluster`; `error` says why it failed. */
  'cluster-reply': { request: whole, error: optional(text) },
  /** The cluster stops. */
  stopping: {},
});

/** A request that a client makes to the cluster's launcher. */
export type ClusterVerb = Infer<typeof clusterVerb>;

/** See ROSTER_INBOUND. */
export type RosterInbound = Infer<typeof ROSTER_INBOUND>;

/** See REGISTRY_INBOUND. */
export type RegistryInbound = Infer<typeof REGISTRY_INBOUND>;

/** See ROSTER_OUTBOUND. */
export type RosterOutbound = Infer<typeof ROSTER_OUTBOUND>;

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
]);
