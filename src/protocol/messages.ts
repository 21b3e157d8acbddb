// Every message that crosses a wire, in one place. A message is `Parts` (comm/transport.ts): part 0 is the header below
// as JSON; part 1, where there is a value, is the codec's body; the parts after it are the raw bytes of its tensors.
import type { WireError } from './values/wire-error.ts';

/** Raised by one whenever a header or the body format changes; both ends must agree. */
export const PROTOCOL_VERSION = 1;

/** Unique per task: `<client uuid>:<counter>`. */
export type TaskId = string;
export type EngineId = number;

/** What runs on the engine's one-at-a-time queue. One file per method in engines/verbs. */
export type Method =
  | 'apply'
  | 'execute'
  | 'push'
  | 'pull'
  | 'map'
  | 'clear'
  | 'matmul'
  | 'ring'
  | 'kernel'
  | 'memory'
  | 'describe';

/** Client → engine, tasks socket. The body holds the arguments of the method. */
export interface TaskMessage {
  readonly type: 'task';
  readonly id: TaskId;
  /** The incarnation it is meant for; another one refuses it. */
  readonly to: string;
  readonly method: Method;
  /** The public name of the call, for errors and metadata; `gather` runs the method `pull`. */
  readonly label: string;
  /** Milliseconds the task may run before it is interrupted; absent = no limit. */
  readonly runTimeout?: number;
  /** The roster version that the client has seen: the task starts when its engine has seen it too. */
  readonly roster?: number;
  /** Shared by the tasks of one call on several engines: collectives of different calls do not mix. */
  readonly call?: number;
  /** The body comes as `RelayMessage`s with this key, from that engine; absent: from the client. */
  readonly relayed?: { readonly key: string; readonly from?: EngineId };
}

/** Client → engine: the reply of this task, which may be another client's: now, or when it ends; refused if unknown. */
export interface FetchMessage {
  readonly type: 'fetch';
  readonly id: TaskId;
}

/** Engine → client: the relayed body of this task has not come, send it. */
export interface NeedMessage {
  readonly type: 'need';
  readonly id: TaskId;
}

/** Client → engine: the body of a task, asked for by `need`. */
export interface BodyMessage {
  readonly type: 'body';
  readonly id: TaskId;
}

/** Times are milliseconds since the epoch. */
export interface ReplyMetadata {
  readonly started: number | null;
  readonly completed: number;
  readonly executionCount?: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Engine → client: how a task ended. The body holds the value when `status` is ok. */
export interface ReplyMessage {
  readonly type: 'reply';
  readonly id: TaskId;
  readonly status: 'ok' | 'error' | 'aborted' | 'refused';
  readonly metadata: ReplyMetadata;
  readonly error?: WireError;
}

/** Engine → client while the task runs. `display`: body is a mime bundle; `data`: body is what was published. */
export interface OutputMessage {
  readonly type: 'output';
  readonly id: TaskId;
  readonly stream: 'stdout' | 'stderr' | 'display' | 'data';
  readonly text?: string;
}

/** Engine → engine, tasks socket, outside the queue: a value for the mailbox. */
export interface MailMessage {
  readonly type: 'mail';
  readonly from: EngineId;
  readonly tag: string;
}

/**
 * A chunk of a body that goes from engine to engine, outside the queue: part 1 of the message belongs at `offset` of
 * part `part` of the body `key`, whose parts have `sizes` bytes. `chain`: who gets it next, and after.
 */
export interface RelayMessage {
  readonly type: 'relay';
  readonly key: string;
  readonly chain: readonly EngineId[];
  readonly sizes: readonly number[];
  readonly part: number;
  readonly offset: number;
}

export type TasksInbound = TaskMessage | MailMessage | RelayMessage | BodyMessage | FetchMessage;
export type TasksOutbound = ReplyMessage | OutputMessage | NeedMessage;

export interface EngineStatus {
  readonly uuid: string;
  readonly pid: number;
  readonly running: TaskId | null;
  readonly queue: readonly TaskId[];
  /** Tasks that ended since the engine started. */
  readonly completed: number;
  /** Ids whose results the bounded outbox still holds. */
  readonly outbox: readonly TaskId[];
  readonly rss: number;
}

/** Client or controller → engine, control socket; answered while the main thread computes. */
export type ControlRequest = { readonly id: number; readonly to: string } & (
  | { readonly type: 'ping' }
  | { readonly type: 'status' }
  /** Ends queued tasks; an id that has not arrived yet is remembered. The running task goes on. */
  | { readonly type: 'abort'; readonly ids: readonly TaskId[] }
  /** Ends the running task: within a second if V8 can break it, else by replacing the engine after `grace` ms. */
  | { readonly type: 'interrupt'; readonly ids?: readonly TaskId[]; readonly grace?: number }
  | { readonly type: 'shutdown' }
  /** Frees kept results; `ids` absent = all of client `client`. */
  | { readonly type: 'purge'; readonly ids?: readonly TaskId[]; readonly client?: string }
);

export interface ControlReply {
  readonly type: 'control-reply';
  readonly id: number;
  readonly ok: boolean;
  readonly error?: string;
  readonly value?: unknown;
}

/** The engine's answers to control requests, by kind. */
export interface ControlValues {
  readonly ping: undefined;
  readonly status: EngineStatus;
  readonly abort: undefined;
  /** The task that is being ended, or null. */
  readonly interrupt: TaskId | null;
  readonly shutdown: undefined;
  readonly purge: undefined;
}

/** What an engine says of its GPU context; engines/contexts/context.ts explains the fields. */
export interface DeviceReport {
  readonly kind: 'webgpu' | 'headlessgl' | 'tensorflow' | 'wasm' | 'cpu';
  readonly adapter: string;
  readonly driver: string;
  readonly software: boolean;
  readonly gpuMode: string;
  readonly tfBackend: string;
  readonly matmul: string;
  readonly threads: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}

/** One row of the roster. */
export interface EngineRecord {
  readonly id: EngineId;
  readonly uuid: string;
  readonly pid: number;
  readonly host: string;
  readonly tasks: string;
  readonly control: string;
  readonly device: DeviceReport;
}

/** Engine or client → controller. */
export type RosterInbound =
  | { readonly type: 'register'; readonly engine: Omit<EngineRecord, 'id'>; readonly slot?: number }
  | { readonly type: 'unregister'; readonly uuid: string }
  | { readonly type: 'hello'; readonly client: string }
  | { readonly type: 'heartbeat'; readonly uuid: string }
  | { readonly type: 'cluster'; readonly request: number; readonly verb: ClusterVerb };

/** What a client may ask the cluster's launcher to do. */
export type ClusterVerb =
  | { readonly do: 'stop' }
  | { readonly do: 'restart'; readonly ids: readonly EngineId[] }
  | { readonly do: 'shutdown'; readonly ids: readonly EngineId[] }
  | { readonly do: 'add'; readonly n: number };

/** Controller → engine or client. */
export type RosterOutbound =
  | { readonly type: 'registered'; readonly id: EngineId }
  /** `version` grows with each engine that comes or goes: it orders what clients and engines know. */
  | { readonly type: 'roster'; readonly engines: readonly EngineRecord[]; readonly version?: number }
  | { readonly type: 'engine-up'; readonly engine: EngineRecord; readonly version?: number }
  | {
      readonly type: 'engine-down';
      readonly id: EngineId;
      readonly uuid: string;
      readonly reason: string;
      readonly version?: number;
    }
  | { readonly type: 'cluster-reply'; readonly request: number; readonly error?: string }
  | { readonly type: 'stopping' };

/** Every header, tagged by `type`; the version is added by the codec. */
export type Header = TasksInbound | TasksOutbound | ControlRequest | ControlReply | RosterInbound | RosterOutbound;
