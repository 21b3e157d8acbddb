// The messages of an engine's control socket, which its control thread answers while the main thread computes.
import {
  anyOf,
  flag,
  type Infer,
  json,
  list,
  name,
  nothing,
  num,
  type ObjectOf,
  object,
  optional,
  orNull,
  type Reader,
  type Readers,
  text,
  type UnionOf,
  union,
  whole,
} from '../fields.ts';
import { hello } from './hello.ts';
import { monitorFields, recentTasks } from './monitoring.ts';

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
  /** Bytes of the process's resident set; the most that it has had, where it has no descriptor left to read them. */
  rss: num,
  /** How many descriptors the process may open, where none is left: new clients may not reach it. Absent else. */
  descriptorLimit: optional(whole),
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
  abort: control({ ids: list(name), others: optional(flag) }, nothing),
  /**
   * Ends the running task, if it is one of `ids` and of that `client` (absent: whichever the caller may end). If it is not, the tasks
   * `drop` never start. Within a second if V8 can break it, else by
   * replacing the engine after `grace` ms. The answer is the id of the task, or null. `wait`: the answer comes when the
   * task has ended; an engine that is replaced does not answer.
   */
  interrupt: control(
    {
      ids: optional(list(name)),
      client: optional(name),
      drop: optional(list(name)),
      others: optional(flag),
      grace: optional(num),
      wait: optional(flag),
    },
    orNull(text),
  ),
  /** Ends the engine process. */
  shutdown: control({}, nothing),
  /** Frees kept results; without `ids` all those of `client`. */
  purge: control({ ids: optional(list(name)), client: optional(name), others: optional(flag) }, nothing),
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
export interface ControlReply extends UnionOf<'type', { readonly 'control-reply': typeof controlReply }> {}
